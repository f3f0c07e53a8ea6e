"""How many samples agreed with PyTorch. A sample is one call, with its inputs, parameters and dtype."""

from collections import Counter

ALL = ("values", "gradients", "second order")
agreed: Counter[str] = Counter()  # in the test that runs; tests/conftest.py hands it on


def count(*orders):
    """One more sample whose values, gradients or second derivatives agreed; to be called after the comparison."""
    agreed.update(orders)
