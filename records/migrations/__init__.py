"""A database of any revision in; the tables of the newest one out."""
