"""A database in; all its rows as they are at one moment, in files, out; and back into an empty database."""
