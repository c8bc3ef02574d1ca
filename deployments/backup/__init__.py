"""A platform in; a folder or file with all that it has on record out; and back into an empty home."""
