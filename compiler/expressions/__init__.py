"""Template text and a scope in; JSON values out."""
