"""An agent request in; the same jail inside a Dagger container, and its result, out."""
