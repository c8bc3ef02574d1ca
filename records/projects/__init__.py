"""Projects in; what each may use, and who publishes its events, out."""
