"""HTTP requests in; calls of operations and records, and JSON responses, out."""
