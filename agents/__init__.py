"""Agents: the SDK they are written with, the agents themselves, and the sandbox they run in."""
