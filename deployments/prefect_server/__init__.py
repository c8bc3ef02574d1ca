"""A host, a port and a database in; Prefect's API and UI, served by this process, out."""
