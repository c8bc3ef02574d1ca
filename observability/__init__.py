"""What parts of the platform write about themselves in; reports of their health out. Imports nothing of ours."""
