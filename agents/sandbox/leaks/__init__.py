"""Output of an agent and its secrets in; the output with every secret masked out."""
