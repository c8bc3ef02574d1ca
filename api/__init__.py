"""HTTP: agents, workflows, runs, approvals."""
