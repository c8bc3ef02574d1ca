"""Settings of the shop."""

import json


def load(path):
    """Read the settings file."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)
