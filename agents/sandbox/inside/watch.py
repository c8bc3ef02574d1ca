"""The agent's process -> its end, or why it has to be ended: for memory, or because its caller has gone.

For where neither a control group nor a process outside can count: in a container whose host we do not see.
"""

from __future__ import annotations

import os
import select
import signal

from agents.sandbox.inside.kernel_memory import kernel_kilobytes

_SECONDS = 0.2


def wait(child: int, megabytes: int, master: int) -> str:
    """Wait for the child, without reaping it. Why it is to be ended, "" when it ended by itself.

    `master`: the socket whose other end closes when the run is cut short from outside.
    """
    limit = megabytes << 10
    poll = select.poll()
    poll.register(master, select.POLLHUP | select.POLLRDHUP)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    while True:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return ""
        if sum(map(_kilobytes, _others())) + kernel_kilobytes("self") > limit:
            return "memory"
        if poll.poll(0):
            return "cut short"
        signal.sigtimedwait([signal.SIGCHLD], _SECONDS)


def _others() -> list[str]:
    own = str(os.getpid())
    return [name for name in os.listdir("/proc") if name.isdigit() and name not in ("1", own)]  # noqa: PTH208


def _kilobytes(pid: str) -> int:
    for file, names in (("smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")), ("status", ("RssAnon:", "RssShmem:"))):
        try:
            with open(f"/proc/{pid}/{file}") as lines:  # noqa: PTH123 - pathlib is slow to import in here
                return sum(int(line.split()[1]) for line in lines if line.startswith(names))
        except OSError:
            continue
    return 0
