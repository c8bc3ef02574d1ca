"""A resolved workflow in; diagnostics of what is wrong, each pass a pure function that adds to the report, out."""
