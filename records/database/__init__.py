"""A database URL in; connections, transactions, migrations and checked values out."""
