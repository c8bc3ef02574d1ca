"""Expressions and schemas in; the types of their values out."""
