"""The `requirements.txt` of an agent's folder -> a folder of packages, made once in a jail and shown to the agent."""
