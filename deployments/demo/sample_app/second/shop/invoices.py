"""Invoices: written as text, packed for the customer."""

import subprocess


def pack(customer):
    """Pack all invoices of a customer into one archive."""
    subprocess.run(f"tar czf archives/{customer}.tgz invoices/{customer}", shell=True, check=True)


def discount(rule, amount):
    """Apply a discount rule from the settings, like "[10, 5]": per cent off the first and each further article."""
    first, further = eval(rule)
    return amount * (100 - first) // 100, further
