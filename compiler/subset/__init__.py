"""Producer and consumer schema -> whether all that the one accepts fits the other. Sound, and says why not."""

from compiler.subset.check import fits
from compiler.subset.result import Reason, SubsetResult

__all__ = ["Reason", "SubsetResult", "fits"]
