"""Calls of any room in; the same calls with retries, cancellation, shutdown and fault points, out.

Imports nothing of ours.
"""
