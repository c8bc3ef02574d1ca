"""What a process has loaded by the time it works → left alone by the garbage collector from then on.

Prefect, SQLAlchemy and pydantic leave more than half a million objects that live as long as the process. A full
collection looks at each of them: up to half a second in which the process does nothing else, most often during its
first runs.
"""

from __future__ import annotations

import gc


def leave_alone_what_is_loaded() -> None:
    """Call it once, when the process has started and before it works."""
    gc.collect()
    gc.freeze()
