"""A second module of the agent's folder."""

GREETING = "hello from"
