"""Workflow YAML -> checked, frozen plan, or diagnostics. No Prefect, no I/O after reading."""
