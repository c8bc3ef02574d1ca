"""Code that protects something, and code that switches a protection off: what each kind looks like, in any language."""
# ruff: noqa: E501

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
    matters_where: re.Pattern[str] | None = None
    """What the function must still do, for the protection to be missed."""
    matters_by: re.Pattern[str] | None = None
    """What the function must do now instead, for the protection to be missed."""
    refuses: bool = False
    """It protects only as a condition of a refusal."""

    def replaced_in(self, added: str) -> bool:
        """Whether added text has a protection of this kind."""
        return bool(self.pattern.search(added) or (self.repaired_by and self.repaired_by.search(added)))

    def matters_in(self, after: str, gained: str) -> bool:
        """Whether the function, as it is now, still does what was protected."""
        if self.matters_where is not None and not self.matters_where.search(after):
            return False
        return self.matters_by is None or self.matters_by.search(gained) is not None


@dataclass(frozen=True, kw_only=True)
class Switch:
    """One way to switch a protection off."""

    pattern: re.Pattern[str]
    what: str


def _any(*patterns: str, flags: int = re.IGNORECASE) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), flags)


_PATHS = "a path from outside can leave its folder (path traversal)"
_RIGHTS = "somebody without the right to it can do this"
_MARKUP = "text from outside can become markup or a command (injection)"
_TIME = "one request can take time or memory without end"
_TIMING = "how long the comparison takes tells how much of the secret is right (timing attack)"
_FORGED = "another site can make a signed-in person's browser do this (request forgery)"
_FILES = _any(
    r"\b(?:f?open|read|write|send|extract|unlink|remove|rmtree|copy|move|rename|save|load|mkdir|stat|exists|include|require"
    r"|serve|create|delete|store|list|glob|iterdir|touch|download|upload|put|get|render|stream|tar|zip|join)\w*\s*\(",
    r"\bFile\w*\b|\bPaths?\b|\bfs\b|\bsend_file\b|\breadfile\b",
)
_WAITS = _any(
    r"http|fetch|axios|requests?\b|\bclient|connect|url|socket|subprocess|\bPopen|communicate|\bexec|query|session|recv|smtp|ftp"
    r"|redis|\bDial|listen|\bwait|acquire|\bjoin\s*\(|transport|\bpost\s*\(|\bget\s*\(|server|database|\bdb\b|\bctx\b|context"
)
_BUILT = _any(
    r"\bf['\"]|['\"]\s*%|%\s*\(|\.format\s*\(|\+|\$\{|#\{|\$\"|['\"][^'\"]*\$\w|\bSprintf\s*\(|\.concat\s*\(|\.join\s*\(|raw"
)

GUARDS = (
    Guard(
        rule="removed-path-check",
        pattern=_any(
            r"\bis_relative_to\s*\(",
            r"\.relative_to\s*\(",
            r"\bcommon(?:path|prefix)\s*\(",
            r"\b(?:not\s+)?in\s+\w+\.parents\b",
            r"\b(?:secure_filename|safe_join|send_from_directory|sanitize_?filename)\s*\(",
            r"\bfilepath\.(?:Rel|IsLocal|EvalSymlinks)\s*\(",
            r"\bgetCanonical(?:Path|File)\s*\(",
            r"\bpath\.(?:relative|isAbsolute)\s*\(",
            r"\b(?:starts_?with\??|hasprefix|str_starts_with|strpos|strncmp|index_of|indexOf)\s*\([^)]*(?:root|base|dir|folder|prefix|sep|upload|public|static|allowed)",
            r"['\"`](?:\.\.|\.\./|\\\.\\\.|/)['\"`]\s*(?:in|not in)\b",
            r"\b(?:includes?\??|contains|indexOf|strpos|str_contains)\s*\([^)]*['\"`]\.\.",
            r"\breplace(?:All)?\s*\(\s*['\"`/]\\?\.\\?\.",
            r"\bfilter\s*=\s*['\"](?:data|tar)['\"]",
        ),
        what=_PATHS,
        matters_where=_FILES,
    ),
    Guard(
        rule="removed-path-check",
        pattern=_any(
            r"\brealpath(?:Sync)?\s*\((?!\s*['\"]|[^)]*__(?:file|dir))",
            r"(?<!Promise)\.resolve\s*\(\s*(?:strict\s*=\s*\w+\s*)?\)",
            r"\bpath\.(?:resolve|normalize|basename)\s*\((?!\s*__dirname)",
            r"\b(?:os\.path\.)?(?:normpath|abspath|basename)\s*\((?!\s*['\"]|[^)]*__(?:file|dir))",
            r"\bfilepath\.(?:Clean|Base)\s*\(",
            r"\.normalize\s*\(\s*\)",
            r"\bPath\.Get(?:FullPath|FileName)\s*\(",
            r"\bFile\.(?:expand_path|basename|realpath)\s*\((?![^)]*__)",
            r"\bFilenameUtils\.\w+\s*\(",
        ),
        what=_PATHS,
        matters_where=_FILES,
    ),
    Guard(
        rule="removed-auth-check",
        pattern=_any(
            r"^\s*@\s*[\w.]*(?:login|auth|permission|role|admin|jwt|token|scope|access|staff|owner)\w*(?:_required|_require[sd]?\b|\b)",
            r"^\s*@\s*(?:requires?_|PreAuthorize|PostAuthorize|Secured|RolesAllowed|DenyAll|UseGuards|Roles|Authorize|Authenticated|user_passes_test)",
            r"\[(?:\w+,\s*)?(?:Custom)?Authorize\b|\bRequireAuthorization\s*\(|\bUse(?:Authentication|Authorization)\s*\(",
            r"\b(?:is_?authenticated|is_?(?:admin|staff|superuser|owner)|has_?perm(?:ission)?s?|has_?role|has_?any_?(?:role|authority)|has_?authority|can_access|logged_in\??)\b",
            r"\b(?:check_password(?:_hash)?|verify_(?:signature|token|password)|password_verify|checkpw|CompareHashAndPassword)\s*\(",
            r"\b(?:require|ensure|check|verify|assert|enforce)_?(?:auth|login|admin|permission|access|owner|role|signature|token|session|scope|signed_?in)\w*\b",
            r"\bpassport\.authenticate\s*\(|\b(?:Depends|Security)\s*\(\s*[\w.]*(?:current_|auth|require|verify|permission|scope)\w*",
            r"\bjwt\.verify\s*\(|\bbefore_(?:action|filter)\s+:(?!set_|load_|find_)\w*(?:auth|require|login|user|admin|verify|check|ensure|owner|permit|allow)\w*|\bauthorize!?\b",
            r"\bpermission_classes\s*=|^\s*permissions\s*=\s*[\[(]\s*\w|\b(?:LoginRequired|PermissionRequired|UserPassesTest|\w*Required)Mixin\b|\.authenticated\s*\(\s*\)",
            r"->middleware\s*\([^)]*['\"](?:auth|can|role|verified|admin|permission)|\bGate::(?:authorize|allows|denies)",
            # Rows of the person who asks, and of nobody else.
            r"\bcurrent_user\.\w+\.(?:find|where|first|friendly)",
            r"\b(?:get|filter|find|where|first|get_object_or_404|find_?one|find_?by|find_?first|delete|update|one)\w*\s*\(.*[(,{]\s*['\"]?(?:owner|author|user|account|tenant|organi[sz]ation|team|created_by)(?:_?id)?['\"]?\s*(?:=|:|=>)\s*[\w.$>-]*(?:current_?user|request\.user|req\.user|ctx\.user|session\.user|g\.user|self\.request\.user)",
            r"^\s*(?:\w+\.)?(?:use|all)\s*\([^)]*\b(?:auth|authenticate|authori[sz]e|isLoggedIn|guard)\w*\b",
        ),
        what=_RIGHTS,
        # The class got another base, which checks for all that are made from it.
        repaired_by=_any(
            r"\bclass\b[^\n]*(?:<|\(|\bextends\b|:)[^\n]*(?:auth|admin|moderat|staff|member|login|signed|secure|protected|private|owner|restricted)"
        ),
    ),
    Guard(
        rule="removed-auth-check",
        pattern=_any(
            r"\b(?:compare_digest|timingSafeEqual|ConstantTimeCompare|hmac\.Equal|MessageDigest\.isEqual|secure_compare|fixed_length_secure_compare|hash_equals|FixedTimeEquals|constant_time_compare|safe_str_cmp)\b\s*\(?"
        ),
        what=_TIMING,
        matters_where=_any(r"==|!=|\bequals?\b|\bcompare\w*\s*\(|SequenceEqual|\btrue\b"),
    ),
    Guard(
        rule="removed-auth-check",
        pattern=_any(
            r"\bcsrf_protect\b|\b(?:(?:check|verify|validate|require|ensure|assert|protect)_?)?csrf\w*\s*\(|\bprotect_from_forgery\b|\bCSRFProtect\b|\bCsrfViewMiddleware\b|\bcsrf_token\b|\bcsrf_field\b|@csrf\b",
            r"\b(?:AutoV|V)alidateAntiForgeryToken\b|\bAntiForgeryToken\s*\(",
        ),
        what=_FORGED,
        repaired_by=_any(r"samesite|csrf|antiforgery|forgery"),
    ),
    Guard(
        rule="removed-escape",
        pattern=_any(
            r"\b(?:html\.)?escape(?:_?html|_filter_chars|String)?\s*\(|\bhtml\.EscapeString\s*\(|\bEncode\.for\w+\s*\(|\bescapeHtml[34]?\s*\(",
            r"\b(?:bleach\.clean|markupsafe|sanitize\w*|DOMPurify|purify|strip_tags|nh3\.clean)\b",
            r"\b(?:encodeURIComponent|htmlspecialchars|htmlentities|escapeshellarg|escapeshellcmd|addslashes)\s*\(",
            r"\b(?:shlex\.)?quote(?:_plus)?\s*\(|\bShellwords\.escape\b|\bshellescape\b",
            r"\b(?:HtmlEncode|UrlEncode|JavaScriptStringEncode)\s*\(|\bhtml/template\b|\bERB::Util\.h\b|\|\s*e(?:scape)?\b\s*(?:\}\}|\|)",
            r"\bre\.escape\s*\(|\bRegexp\.(?:escape|quote)\s*\(|\bPattern\.quote\s*\(|\bmysql_real_escape_string\s*\(|\bmogrify\s*\(|\bescape_filter_chars\s*\(|\bldap_escape\s*\(",
            r"\bautoescape\s*=\s*(?:True|select_autoescape)",
        ),
        what=_MARKUP,
        repaired_by=_any(
            r"\brender\w*\s*\(", r"\bsubprocess\.run\s*\(\s*\[", r"\btextContent\b|createTextNode\s*\("
        ),
    ),
    Guard(
        rule="removed-escape",
        pattern=_any(r"\b(?:textContent|innerText|createTextNode|v-text)\b"),
        what=_MARKUP,
        matters_by=_any(
            r"\b(?:innerHTML|outerHTML|insertAdjacentHTML|document\.write|v-html|dangerouslySetInnerHTML)\b|\.html\s*\("
        ),
    ),
    Guard(
        rule="removed-escape",
        pattern=_any(
            r"\b(?:system|exec|popen|spawn|capture[23e]?|backtick)\s*\(\s*(?:\[\s*)?['\"][\w./-]+['\"]\s*,",
            r"\b(?:execFile|execFileSync|spawn|spawnSync)\s*\(",
        ),
        what="a value from outside can become a command of the shell (injection)",
        matters_by=_any(
            r"\b(?:system|exec(?:Sync)?|popen)\s*\(\s*(?:f?['\"`][^'\"`]*(?:\#\{|\$\{|\{|['\"`]\s*\+)|\w+\s*\+)|\bshell\s*[=:]\s*true"
        ),
    ),
    Guard(
        rule="removed-parameters",
        pattern=_any(
            r"\bexecute(?:many)?\s*\(\s*f?['\"][^'\"]*(?:\?|%s|%\(\w+\)s|:\w+)[^'\"]*['\"]\s*,",
            r"\b(?:query|exec(?:Context)?|QueryRow|where|find_by_sql|raw)\w*\s*\([^)]*['\"`][^'\"`]*(?:\$\d|\?|:\w+|@\w+)[^'\"`]*['\"`]\s*,",
            r"\bprepareStatement\s*\(|->prepare\s*\(|\bbindParam\s*\(|\bbindValue\s*\(",
            r"\bParameters\.Add\w*\s*\(|\b(?:FromSqlInterpolated|ExecuteSqlInterpolated)\w*\s*\(|\bset(?:String|Int|Long|Parameter)\s*\(\s*(?:\d|\")",
        ),
        what="a value from outside can become part of the query (SQL injection)",
        matters_by=_BUILT,
    ),
    Guard(
        rule="removed-limit",
        pattern=_any(
            r"\btimeout['\"]?\s*(?:=>|[=:])\s*(?!None\b|null\b|0\b)[\w.$@]+",
            r"\b(?:Read|Write|Idle|ReadHeader|Dial|Connect|Handshake)Timeout\b",
            r"\bset\w*Timeout\s*\(\s*\w+\s*\)",
            r"\b(?:context\.)?With(?:Timeout|Deadline)\s*\(",
        ),
        what=_TIME,
        repaired_by=_any(
            r"\btimeout\w*\s*\(",
            r"\bdeadline\b",
            r"\b(?:fail|move_on)_after\s*\(",
            r"\bWithTimeout\s*\(",
            r"AbortSignal",
        ),
        matters_where=_WAITS,
    ),
    Guard(
        rule="removed-limit",
        pattern=_any(
            r"^\s*@\s*[\w.]*(?:rate_?limit|limiter?\.limit|throttle)\w*",
            r"\b(?:rateLimit|rate_limit|express-rate-limit|slowDown)\b\s*\(|^\s*throttle\s*\(|\bthrottle_classes\s*=|\bRequestSizeLimit\b|\bEnableRateLimiting\b|\bRateLimiter\b",
            r"\b(?:MAX_CONTENT_LENGTH|max_(?:length|size|bytes|depth|items|redirects)|maxLength|maxBytes|bodyLimit|fileSize|DATA_UPLOAD_MAX\w*)\b\s*[=:]",
            r"\bexpress\.(?:json|urlencoded)\s*\(\s*\{[^}]*\blimit\b",
            r"\bLimitReader\s*\(|\bMaxBytesReader\s*\(",
            r"\.read\s*\(\s*(?:MAX|LIMIT|\w*max\w*|\d)\w*",
        ),
        what=_TIME,
        matters_where=re.compile(r"[({]"),
    ),
    Guard(
        rule="removed-limit",
        pattern=_any(
            r"^\s*(?P<bounded>[\w.@$>-]+)\s*:?=\s*(?:[\w:]+[.:]+)?(?:min|max|clamp)\s*\([^;]*(?<![\w.])(?P=bounded)\b",
            r"^\s*\.(?:limit|take)\s*\(\s*[\w.:]+\s*\)",
        ),
        what=_TIME,
        repaired_by=_any(r"\b(?:min|max|clamp|limit|take|first|paginate)\s*\(|\.(?:min|max)\b|\bLIMIT\b"),
    ),
    Guard(
        rule="removed-limit",
        pattern=_any(
            r"['\"]exp['\"]\s*:|\bexpires?_?(?:in|delta)\b\s*[=:]|\bexpiresIn\b|\bmax_?age\b\s*[=:]|\bsetExpiration\s*\("
        ),
        what="what was given out stays valid for ever",
        repaired_by=_any(r"\bexp"),
        matters_where=_any(r"jwt|token|sign|cookie|session|encode"),
    ),
    Guard(
        rule="removed-limit",
        pattern=re.compile(r"\b(?:strncpy|strlcpy|strncat|strlcat|v?snprintf|fgets)\s*\("),
        what="what is longer than its place overwrites what lies behind it",
        matters_by=re.compile(r"\b(?:strcpy|strcat|v?sprintf|gets)\s*\("),
    ),
    Guard(
        rule="removed-limit",
        pattern=_any(
            r"\b(?:len|length|size|count)\b[^\n]{0,40}>=?\s*\w*(?:MAX|LIMIT|\d{3,})\w*",
            r">=?\s*(?:\w+\.)*(?:MAX|LIMIT)_\w+",
            r">=?\s*[@$]?[\w.>-]*(?:_|\b|(?<=[a-z]))(?:max(?:imum)?_\w+|max[A-Z]\w*|limit|quota|budget)\b",
            r"\b(?:sum|total|len|length|size|count)\b\S*\s*>=?\s*(?:size|length|total|allowed)\b",
            r"\b(?:failed|attempts?|tries|retries)\w*\b[^\n]{0,30}>=?\s*\w+",
        ),
        what=_TIME,
        repaired_by=_any(
            r"<=?\s*[@$]?[\w.>-]*(?:max|limit|quota|budget)|\b(?:check|enforce)_?\w*(?:limit|size|quota)"
        ),
        refuses=True,
    ),
    Guard(
        rule="removed-validation",
        pattern=_any(
            r"\bField\s*\([^)]*\b(?:gt|ge|lt|le|pattern|regex|min_length|max_length)\s*=|\b(?:constr|conint|Annotated)\b\s*[(\[].*(?:gt|ge|lt|le|pattern)=",
            r"\bz\.\w+\(\)[^\n]*\.(?:email|url|uuid|regex|min|max|positive|int|nonnegative|length)\s*\(|\b(?:Joi|yup)\.\w+\(\)[^\n]*\.\w+\(",
            r"^\s*@(?:field:)?(?:NotNull|NotBlank|NotEmpty|Size|Min|Max|Pattern|Email|Positive\w*|Digits|Length|Range|Is[A-Z]\w+|Matches)\b",
            r"@Valid(?:ated)?\b",
            r"^\s*\[(?:Required|Range|StringLength|MaxLength|MinLength|RegularExpression|EmailAddress)\b|\bModelState\.IsValid\b",
            r"^\s*validates?\s+:\w+|^\s*validates_\w+",
            r"->validate\s*\(|->validated\s*\(|\bValidator::make\s*\(|\bfilter_var\s*\(",
            r"\.permit\s*\(",
            r"\burl_has_allowed_host_and_scheme\s*\(|\bis_safe_url\s*\(",
            r"\b(?:jsonschema\.validate|\.model_validate|full_clean|is_valid)\s*\(",
            r"\b(?:validate|sanitize|is_?valid)\w*\s*\(\s*\w",
            r"\bin\s+[\w.]*(?:allow|whitelist|permitted|trusted)\w*\b|\b\w*(?:allow|whitelist|permitted|trusted)\w*\.(?:has|includes?\??|contains\w*)\s*\(",
        ),
        what="values that were refused are taken now",
        repaired_by=_any(
            r"valid|schema|\bparse\s*\(|\bclean|ensure|ThrowIf|allowed|whitelist|allow_?list|\bregex\b"
        ),
    ),
    Guard(
        rule="removed-check",
        pattern=_any(r"['\"]__proto__['\"]|\bhasOwnProperty\b"),
        what="a key from outside can change every object (prototype pollution)",
        repaired_by=_any(r"Object\.create\(null\)|\bnew Map\b|Object\.hasOwn|structuredClone"),
        matters_where=re.compile(r"\[\w+\]"),
    ),
    Guard(
        rule="leaked-handle",
        pattern=_any(
            r"\bdefer\s+[\w.]+\.Close\s*\(\s*\)",
            r"^\s*(?:async\s+)?with\s+(?:[\w.]+\.)?(?:open|closing|aclosing|socket|urlopen|connect|NamedTemporaryFile|ZipFile)\s*\(",
            r"^\s*try\s*\(\s*\S",
            r"^\s*(?:await\s+)?using\s*(?:var\s+\w|\(|\w+\s+\w+\s*=)",
        ),
        what="what it opened stays open: files and connections run out",
        repaired_by=_any(
            r"\bclose\w*\s*\(|\.Dispose\w*\s*\(|\bwith\s|\bdefer\b|\btry\s*\(|\busing\b|ExitStack|enter_\w*context|read_text|read_bytes"
            r"|write_text|write_bytes|ReadFile|ReadAll|WriteFile|readAllBytes|readString|File\.(?:Read|Write)All"
        ),
        matters_where=_any(
            r"\b(?:open|socket|urlopen|connect|NamedTemporaryFile|ZipFile)\s*\(|\.(?:Open|OpenFile|Create|Dial\w*|Get|Post|Do|Query\w*|Prepare\w*|FormFile)\s*\("
            r"|\bnew\s+\w*(?:Stream|Reader|Writer|Connection|Socket|Client|Scanner)\b|\bFiles\.new|\bgetConnection\s*\(|\bopenStream\s*\("
        ),
    ),
    Guard(
        rule="removed-lock",
        pattern=_any(
            r"\bselect_for_update\s*\(|\bwith_lock\b|\bFOR UPDATE\b|\bsynchronized\b|\bwith_for_update\s*\(|\blockForUpdate\s*\(",
            r"\.(?:RLock|Lock|lock|acquire)\s*\(\s*\)|^\s*(?:async\s+)?with\s+[\w.]*lock\b",
        ),
        what="two at the same time can see the same old value",
        repaired_by=_any(
            r"lock|atomic|\bF\s*\(|Interlocked|sync\.|chan\b|transaction|\bsemaphore|mutex|synchronized|compareAndSet"
        ),
    ),
    Guard(
        rule="weakened-crypto",
        pattern=_any(
            r"\b(?:bcrypt|argon2|scrypt|pbkdf2)\w*\b.*\(|\bpassword_hash\s*\(|\bPasswordHasher\b|\bmake_password\s*\(|\bgenerate_password_hash\s*\(|\bhas_secure_password\b",
        ),
        what="stored passwords can be tried out fast",
        matters_by=_any(r"sha\d|md5|hash\w*\s*\(|digest|==|password"),
    ),
    Guard(
        rule="weakened-crypto",
        pattern=_any(
            r"\bhmac\b(?:\.new)?\s*\(|\bcreateHmac\s*\(|\bhash_hmac\s*\(|\bhmac\.New\s*\(|\bHMAC\.\w+\s*\("
        ),
        what="who knows one signature can make others (length extension)",
        repaired_by=_any(r"hmac|signer|\bsign\s*\(|ed25519|\bmac\b"),
        matters_by=_any(r"\b(?:md5|sha\d+|sha|hash\w*|digest|createHash)\s*[(.]"),
    ),
    Guard(
        rule="removed-escape",
        # Characters that end a line, a field or markup, taken out of a text.
        pattern=_any(
            r"(?:\.(?:g?sub!?|replace(?:All)?|tr|translate)|\bre\.sub|\b(?:preg|str)_replace|\bReplaceAll|NewReplacer)\s*\(\s*(?:r|b)?[/'\"`\[(][^,{]{0,40}(?:<|>|&(?!&)|\\r|\\x00|\\0|:print:|:cntrl:|\\x1f)",
        ),
        what=_MARKUP,
        repaired_by=_any(r"escap|sanit|encode|quote|purif|\brepr\(|\.inspect|replace|sub\b|clean|strip"),
    ),
    Guard(
        rule="weakened-crypto",
        pattern=_any(
            r"['\"]crypto/rand['\"]|\bSecureRandom\b|\brandom_bytes\s*\(|\bRandomNumberGenerator\b|\brandomBytes\s*\("
        ),
        what="values that nobody should guess can be computed",
        matters_by=_any(
            r"math/rand|\brandom\.\w+\s*\(|\brandom['\"]|\bMath\.random|\bnew Random\b|\bRandom\.new|\brand\s*\(|\bmt_rand\s*\(|\buniqid\s*\("
        ),
    ),
    Guard(
        rule="weakened-crypto",
        pattern=_any(
            r"\bdefusedxml\b|disallow-doctype-decl|external-(?:general|parameter)-entities|FEATURE_SECURE_PROCESSING|ACCESS_EXTERNAL|XmlResolver\s*=\s*null|DtdProcessing\.Prohibit|resolve_entities\s*=\s*False"
        ),
        what="a document from outside can read files (XML external entities)",
        matters_where=_any(r"parse|xml|load|read"),
    ),
    Guard(
        rule="removed-check",
        pattern=re.compile(r"^\s*set\s+(?:-[a-df-z]*e|-o\s+errexit)"),
        what="what fails no longer ends the script, and the next step goes on without it",
        repaired_by=re.compile(r"set\s+-\w*e|errexit|\btrap\b|\|\|"),
    ),
    Guard(
        rule="removed-check",
        pattern=_any(
            r"\b(?:sha\d+|md5|b2)sum\b[^\n]*\s(?:-c|--check)\b|\bshasum\b[^\n]*\s-c\b|\bgpgv?\b[^\n]*--verify|\bgpgv\s|\bcosign\s+verify"
            r"|\bminisign\s+-V|\bopenssl\s+dgst\b[^\n]*-verify"
        ),
        what="what was downloaded is used whoever changed it on the way",
        repaired_by=_any(r"sha\d+|checksum|verify|digest"),
    ),
    Guard(
        rule="loosened-check",
        pattern=_any(r"^\s*umask\s+0?[0-7]?7[0-7]\b"),
        what="files that it makes can be read by others",
        repaired_by=_any(r"\bumask\b|\bchmod\b|\binstall\s+-m"),
    ),
    Guard(
        rule="loosened-check",
        pattern=re.compile(
            r"^\s*(?:runAsNonRoot:\s*true|readOnlyRootFilesystem:\s*true|allowPrivilegeEscalation:\s*false|privileged:\s*false"
            r"|drop:\s*\[\s*[\"']?ALL|read_only:\s*true|-\s*no-new-privileges)",
        ),
        what="what breaks into the container can do more",
        repaired_by=re.compile(
            r"securityContext|security_opt|runAsNonRoot|readOnlyRootFilesystem|allowPrivilegeEscalation|drop:"
        ),
    ),
    Guard(
        rule="removed-header",
        pattern=_any(
            r"\bhelmet\b\s*\(|Strict-Transport-Security|Content-Security-Policy|X-Frame-Options|X-Content-Type-Options|\bUseHsts\s*\(|\bUseHttpsRedirection\s*\(|\bforce_ssl\b|SECURE_(?:SSL_REDIRECT|HSTS\w*)|\bSecurityMiddleware\b|\bTalisman\s*\(",
            r"\bhttp_?only['\"]?\s*[=:]\s*true|\bSESSION_COOKIE_(?:SECURE|HTTPONLY)\s*=\s*True|\bnoopener\b",
        ),
        what="browsers no longer protect those who use it",
    ),
)
SWITCHES = (
    Switch(
        pattern=_any(r"\b(?:permission|authentication)_classes\s*=\s*[\[(]\s*[\])]"),
        what=_RIGHTS,
    ),
    Switch(
        pattern=_any(r"^\s*permissions:\s*write-all\b"),
        what="every step of the pipeline may write to the repository",
    ),
    Switch(
        pattern=_any(
            r"(?:script-?src(?:-elem|-attr)?|default-?src)['\"]?\b[^;\n]*['\"]?unsafe-(?:inline|eval)\b|(?:script-?src|default-?src)['\"]?\s*[:=]?\s*\[?\s*['\"]?\*(?![.\w])"
        ),
        what="the policy lets any script of the page run (Content-Security-Policy)",
    ),
    Switch(
        pattern=_any(
            r"\|\s*safe\b|\{%\s*autoescape\s+(?:off|false)|\bmark_safe\s*\(|\.html_safe\b|<%==|<%=\s*raw\b|\bHtml\.Raw\s*\(|\{!!|\bv-html\s*=|\bdangerouslySetInnerHTML\b|\{@html\b|\bbypassSecurityTrust\w+\s*\(|\[innerHTML\]|<%-|\{\{\{|\|\s*raw\b|^\s*(?:[%.#][\w.#-]+)?!=\s*\w+\s*$|\btemplate\.HTML\s*\(|autoescape\s*=\s*False"
        ),
        what=_MARKUP,
    ),
    Switch(
        pattern=_any(
            r"@\s*(?:[\w.]+\.)?csrf_?exempt\b|\bskip_forgery_protection\b|\bskip_before_action\s+:verify_authenticity|\bcsrf\b[^\n]*\bdisable\b|\bIgnoreAntiforgeryToken\b|\bWTF_CSRF_ENABLED\s*=\s*False|\$except\s*=\s*\[\s*['\"]"
        ),
        what=_FORGED,
    ),
    Switch(
        pattern=_any(
            r"\bskip_before_action\b|\bskip_authorization\b|\[AllowAnonymous\b|\bAllowAny\b|\bpermitAll\b|@PermitAll\b|@Public\s*\(\s*\)|\bwithoutMiddleware\s*\(|verify_signature['\"]?\s*[:=]\s*False|algorithms?['\"]?\s*[:=]\s*\[?\s*['\"]none['\"]"
        ),
        what=_RIGHTS,
    ),
    Switch(
        pattern=_any(r"\ballow_?prototypes['\"]?\s*[:=]\s*true|\bproto_?action['\"]?\s*[:=]\s*['\"]ignore"),
        what="a key from outside can change every object (prototype pollution)",
    ),
    Switch(
        pattern=_any(
            r"\b\w*(?:allow|trust|permit|white_?list)\w*(?:hosts?|origins?|domains?|ips?|proxies|list|methods|urls?|cidrs?|networks?)['\"]?\s*[:=]\s*[\[({]*\s*['\"](?:\*|\.\*|0\.0\.0\.0/0|::/0|all|any)['\"]"
        ),
        what="the list lets everybody through",
    ),
    Switch(
        pattern=_any(r"\.permit!|\bguarded\s*=\s*\[\s*\]|fields\s*=\s*['\"]__all__['\"]"),
        what="every field can be set from outside (mass assignment)",
    ),
    Switch(pattern=_any(r"\bDisableRequestSizeLimit\b|\btimeout\s*[=:]\s*(?:None|null|0)\b"), what=_TIME),
    Switch(
        pattern=_any(
            r"\bverify\s*=\s*False\b|\bCERT_NONE\b|\bcheck_hostname\s*=\s*False\b|\bVERIFY_NONE\b|\bInsecureSkipVerify\s*:\s*true\b|\bset(?:Default)?HostnameVerifier\s*\(|\bNoopHostnameVerifier\b|\bALLOW_ALL_HOSTNAME|\bTrustAll|\bServerCertificate(?:Custom)?ValidationCallback\b|\bDangerousAcceptAny|\bverify(?:_peer\w*|_host\w*)?['\"]?\s*(?::|=>)\s*false|danger_accept_invalid_certs\s*\(\s*true|SSL_VERIFY(?:PEER|HOST)[^\n]*(?:false|\b0\b)|rejectUnauthorized['\"]?\s*:\s*false|NODE_TLS_REJECT_UNAUTHORIZED[^\n]*0|verify_ssl\s*=\s*False|ssl\s*=\s*False"
        ),
        what="anybody on the way can read and change what is sent (certificates are not checked)",
    ),
    Switch(
        pattern=_any(
            r"\byaml\.(?:unsafe_load|load\s*\([^)]*Loader\s*=\s*(?:yaml\.)?(?:Unsafe)?Loader\b)|\bYAML\.(?:unsafe_load|load)\s*\(|\bMarshal\.load\s*\(|\bpickle\.loads?\s*\(|\bunserialize\s*\(|\bBinaryFormatter\b|\breadObject\s*\("
        ),
        what="a document from outside can make any object (unsafe deserialisation)",
    ),
    Switch(
        pattern=_any(r"\bDEBUG\s*=\s*True\b|\bALLOWED_HOSTS\s*=\s*\[\s*['\"]\*|\bheaders\s*\([^\n]*\bdisable\b"),
        what="what protects a site in production is off",
    ),
    Switch(
        pattern=_any(
            r"Access-Control-Allow-Origin[^\n]*\*|\ballow_origins?\s*=\s*\[?\s*['\"]\*|\borigins?\s*:\s*(?:true\b|['\"]\*)|\bAllowAnyOrigin\s*\(|CORS_(?:ALLOW_ALL_ORIGINS|ORIGIN_ALLOW_ALL)\s*=\s*True|@CrossOrigin\s*(?:\(\s*\"\*|$)"
        ),
        what="every site can read the answers (CORS)",
    ),
    Switch(
        pattern=_any(r"\bFromSqlRaw\s*\(\s*\$|\bExecuteSqlRaw\w*\s*\(\s*\$"),
        what="a value from outside can become part of the query (SQL injection)",
    ),
)
CHECK = re.compile(
    r"^\s*(?:\}?\s*(?:els?if|else if|if|unless|guard|assert|elif)\b.*|.*\b(?:validate|is_valid|isValid|validator)\w*\s*\(.*"
    r"|(?:raise|return|throw|head|redirect_to|render|abort|next|fail)\b.*\s(?:if|unless)\s.*"
    r"|.*\b(?:or|\|\|)\s*(?:die|raise|abort|throw)\b.*)$"
)
REFUSES = re.compile(
    r"\b(?:raise(?:\s+[\w\"']|\s*\()|throw\b|abort\s*\(|panic\s*\(|assert\b|Http404|Forbidden|Unauthorized|BadRequest|NotFound\s*\(|res(?:ponse)?\.(?:status|sendStatus)\s*\(\s*4\d\d"
    r"|return\b[^\n]*(?:\b4\d\d\b|[Ee]rr|\bFalse\b|\bfalse\b|\bNone\b|\bnull\b|\bnil\b|[Dd]enied|:forbidden|:unauthorized)|sys\.exit|die\s*\(|exit\s*[;(]|exit\s*$"
    r"|http\.Error\s*\(|http_response_code\s*\(\s*4|head\s+:\w+|AbortWith\w*\s*\(|status\s*\(\s*4\d\d|redirect\w*[\s(][^\n]*(?:log_?in|sign_?in)|Location:[^\n]*login"
    r"|Err\s*\(|bail!|os\.Exit\s*\(|fail\s*\(|reject\s*\(|ThrowIf\w+|Challenge\s*\(|Forbid\s*\()"
)
CHECKS_BY_CALL = re.compile(
    r"\b(?:ensure|require|check|verify|validate|assert|authori[sz]e|must|guard|enforce|ThrowIf|policy|deny|clean|parse|model_validate)\w*!?\s*(?:\.\w+\s*)*[(<]"
    r"|\w+Throw\w*\s*\(|_or_404\s*\(|OrFail\s*\(|\bfind!|\?\?\s*throw\b|\?:\s*throw\b",
    re.IGNORECASE,
)
"""A call that by its name does what a removed check did."""
OF_RIGHTS = re.compile(
    r"admin|owner|author(?!ity\b)|\brole|perm(?:s|ission)|staff|superuser|allowed|authori[sz]|authenticated|logged|session|token|signature|scope"
    r"|tenant|csrf|nonce|api_?key|password|secret|forbidden|denied|banned|locked|expire|verified",
    re.IGNORECASE,
)
"""Words of conditions that decide who may do something."""
