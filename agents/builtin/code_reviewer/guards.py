"""Lines that protect something: what each kind looks like, in the languages that are reviewed."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Guard:
    """One kind of protection."""

    rule: str
    pattern: re.Pattern[str]
    what: str
    """What its absence allows."""
    repaired_by: re.Pattern[str] | None = None
    """What, added to the same function, does the same by other means."""

    def replaced_in(self, added: str) -> bool:
        """Whether added text has a protection of this kind."""
        return bool(self.pattern.search(added) or (self.repaired_by and self.repaired_by.search(added)))


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


GUARDS = (
    Guard(
        rule="removed-path-check",
        pattern=_any(
            r"\bis_relative_to\s*\(",
            r"\.relative_to\s*\(",
            r"\bcommon(?:path|prefix)\s*\(",
            r"\brealpath(?:Sync)?\s*\(",
            r"\.resolve\s*\(\s*(?:strict\s*=\s*\w+\s*)?\)",
            r"\bpath\.(?:resolve|normalize|relative|basename)\s*\(",
            r"\b(?:os\.path\.)?(?:normpath|abspath|basename)\s*\(",
            r"\b(?:secure_filename|safe_join|send_from_directory|sanitize_?filename)\s*\(",
            r"\bfilepath\.(?:Clean|Rel|Base|IsLocal|EvalSymlinks)\s*\(",
            r"\bgetCanonical(?:Path|File)\s*\(",
            r"\.normalize\s*\(\s*\)",
            r"\b(?:starts_?with|hasprefix)\s*\([^)]*(?:root|base|dir|folder|prefix|sep|upload|public|static|allowed)",
            r"['\"`](?:\.\.|\.\./|\\\.\\\.|/)['\"`]\s*(?:in|not in)\b",
            r"\b(?:includes|contains|indexOf)\s*\(\s*['\"`]\.\.",
            r"\breplace(?:All)?\s*\(\s*['\"`/]\\?\.\\?\.",
            r"\bfilter\s*=\s*['\"](?:data|tar)['\"]",
        ),
        what="a path from outside can leave its folder (path traversal)",
    ),
    Guard(
        rule="removed-auth-check",
        pattern=_any(
            r"^\s*@\s*[\w.]*(?:login|auth|permission|role|admin|jwt|token|scope|access)\w*(?:_required|_require[sd]?\b|\b)",
            r"^\s*@\s*(?:requires?_|PreAuthorize|Secured|RolesAllowed|UseGuards|Authorize|permission_classes)",
            r"\[Authorize\b",
            r"\b(?:is_authenticated|isAuthenticated|is_admin|isAdmin|has_perm(?:ission)?|hasRole|hasAuthority|can_access)\b",
            r"\b(?:check_password(?:_hash)?|compare_digest|timingSafeEqual|verify_(?:signature|token|password)|ConstantTimeCompare)\s*\(",
            r"\b(?:require|ensure|check|verify|assert)_?(?:auth|login|admin|permission|access|owner|role|signature|token|session)\w*\b",
            r"\bpassport\.authenticate\s*\(|\bDepends\s*\(\s*(?:get_)?current_\w+",
            r"\bjwt\.verify\s*\(|\bbefore_action\s+:(?:auth|require|login)\w*|\bauthorize!?\b",
            r"\bcsrf_protect\b|\bcsrf\w*\s*\(|\bprotect_from_forgery\b|\bCSRFProtect\b",
        ),
        what="somebody without the right to it can do this",
    ),
    Guard(
        rule="removed-escape",
        pattern=_any(
            r"\b(?:html\.)?escape(?:_?html)?\s*\(",
            r"\b(?:bleach\.clean|markupsafe|sanitize\w*|DOMPurify|purify)\b",
            r"\b(?:encodeURIComponent|htmlspecialchars|htmlentities|escapeshellarg|escapeshellcmd|addslashes)\s*\(",
            r"\b(?:shlex\.)?quote(?:_plus)?\s*\(",
            r"\btextContent\b|\bHtmlEncode\s*\(|\bhtml/template\b|\bERB::Util\.h\b|\|\s*e(?:scape)?\b\s*(?:\}\}|\|)",
            r"\bre\.escape\s*\(|\bmysql_real_escape_string\s*\(|\bmogrify\s*\(",
            r"\bautoescape\s*=\s*(?:True|select_autoescape)",
        ),
        what="text from outside can become markup or a command (injection)",
        repaired_by=_any(r"\brender_template\s*\(", r"\bsubprocess\.run\s*\(\s*\["),
    ),
    Guard(
        rule="removed-parameters",
        pattern=_any(
            r"\bexecute(?:many)?\s*\(\s*f?['\"][^'\"]*(?:\?|%s|%\(\w+\)s|:\w+)[^'\"]*['\"]\s*,",
            r"\b(?:query|exec(?:Context)?|QueryRow)\s*\([^)]*['\"`][^'\"`]*(?:\$\d|\?)[^'\"`]*['\"`]\s*,",
            r"\bprepareStatement\s*\(|->prepare\s*\(|\bbindParam\s*\(",
        ),
        what="a value from outside can become part of the query (SQL injection)",
    ),
    Guard(
        rule="removed-limit",
        pattern=_any(
            r"\btimeout\s*[=:]\s*[\w.]+",
            r"^\s*@\s*[\w.]*(?:rate_?limit|limiter?\.limit|throttle)\w*",
            r"\b(?:rateLimit|rate_limit|express-rate-limit)\b\s*\(",
            r"\b(?:MAX_CONTENT_LENGTH|max_(?:length|size|bytes|depth|items|redirects)|maxLength|maxBytes|fileSize)\b\s*[=:]",
            r"\b(?:len|length|size)\b[^\n]{0,40}>=?\s*\w*(?:MAX|LIMIT)\w*",
            r">\s*(?:MAX|LIMIT)_\w+|\bLimitReader\s*\(|\bMaxBytesReader\s*\(",
        ),
        what="one request can take time or memory without end",
        repaired_by=_any(
            r"\btimeout\w*\s*\(", r"\bdeadline\b", r"\b(?:fail|move_on)_after\s*\(", r"\bWithTimeout\s*\("
        ),
    ),
)
ERRORS = frozenset({"removed-path-check", "removed-auth-check", "removed-escape", "removed-parameters"})
CHECK = re.compile(
    r"^\s*(?:if\b.*|unless\b.*|assert\b.*|guard\b.*|.*\b(?:validate|is_valid|isValid|validator)\w*\s*\(.*)$"
)
REFUSES = re.compile(
    r"\b(?:raise\s+\w|throw\b|abort\s*\(|panic\s*\(|assert\b|Http404|Forbidden|Unauthorized|BadRequest|res\.status\s*\(\s*4\d\d"
    r"|return\b[^\n]*(?:\b4\d\d\b|[Ee]rr(?:or)?\b|\bFalse\b|\bfalse\b|\bNone\b|\bnull\b|\bnil\b)|sys\.exit|die\s*\()"
)
