"""Customers and their passwords."""

import hashlib
import hmac
import secrets

_customers = {}


def password_hash(salt, password):
    """What is stored instead of the password."""
    return hashlib.scrypt(password.encode(), salt=salt.encode(), n=2**14, r=8, p=1).hex()


def register(name, password):
    """Add a customer."""
    salt = secrets.token_hex(16)
    _customers[name] = (salt, password_hash(salt, password))


def check_password(name, password):
    """Whether the password is the customer's."""
    if name not in _customers:
        return False
    salt, known = _customers[name]
    return hmac.compare_digest(known, password_hash(salt, password))
