"""A container of the platform's image in; whether it is at work, out. The Dockerfile lies beside this."""
