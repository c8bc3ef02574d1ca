"""A request file in; one action executed inside the jail, and a result file out."""
