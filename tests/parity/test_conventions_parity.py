"""The last column of docs/conventions.md: what is the same as PyTorch, and what is not."""

import warnings

import numpy as np
import pytest
import torch

import tensorgrad as tg
from tensorgrad import nn

from ..test_conventions import IN_CODE, evaluate, gradients
from . import tally

pytestmark = pytest.mark.parity


def outcome(lib, functional, row):
    """The value and the gradients as arrays, a dtype's name, or "raises"."""
    try:
        value, inputs = evaluate(lib, functional, row)
        if not isinstance(value, (tg.Tensor, torch.Tensor)):
            return str(value).removeprefix("torch.")
        found = gradients(value, inputs) if value.requires_grad else []
    except (RuntimeError, ValueError, TypeError, IndexError):
        return "raises"
    return [t.detach().data if lib is tg else t.numpy(force=True) for t in (value, *found)]


def is_same(one, other):
    if isinstance(one, str) or isinstance(other, str):
        return isinstance(one, str) and one == other
    return len(one) == len(other) and all(
        a.shape == b.shape and a.dtype == b.dtype and np.allclose(a, b, rtol=1e-8, atol=0, equal_nan=True)
        for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("row", IN_CODE, ids=lambda row: f"{row.operation} {row.case}")
def test_what_is_the_same_and_what_is_not(row):
    with warnings.catch_warnings(action="ignore"):
        ours, theirs = outcome(tg, nn.functional, row), outcome(torch, torch.nn.functional, row)
    assert is_same(ours, theirs) == (row.same == "yes"), (ours, theirs)
    tally.count("conventions")
