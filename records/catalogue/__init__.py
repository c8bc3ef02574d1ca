"""Agent specs and plans in; rows of Agent, Workflow and Plan out."""
