"""Errors found by the checks in; text, JSON or SARIF out."""
