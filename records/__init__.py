"""The tables of the mission: the record of every workflow, run, agent run and approval."""
