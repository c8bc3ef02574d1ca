"""An agent request in; a jailed process started by bubblewrap, and its result, out."""
