"""Orders and what they cost."""

PRICES = {"apple": 30, "bread": 250, "cheese": 480}


def total(order):
    """The sum in cents of a mapping of article to number."""
    return sum(PRICES[article] * number for article, number in order.items())
