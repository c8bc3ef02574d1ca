"""Settings of the shop."""

import yaml


def load(path):
    """Read the settings file."""
    with open(path, encoding="utf-8") as file:
        return yaml.load(file, Loader=yaml.Loader)
