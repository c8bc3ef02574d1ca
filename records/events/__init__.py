"""Received messages and committed changes in; inbox, dead-letter and outbox rows out."""
