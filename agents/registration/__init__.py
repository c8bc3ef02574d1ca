"""An agent's module or folder in; a checked manifest with its code digest out."""
