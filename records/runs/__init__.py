"""Starts and ends of runs, nodes and agent runs in; rows of WorkflowRun, AgentRun and node states out."""
