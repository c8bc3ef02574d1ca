"""What runs inside the jail: standard library only, and quick to start."""
