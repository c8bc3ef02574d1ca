"""A request for an agent in; a result that was computed in the jail and fits its schema, out."""
