"""The OpenAPI document -> code of clients: types of the console, and the Python client. `python -m api.clients`."""
