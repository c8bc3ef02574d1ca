"""Rows that ended in; spans of one trace per run, for any OTLP endpoint, out."""
