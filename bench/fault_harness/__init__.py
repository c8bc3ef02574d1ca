"""The fault harness: kills parts of a real platform and compares what happened with a ledger kept outside of it."""
