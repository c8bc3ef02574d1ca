"""What is looked for in JavaScript and TypeScript."""

from __future__ import annotations

from agents.builtin.scanning.rule import Rule

EVAL = Rule(
    id="js/eval",
    cwe="CWE-95",
    severity="CRITICAL",
    description="Text is evaluated as JavaScript.",
    recommendation="Parse what is expected, as with JSON.parse.",
)
NEW_FUNCTION = Rule(
    id="js/new-function",
    cwe="CWE-95",
    severity="CRITICAL",
    description="A function is made from text: whoever writes the text runs code here.",
    recommendation="Replace it by a table of functions, or by a parser for what is expected.",
)
TIMER_TEXT = Rule(
    id="js/timer-text",
    cwe="CWE-95",
    severity="HIGH",
    description="A timer is given text, which it evaluates as JavaScript.",
    recommendation="Give it a function.",
)
SHELL = Rule(
    id="js/shell-injection",
    cwe="CWE-78",
    severity="CRITICAL",
    description="A shell is given a command line put together at run time: its parts can hold further commands.",
    recommendation="Use execFile or spawn with a list of arguments, without a shell.",
)
SPAWN_SHELL = Rule(
    id="js/spawn-shell",
    cwe="CWE-78",
    severity="HIGH",
    description="A program is started through a shell, which interprets its arguments.",
    recommendation="Leave shell: true out.",
)
WEAK_HASH = Rule(
    id="js/weak-hash",
    cwe="CWE-328",
    severity="HIGH",
    description="A broken hash function (MD4, MD5, SHA-1) is used where it has to withstand an attacker.",
    recommendation="Use createHash('sha256'), or for passwords scrypt with a random salt.",
)
WEAK_CIPHER = Rule(
    id="js/weak-cipher",
    cwe="CWE-327",
    severity="HIGH",
    description="A broken cipher, or one whose key is derived without salt, protects data.",
    recommendation="Use createCipheriv with aes-256-gcm and a random initialisation vector.",
)
HARD_CODED = Rule(
    id="js/hard-coded-secret",
    cwe="CWE-798",
    severity="HIGH",
    description="A secret is written into the source, where everybody who can read the repository finds it.",
    recommendation="Read it from process.env or a secret store, and replace the one that is known now.",
)
INNER_HTML = Rule(
    id="js/inner-html",
    cwe="CWE-79",
    severity="HIGH",
    description="Text becomes HTML of the page: a script in it runs with the visitor's rights.",
    recommendation="Set textContent, or sanitise the HTML first.",
)
DOCUMENT_WRITE = Rule(
    id="js/document-write",
    cwe="CWE-79",
    severity="HIGH",
    description="Text is written into the page as HTML.",
    recommendation="Create elements and set their textContent.",
)
REACT_HTML = Rule(
    id="js/dangerous-html",
    cwe="CWE-79",
    severity="MEDIUM",
    description="React is told to insert text as HTML.",
    recommendation="Render the text as a child, or sanitise the HTML first.",
)
RANDOM = Rule(
    id="js/insecure-random",
    cwe="CWE-338",
    severity="MEDIUM",
    description="A secret is drawn from Math.random, whose next values can be computed from earlier ones.",
    recommendation="Use crypto.randomBytes or crypto.randomUUID.",
)
TLS = Rule(
    id="js/tls-verification-off",
    cwe="CWE-295",
    severity="HIGH",
    description="The server's certificate is not checked: anybody on the way can read and change the traffic.",
    recommendation="Leave verification on; give the CA file of a private authority.",
)
SQL = Rule(
    id="js/sql-injection",
    cwe="CWE-89",
    severity="CRITICAL",
    description="An SQL statement is put together from text: its parts can change its meaning.",
    recommendation="Use placeholders and pass the values as parameters.",
)
REDIRECT = Rule(
    id="js/open-redirect",
    cwe="CWE-601",
    severity="MEDIUM",
    description="A visitor is sent to an address taken from the request.",
    recommendation="Redirect to known addresses only.",
)
TRAVERSAL = Rule(
    id="js/path-traversal",
    cwe="CWE-22",
    severity="HIGH",
    description="A path from a request is opened without a check that it lies within the intended folder.",
    recommendation="Resolve the path and check that it begins with the folder before it is opened.",
)
JWT = Rule(
    id="js/jwt-unverified",
    cwe="CWE-347",
    severity="CRITICAL",
    description="Tokens without a signature are accepted: anybody can write one.",
    recommendation="Name the algorithms that are allowed; never 'none'.",
)
