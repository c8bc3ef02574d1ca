"""Metrics in; Prometheus' alert rules with a runbook page each out."""
