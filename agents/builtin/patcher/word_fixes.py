"""Go, Java, Ruby, PHP, C#: fixes that change one word of a line; and for what has none, why, and what to use instead.

Only changes that are safe by construction: a switch is turned to the side on which a connection or a document is
refused, a number of bits is raised. What would change data, formats or logins is left to a person, who is told which
call to use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from agents.builtin.patcher.edit import CannotFixError, Edit
from agents.builtin.scanning.source_files import SourceFile

LANGUAGES = {".go": "go", ".java": "java", ".rb": "rb", ".php": "php", ".cs": "cs"}


@dataclass(frozen=True, kw_only=True)
class _Word:
    rule: str
    pattern: re.Pattern[str]
    """The part that is replaced is its group `old`."""
    new: str
    what: str
    note: str


_VERIFIED = "check the server's certificate"
_OWN_CA = (
    "A host whose certificate comes from an authority of your own is refused until that authority is given: {how}."
)
_BITS = "make keys of 2048 bits"
_OLD_KEYS = "Keys that were made before stay as they are: make new ones."


def _word(rule: str, pattern: str, new: str, what: str, note: str) -> _Word:
    return _Word(rule=rule, pattern=re.compile(pattern), new=new, what=what, note=note)


_WORDS = (
    _word(
        "go/tls-verification-off",
        r"\bInsecureSkipVerify\s*[:=]\s*(?P<old>true)\b",
        "false",
        _VERIFIED,
        _OWN_CA.format(how="`RootCAs` of the same tls.Config"),
    ),
    _word(
        "go/weak-cipher",
        r"\bMinVersion\s*[:=]\s*tls\.(?P<old>VersionSSL30|VersionTLS10|VersionTLS11)\b",
        "VersionTLS12",
        "ask for TLS 1.2",
        "Peers that know only older versions are refused.",
    ),
    _word("go/weak-key", r"\brsa\.GenerateKey\([\w.]+,\s*(?P<old>512|1024)\)", "2048", _BITS, _OLD_KEYS),
    _word(
        "rb/tls-verification-off",
        r"\bOpenSSL::SSL::(?P<old>VERIFY_NONE)\b",
        "VERIFY_PEER",
        _VERIFIED,
        _OWN_CA.format(how="`ca_file`"),
    ),
    _word("rb/weak-key", r"\bOpenSSL::PKey::RSA\.(?:new|generate)\((?P<old>512|1024)\)", "2048", _BITS, _OLD_KEYS),
    _word(
        "php/tls-verification-off",
        r"\bCURLOPT_SSL_VERIFYPEER\s*(?:,|=>)\s*(?P<old>false|FALSE|0)\b",
        "true",
        _VERIFIED,
        _OWN_CA.format(how="CURLOPT_CAINFO"),
    ),
    _word(
        "php/tls-verification-off",
        r"\bCURLOPT_SSL_VERIFYHOST\s*(?:,|=>)\s*(?P<old>false|FALSE|0)\b",
        "2",
        _VERIFIED,
        _OWN_CA.format(how="CURLOPT_CAINFO"),
    ),
    _word(
        "php/tls-verification-off",
        r"['\"]verify(?:_peer|_peer_name)?['\"]\s*=>\s*(?P<old>false)\b",
        "true",
        _VERIFIED,
        _OWN_CA.format(how="the path of its file instead of `true`"),
    ),
    _word("php/weak-key", r"['\"]private_key_bits['\"]\s*=>\s*(?P<old>512|1024)\b", "2048", _BITS, _OLD_KEYS),
    _word(
        "php/debug-mode",
        r"\bini_set\(\s*['\"]display_errors['\"]\s*,\s*(?P<old>1|'1'|\"1\"|'On'|\"On\")\s*\)",
        "'0'",
        "show no errors to visitors",
        "Errors are still logged where `log_errors` is on.",
    ),
    _word("java/weak-key", r"\.initialize\(\s*(?P<old>512|1024)\s*\)", "2048", _BITS, _OLD_KEYS),
    _word(
        "cs/weak-key",
        r"\b(?:new\s+RSACryptoServiceProvider|RSA\.Create)\(\s*(?P<old>512|1024)\s*\)",
        "2048",
        _BITS,
        _OLD_KEYS,
    ),
    _word(
        "cs/jwt-unverified",
        r"\b(?:ValidateIssuerSigningKey|RequireSignedTokens|ValidateLifetime)\s*=\s*(?P<old>false)\b",
        "true",
        "check signature and time of tokens",
        "Tokens without a valid signature, or that have expired, are refused: `IssuerSigningKey` must be set.",
    ),
    _word(
        "cs/unsafe-xml",
        r"\bDtdProcessing\s*=\s*DtdProcessing\.(?P<old>Parse)\b",
        "Prohibit",
        "refuse document types",
        "Documents with a DOCTYPE are refused now.",
    ),
    _word(
        "cs/tls-verification-off",
        r"\bServerCertificate(?:Custom)?ValidationCallback\s*=\s*"
        r"(?P<old>HttpClientHandler\.DangerousAcceptAnyServerCertificateValidator|\([^()]*\)\s*=>\s*true)(?=\s*[;,}])",
        "null",
        _VERIFIED,
        _OWN_CA.format(how="install it where .NET looks for authorities"),
    ),
)

_WHY = {
    "sql-injection": "the statement and its values have to be taken apart",
    "nosql-injection": "which type the value has to be is not known",
    "shell-injection": "which arguments the program takes is not known",
    "path-traversal": "which folder the file must lie in is not known",
    "ssrf": "which hosts may be reached is not known",
    "open-redirect": "which addresses visitors may be sent to is not known",
    "xss": "whether the text is meant to be markup is not known",
    "unsafe-deserialisation": "another format changes what is stored and sent",
    "weak-hash": "another digest changes what is stored and compared",
    "weak-cipher": "another cipher cannot read what was encrypted before",
    "insecure-random": "the values' range and form may be relied on",
    "insecure-cookie": "pages without TLS, or scripts that read the cookie, would lose it",
    "csrf-off": "requests without a token would be refused, which may be all that this is for",
    "cors-any": "which origins may read the answers is not known",
    "file-permissions": "who has to reach the file is not known",
    "hard-coded-secret": "where this project keeps its secrets is not known, and the value has to be replaced anyway",
    "tls-verification-off": "the check is switched off by a class or a call, which something has to take the place of",
    "unsafe-xml": "whether documents with entities are expected is not known",
    "jwt-unverified": "the key and the algorithm of the tokens are not known",
    "zip-slip": "what to do with a name that leads outside is not known",
}
"""Kind -> why no change is safe by construction."""
_INSTEAD: dict[str, dict[str, str]] = {
    "sql-injection": {
        "go": '`db.Query("… where a = ?", x)`',
        "java": "a PreparedStatement with `setString`",
        "rb": '`where("name = ?", x)` or `where(name: x)`',
        "php": "`$pdo->prepare` with `execute([$x])`",
        "cs": "`command.Parameters.AddWithValue`",
    },
    "shell-injection": {
        "go": '`exec.Command("ls", "--", x)` without `sh -c`',
        "java": '`new ProcessBuilder("ls", "--", x)`',
        "rb": '`system("ls", "--", x)` with one argument each',
        "php": "`escapeshellarg`, or `proc_open` with an array",
        "cs": "`ProcessStartInfo.ArgumentList`",
    },
    "path-traversal": {
        "go": "`os.Root` (Go 1.24), or `filepath.IsLocal` before it is opened",
        "java": "`base.resolve(x).normalize()` and `startsWith(base)`",
        "rb": "`File.expand_path` and `start_with?(base + File::SEPARATOR)`",
        "php": "`realpath` and a comparison with the folder's own",
        "cs": "`Path.GetFullPath` and `StartsWith` of the folder with its separator",
    },
    "xss": {
        "go": "html/template",
        "java": "`Encode.forHtml` of OWASP's encoder, or a template that escapes",
        "rb": "the text without `html_safe` and `raw`; `sanitize` where markup is wanted",
        "php": "`htmlspecialchars($x, ENT_QUOTES)`",
        "cs": "`@x`, which Razor escapes, or `HtmlEncoder.Default.Encode`",
    },
    "unsafe-deserialisation": {
        "go": "encoding/json into a struct",
        "java": "JSON into a class, or an `ObjectInputFilter` with the classes that may come",
        "rb": "`JSON.parse`",
        "php": "`json_decode`, or `unserialize($x, ['allowed_classes' => false])`",
        "cs": "System.Text.Json",
    },
    "weak-hash": {
        "go": "crypto/sha256, for passwords golang.org/x/crypto/bcrypt",
        "java": '`MessageDigest.getInstance("SHA-256")`, for passwords a BCryptPasswordEncoder',
        "rb": "`Digest::SHA256`, for passwords `BCrypt::Password.create`",
        "php": "`hash('sha256', …)`, for passwords `password_hash`",
        "cs": "`SHA256.HashData`, for passwords `Rfc2898DeriveBytes.Pbkdf2`",
    },
    "weak-cipher": {
        "go": "`cipher.NewGCM` over `aes.NewCipher`",
        "java": '`Cipher.getInstance("AES/GCM/NoPadding")` with a new nonce each time',
        "rb": '`OpenSSL::Cipher.new("aes-256-gcm")`',
        "php": "`openssl_encrypt` with `aes-256-gcm`, or `sodium_crypto_secretbox`",
        "cs": "`AesGcm`",
    },
    "insecure-random": {
        "go": "crypto/rand",
        "java": "java.security.SecureRandom",
        "rb": "SecureRandom",
        "php": "`random_int` or `random_bytes`",
        "cs": "`RandomNumberGenerator.GetInt32` or `GetBytes`",
    },
    "unsafe-xml": {
        "java": '`setFeature("http://apache.org/xml/features/disallow-doctype-decl", true)`',
        "rb": "`Nokogiri::XML` without `noent`",
        "php": "the call without LIBXML_NOENT and LIBXML_DTDLOAD",
        "cs": "`XmlResolver = null`",
    },
    "hard-coded-secret": {
        "go": "`os.Getenv`, with an error where it is empty",
        "java": "`System.getenv`, with an error where it is null",
        "rb": "`ENV.fetch`, which raises where it is not set, or Rails' credentials",
        "php": "`getenv`, with an error where it is false",
        "cs": "`IConfiguration` with user secrets or the environment",
    },
    "insecure-cookie": {
        "go": "`Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode`",
        "java": "`setSecure(true)` and `setHttpOnly(true)`",
        "rb": "`secure: true, httponly: true, same_site: :lax`",
        "php": "`['secure' => true, 'httponly' => true, 'samesite' => 'Lax']`",
        "cs": "`Secure = true, HttpOnly = true, SameSite = SameSiteMode.Lax`",
    },
    "tls-verification-off": {
        "go": "`ssh.FixedHostKey` or the file of `knownhosts`",
        "java": "the client's own check: take the verifier or trust strategy away, and give a trust store",
        "rb": "`verify_mode = OpenSSL::SSL::VERIFY_PEER`",
        "php": "the call without `withoutVerifying`",
        "cs": "the handler without the callback",
    },
    "jwt-unverified": {
        "go": "`jwt.Parse` with the key, and `jwt.WithValidMethods`",
        "java": "`JWT.require(algorithm).build().verify(token)`",
        "rb": "`JWT.decode(token, key, true, algorithm: 'RS256')`",
        "php": "`JWT::decode($token, new Key($key, 'RS256'))`",
        "cs": "`ValidateToken`",
    },
}
"""Kind and language -> what to use."""


def fix(file: SourceFile, rule: str, line: int) -> Edit:
    """One word of the line replaced. Raises CannotFixError with what to use instead."""
    if rule == "go/tls-verification-off" and _OWN_CHECK.search(file.text):
        raise CannotFixError(
            "the project checks certificates by a function of its own, which a person has to look at"
        )
    lines = file.text.split("\n")
    text = "\n".join(lines[line - 1 : line - 1 + _length(lines, line)]) if 0 < line <= len(lines) else ""
    found = [(word, match) for word in _WORDS if word.rule == rule for match in word.pattern.finditer(text)]
    if len(found) != 1:
        raise CannotFixError(reason(rule, PurePosixPath(file.name).suffix.lower()))
    word, match = found[0]
    before = len("\n".join([*lines[: line - 1], ""]).encode("utf-8"))
    start = before + len(text[: match.start("old")].encode("utf-8"))
    end = before + len(text[: match.end("old")].encode("utf-8"))
    return Edit(spans=((start, end, word.new),), what=word.what, note=word.note)


_OWN_CHECK = re.compile(r"\b(VerifyPeerCertificate|VerifyConnection)\s*[:=](?!\s*nil\b)")
_MOST_LINES = 30


def _length(lines: list[str], line: int) -> int:
    """How many lines what begins there reaches over: until its brackets are closed."""
    depth = 0
    for count, text in enumerate(lines[line - 1 : line - 1 + _MOST_LINES], 1):
        depth += sum(text.count(sign) for sign in "([{") - sum(text.count(sign) for sign in ")]}")
        if depth <= 0:
            return count
    return 1


def reason(rule: str, suffix: str) -> str:
    """Why nothing is changed, and what to use."""
    kind = rule.rpartition("/")[2]
    why = _WHY.get(kind, "there is no change that is safe by construction")
    instead = _INSTEAD.get(kind, {}).get(LANGUAGES.get(suffix, ""))
    return f"{why}; use {instead}" if instead else f"{why}; a person has to"
