"""Which of our functions an entry of PyTorch's database calls."""

import warnings

import torch

import nn.functional
import tensorgrad as tg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of modules that PyTorch's tests import
    from torch.testing._internal.common_methods_invocations import op_db

# Entries that go by the name of a function or a method and call it another way, as the database's lambdas do.
CALLS = {
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "einsum": lambda tensors, equation: tg.einsum(equation, *tensors),
    "expand": lambda x, shape: x.expand(shape),
    "nn.functional.embedding": lambda weight, indices, **options: tg.embedding(indices, weight, **options),
    "where": lambda x, condition, other: tg.where(condition, x, other),
    "zero_": lambda x: x.clone().zero_(),
}
# Methods that the module's function of that name has nothing to do with: ours is that of `nn.functional`.
OTHERS = {"unfold"}
# Entries of methods that work in place, under the name of a function: we have the function alone.
IN_PLACE = {"normal.in_place"}


def named(name):
    """Our function of PyTorch's name, or the method as a function, or None."""
    if name.startswith("nn.functional."):
        return getattr(nn.functional, name.removeprefix("nn.functional."), None)
    if name.startswith("linalg."):
        return getattr(tg.linalg, name.removeprefix("linalg."), None)
    found = getattr(tg, name, None) if name in tg.__all__ and name not in OTHERS else None
    return found if callable(found) else method(name)


def method(name):
    """Our method of PyTorch's name as a function, or None."""
    found = getattr(tg.Tensor, name, None)
    if not callable(found) or found is getattr(object, name, None):
        return None
    return lambda x, *args, **options: getattr(x, name)(*args, **options)


def spellings(entry):
    """The ways to call ours: by the entry's name, PyTorch's other names, the method. None for what we do not have."""
    if entry.full_name in IN_PLACE:
        return []
    if entry.name in CALLS:
        return [CALLS[entry.name]]
    names = [entry.name, *[alias.name for alias in entry.aliases]]
    found = [call for call in map(named, names) if call]
    if found and "." not in entry.name and callable(getattr(torch.Tensor, entry.name, None)) and method(entry.name):
        found.append(method(entry.name))
    return found


ENTRIES = {entry.full_name: entry for entry in op_db if spellings(entry)}
MISSING = sorted(entry.full_name for entry in op_db if entry.full_name not in ENTRIES)
