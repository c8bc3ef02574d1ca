"""The platform's own worker with the bare step as its sandbox: `python -m contenders.worker …`."""

from contenders import bare_flows  # noqa: F401 - puts the bare step in
from deployments.worker.__main__ import main

if __name__ == "__main__":
    main()
