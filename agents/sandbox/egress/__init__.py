"""Connections of a jailed agent in; those on its allow-list out."""
