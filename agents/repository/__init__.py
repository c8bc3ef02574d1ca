"""A Git repository in; a safe copy for the jail, and published branches, out."""
