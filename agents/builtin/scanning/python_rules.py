"""What is looked for in Python: bandit's tests under this platform's names, and rules of its own beside them."""

from __future__ import annotations

from agents.builtin.scanning.rule import Rule

WEAK_HASH = Rule(
    id="py/weak-hash",
    cwe="CWE-328",
    severity="HIGH",
    description="A broken hash function (MD4, MD5, SHA-1) is used where it has to withstand an attacker.",
    recommendation="Use hashlib.sha256, or for passwords hashlib.scrypt with a random salt.",
)
SHELL = Rule(
    id="py/shell-injection",
    cwe="CWE-78",
    severity="CRITICAL",
    description="A shell is given a command line put together at run time: its parts can hold further commands.",
    recommendation="Give subprocess a list of arguments and leave shell=True out.",
)
HARD_CODED = Rule(
    id="py/hard-coded-secret",
    cwe="CWE-798",
    severity="HIGH",
    description="A secret is written into the source, where everybody who can read the repository finds it.",
    recommendation="Read it from the environment or a secret store, and replace the one that is known now.",
)
YAML_LOAD = Rule(
    id="py/unsafe-yaml",
    cwe="CWE-502",
    severity="HIGH",
    description="yaml.load without a safe loader builds any Python object the document names, and so runs code.",
    recommendation="Use yaml.safe_load.",
)
EVAL = Rule(
    id="py/eval",
    cwe="CWE-95",
    severity="CRITICAL",
    description="Text is evaluated as Python code.",
    recommendation="Parse what is expected: ast.literal_eval for literals, json.loads for JSON.",
)
EXEC = Rule(
    id="py/exec",
    cwe="CWE-95",
    severity="CRITICAL",
    description="Text is executed as Python code.",
    recommendation="Replace it by a table of functions, or by a parser for what is expected.",
)
PICKLE = Rule(
    id="py/unsafe-deserialisation",
    cwe="CWE-502",
    severity="HIGH",
    description="Data is unpickled: who can change it can run code here.",
    recommendation="Use JSON, or sign the data and check the signature before it is read.",
)
SQL = Rule(
    id="py/sql-injection",
    cwe="CWE-89",
    severity="CRITICAL",
    description="An SQL statement is put together from text: its parts can change its meaning.",
    recommendation="Use placeholders and pass the values as parameters.",
)
TLS = Rule(
    id="py/tls-verification-off",
    cwe="CWE-295",
    severity="HIGH",
    description="The server's certificate is not checked: anybody on the way can read and change the traffic.",
    recommendation="Leave verification on; give the CA file of a private authority.",
)
FLASK_DEBUG = Rule(
    id="py/debug-mode",
    cwe="CWE-489",
    severity="HIGH",
    description="The web application runs in debug mode, which gives visitors an interactive Python console.",
    recommendation="Leave debug=True out, or read it from the environment with False as default.",
)
MKTEMP = Rule(
    id="py/insecure-temp-file",
    cwe="CWE-377",
    severity="MEDIUM",
    description="The name of a temporary file can be guessed and taken by somebody else first.",
    recommendation="Use tempfile.NamedTemporaryFile or tempfile.mkstemp.",
)
RANDOM = Rule(
    id="py/insecure-random",
    cwe="CWE-338",
    severity="MEDIUM",
    description="A secret is drawn from a random generator whose next values can be computed from earlier ones.",
    recommendation="Use the secrets module.",
)
CIPHER = Rule(
    id="py/weak-cipher",
    cwe="CWE-327",
    severity="HIGH",
    description="A broken or unsafely used cipher protects data.",
    recommendation="Use AES-GCM or ChaCha20-Poly1305.",
)
ARCHIVE = Rule(
    id="py/archive-traversal",
    cwe="CWE-22",
    severity="HIGH",
    description="An archive is unpacked without checks: its members can be written outside of the target folder.",
    recommendation="Pass filter='data' to extractall.",
)
XML = Rule(
    id="py/unsafe-xml",
    cwe="CWE-611",
    severity="MEDIUM",
    description="XML from elsewhere is parsed with entities on.",
    recommendation="Use the defusedxml package.",
)
AUTOESCAPE = Rule(
    id="py/template-autoescape-off",
    cwe="CWE-79",
    severity="HIGH",
    description="A Jinja environment does not escape HTML.",
    recommendation="Pass autoescape=True or select_autoescape().",
)
NO_TIMEOUT = Rule(
    id="py/request-without-timeout",
    cwe="CWE-400",
    severity="LOW",
    description="A request without a timeout can hang for ever.",
    recommendation="Pass timeout=…",
)
BIND_ALL = Rule(
    id="py/bind-all-interfaces",
    cwe="CWE-605",
    severity="LOW",
    description="A server listens on all network interfaces.",
    recommendation="Bind to the interface it is meant for.",
)
JWT = Rule(
    id="py/jwt-unverified",
    cwe="CWE-347",
    severity="CRITICAL",
    description="A token is decoded without checking its signature: anybody can write one.",
    recommendation="Leave verification on and name the algorithms that are allowed.",
)
TEMPLATE = Rule(
    id="py/template-injection",
    cwe="CWE-1336",
    severity="CRITICAL",
    description="Text put together at run time is rendered as a template: its parts can hold expressions.",
    recommendation="Render a fixed template and pass the values to it.",
)
TRAVERSAL = Rule(
    id="py/path-traversal",
    cwe="CWE-22",
    severity="HIGH",
    description="A path from a request is opened without a check that it lies within the intended folder.",
    recommendation="Resolve the path and check with Path.is_relative_to before it is opened.",
)
REDIRECT = Rule(
    id="py/open-redirect",
    cwe="CWE-601",
    severity="MEDIUM",
    description="A visitor is sent to an address taken from the request.",
    recommendation="Redirect to known addresses only.",
)

BANDIT: dict[str, Rule] = {
    **dict.fromkeys(("B303", "B324"), WEAK_HASH),
    **dict.fromkeys(("B602", "B604", "B605", "B609"), SHELL),
    **dict.fromkeys(("B301", "B302", "B403"), PICKLE),
    **dict.fromkeys(("B501", "B323", "B504"), TLS),
    **dict.fromkeys(("B304", "B305"), CIPHER),
    **dict.fromkeys(("B320",), XML),
    "B102": EXEC,
    "B104": BIND_ALL,
    "B113": NO_TIMEOUT,
    "B201": FLASK_DEBUG,
    "B202": ARCHIVE,
    "B306": MKTEMP,
    "B307": EVAL,
    "B506": YAML_LOAD,
    "B608": SQL,
    "B701": AUTOESCAPE,
}
"""Bandit's test -> the rule it stands for."""

BANDIT_IGNORED = frozenset(
    {
        "B101",
        "B105",
        "B106",
        "B107",
        "B110",
        "B310",
        "B112",
        "B311",
        "B404",
        "B603",
        "B606",
        "B607",
        "B108",
        "B103",
        "B308",
        "B703",
    }
    | {"B313", "B314", "B315", "B316", "B317", "B318", "B319"}
    | {"B401", "B402", "B403", "B405", "B406", "B407", "B408", "B409", "B410", "B411", "B412", "B413", "B415"}
)
"""Tests that note the mere import or use of something, right or wrong; random numbers and hard-coded
secrets have better rules here, which know the names that only speak about a secret. Python's own XML parsers resolve no
external entities since 3.7; where that is switched on, a rule of ours says so."""
