"""Orders add up."""

from shop.orders import total


def test_total():
    if total({"apple": 2, "bread": 1}) != 310:
        raise AssertionError("wrong sum")
