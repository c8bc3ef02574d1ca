"""JSON Schemas (draft 2020-12) as the compiler uses them: plain data, checked once, local, bounded in cost."""
