"""Whether a sample call gives the same in PyTorch and here: values, gradients, second order."""

import warnings

import numpy as np
import torch

import tensorgrad as tg

# Relative to the largest value of the array that is compared.
TOLERANCE = {np.dtype(np.float64): 1e-10, np.dtype(np.float32): 1e-4, np.dtype(np.float16): 1e-2}
# What cancels leaves a few roundings of the largest number it came from: of the arguments and cotangents.
ROUNDINGS = 64


class Differs(AssertionError):
    """Where the two do not agree."""


class Unanswered(Exception):
    """What PyTorch does not compute for its own sample."""


def leaves(result):
    """What is in nested tuples, lists and dicts, in order."""
    if isinstance(result, dict):
        return [leaf for key in result for leaf in leaves(result[key])]
    if isinstance(result, tuple | list):
        return [leaf for item in result for leaf in leaves(item)]
    return [result]


def array_of(value):
    if isinstance(value, torch.Tensor):
        return value.numpy(force=True)
    return value.detach().data if isinstance(value, tg.Tensor) else value


def largest(*values):
    """The largest finite number in tensors of PyTorch."""
    arrays = [array_of(v) for v in values if isinstance(v, torch.Tensor) and v.dtype.is_floating_point]
    return max((float(np.max(np.abs(a[np.isfinite(a)]), initial=0.0)) for a in arrays), default=0.0)


def close(what, one, other, came_from=0.0):
    """Raise Differs unless ours is PyTorch's: shape, dtype, and values within the tolerance of its dtype."""
    if isinstance(other, torch.Tensor) != isinstance(one, tg.Tensor):
        raise Differs(f"{what}: {type(one).__name__} {one!r} instead of {type(other).__name__} {other!r}")
    got, right = array_of(one), array_of(other)
    if not isinstance(right, np.ndarray):
        if type(got) is not type(right) or not (got == right or (got != got and right != right)):
            raise Differs(f"{what}: {got!r} instead of {right!r}")
        return
    if got.shape != right.shape or got.dtype != right.dtype:
        raise Differs(f"{what}: {got.dtype}{list(got.shape)} instead of {right.dtype}{list(right.shape)}")
    if right.dtype not in TOLERANCE:
        if not np.array_equal(got, right):
            raise Differs(f"{what}: {got!r} instead of {right!r}")
        return
    rtol = TOLERANCE[right.dtype]
    atol = max(rtol * largest(other), ROUNDINGS * float(np.finfo(right.dtype).eps) * came_from)
    far = np.atleast_1d(~np.isclose(got, right, rtol=rtol, atol=atol, equal_nan=True))
    if far.any():
        place = tuple(int(i[0]) for i in np.nonzero(far))
        pair = np.atleast_1d(got)[place], np.atleast_1d(right)[place]
        raise Differs(
            f"{what}: {far.sum()} of {far.size} differ, at {list(place)} {pair[0]} instead of {pair[1]}, "
            f"the largest is {largest(other):.3g}"
        )


def run(function, arguments, what):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*arguments[0], **arguments[1])
    except (RuntimeError, NotImplementedError) as error:
        raise Unanswered(f"{what}: {error}") from error


def weights(rng, tensors):
    """Cotangents of both sides: not around zero, so that no term is lost by its sign."""
    arrays = [rng.uniform(-1.1, 1.3, tuple(t.shape)).astype(array_of(t).dtype) for t in tensors]
    return [tg.tensor(a, requires_grad=True) for a in arrays], [torch.tensor(a, requires_grad=True) for a in arrays]


def answers(call, entry, ours, process):
    """The results of both, as lists, after `process(result, input)`."""
    right = run(entry.op, call.theirs, "PyTorch")
    result = ours(*call.ours[0], **call.ours[1])
    right, result = leaves(process(right, call.theirs[0][0])), leaves(process(result, call.ours[0][0]))
    if len(right) != len(result):
        raise Differs(f"values: {len(result)} results instead of {len(right)}")
    return result, right


def compare_forms(call, entry, ours, process, count):
    """Shapes and dtypes."""
    for one, other in zip(*answers(call, entry, ours, process), strict=True):
        if array_of(one).shape != array_of(other).shape or array_of(one).dtype != array_of(other).dtype:
            raise Differs(f"values: {one!r} instead of {other!r}")
    count("forms")


def compare(call, entry, ours, process, count):
    """Values, then gradients, then second order; `count` is told each that agreed. Raises Differs or Unanswered."""
    result, right = answers(call, entry, ours, process)
    numbers = largest(*[theirs for theirs, _ in call.tensors])
    for n, (one, other) in enumerate(zip(result, right, strict=True)):
        close(f"values of result {n}", one, other, numbers)
    for n, (other, one) in enumerate(call.tensors):
        close(f"argument {n} after the call", one, other)
    count("values")
    wanted = call.wanted()
    pairs = [(a, b) for a, b in zip(result, right, strict=True) if isinstance(b, torch.Tensor) and b.requires_grad]
    if not wanted or not pairs:
        return
    differentiable(wanted, pairs, count)


def differentiable(wanted, pairs, count):
    theirs, ours = (list(side) for side in zip(*wanted, strict=True))
    results, right = (list(side) for side in zip(*pairs, strict=True))
    cotangents, torch_cotangents = weights(np.random.default_rng(7), right)
    try:
        torch_first = torch.autograd.grad(right, theirs, torch_cotangents, create_graph=True, allow_unused=True)
    except (RuntimeError, NotImplementedError) as error:
        raise Unanswered(f"PyTorch's gradient: {error}") from error
    kept = [(r, g) for r, g in zip(results, cotangents, strict=True) if r.requires_grad]
    first = gradients(tg.grad, kept, ours, create_graph=True)
    numbers = largest(*theirs, *right, *torch_cotangents)
    same("gradient", first, torch_first, theirs, numbers)
    count("gradients")

    plain = [torch.zeros_like(t) if g is None else g for g, t in zip(torch_first, theirs, strict=True)]
    scales, torch_scales = weights(np.random.default_rng(8), plain)
    torch_kept = [
        (g, s.detach()) for g, s in zip(torch_first, torch_scales, strict=True) if g is not None and g.requires_grad
    ]
    kept = [(g, s.detach()) for g, s in zip(first, scales, strict=True) if g is not None and g.requires_grad]
    if not torch_kept:
        return
    try:
        torch_second = gradients(torch.autograd.grad, torch_kept, [*theirs, *torch_cotangents])
    except (RuntimeError, NotImplementedError) as error:
        raise Unanswered(f"PyTorch's second order: {error}") from error
    second = gradients(tg.grad, kept, [*ours, *cotangents])
    numbers = max(numbers, largest(*torch_first, *torch_scales))
    same("second order", second, torch_second, [*theirs, *torch_cotangents], numbers)
    count("second order")


def gradients(grad, pairs, wanted, **options):
    if not pairs:
        return [None] * len(wanted)
    outputs, by = (list(side) for side in zip(*pairs, strict=True))
    return grad(outputs, wanted, by, allow_unused=True, **options)


def same(what, found, torch_found, targets, came_from):
    """No gradient and a gradient of zeros are the same."""
    for n, (one, other, target) in enumerate(zip(found, torch_found, targets, strict=True)):
        other = torch.zeros_like(target) if other is None else other
        one = tg.zeros(tuple(target.shape), dtype=array_of(target).dtype) if one is None else one
        close(f"{what} of {n}", one, other, came_from)
