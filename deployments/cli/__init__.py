"""Command-line arguments in; calls of operations and records, and tables or JSON, out."""
