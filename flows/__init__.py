"""Plan -> a Prefect flow named after the workflow."""
