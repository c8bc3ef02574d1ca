"""Workflow files and agents in; checked plans on record and Prefect deployments out."""
