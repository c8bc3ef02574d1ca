"""Names, roles and hashes of tokens in; who a request comes from and what it may do, out."""
