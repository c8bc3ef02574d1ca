"""A launch order in; the jail's last layers and the agent in it, out. Standard library only, and quick to start."""
