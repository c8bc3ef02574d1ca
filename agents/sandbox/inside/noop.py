"""A runner that does nothing: what `check` starts."""
