"""How the rows call operations that take more than arrays and parameters."""

import warnings

from tensorgrad.node import TensorBase


def listed(op):
    """An operation whose first argument is a list of tensors, here given one by one."""
    return lambda *xs, **params: op(list(xs), **params)


def alike(x, out):
    """An array where the input is one: the functions of nn give tensors."""
    return out if isinstance(x, TensorBase) or not isinstance(out, TensorBase) else out.data


def of_nn(op):
    return lambda x, **params: alike(x, op(x, **params))


def by_old_names(op):
    """A loss whose reduction is told by PyTorch's old names, which warns."""

    def call(*inputs, **params):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", f"{op.__name__}: size_average and reduce are PyTorch's old names")
            return op(*inputs, **params)

    return call


def weighted(op, last="weight"):
    """A loss whose weights come last among its inputs here, but not in its signature."""
    return lambda *inputs, **params: op(*inputs[:2], **{last: inputs[2]}, **params)
