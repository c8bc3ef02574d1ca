"""`python -m api.clients`: writes the clients' code anew."""

from __future__ import annotations

from api.clients.written import write_clients

if __name__ == "__main__":
    for path in write_clients():
        print(f"wrote {path}")
