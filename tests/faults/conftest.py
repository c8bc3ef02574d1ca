"""The fault harness is a program beside the packages: its parts are found in `bench`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
