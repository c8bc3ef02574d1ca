"""Workflow catalogue -> Prefect deployments, the worker, the embedded stack and the command line."""
