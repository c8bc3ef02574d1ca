"""The corner shop's back end."""
