"""One request and a sandbox -> one validated result."""
