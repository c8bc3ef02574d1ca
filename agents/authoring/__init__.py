"""A name and a language -> the folder of a new agent that works, with its cases."""
