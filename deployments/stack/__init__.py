"""Settings in; a running platform of supervised processes on this machine out."""
