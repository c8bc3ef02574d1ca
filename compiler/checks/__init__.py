"""The passes over a resolved workflow; each is a pure function that adds to the report."""
