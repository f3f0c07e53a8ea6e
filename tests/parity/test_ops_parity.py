"""The rows of the operation table, and the dtypes of operators, in PyTorch: values, gradients, second order."""

import itertools
import operator

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import nn.functional
import tensorgrad as tg
from tensorgrad.ops import (
    activation,
    adaptive_pool,
    conv,
    conv_transpose,
    divergence,
    elementwise,
    indexing,
    interpolate,
    loss,
    norm,
    pad,
    pool,
    reduce,
    shape,
)
from tensorgrad.ops import cross_entropy as class_losses
from tensorgrad.ops import embedding as tables
from tensorgrad.ops import group_norm as within
from tensorgrad.ops import layer_norm as last_axes
from tensorgrad.ops import smooth_activation as smooth
from tensorgrad.primitive import astype, broadcast_to, sum_to
from tests import op_table
from tests.op_table import F32, F64, ROWS, Seed, as_tuple, draw
from tests.parity import tally
from tests.test_ops import differentiable, leaves, tensors_of

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning"),
    pytest.mark.filterwarnings("ignore:size_average and reduce args will be deprecated:UserWarning"),
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning"),
]


def to_torch(value):
    """A parameter as PyTorch takes it. Its index arrays are int64: uint8 would be a mask."""
    if isinstance(value, np.ndarray):
        return torch.tensor(value.astype(np.int64) if value.dtype.kind in "iu" else value)
    if isinstance(value, tuple):
        return tuple(map(to_torch, value))
    if isinstance(value, np.dtype):
        return torch.tensor(np.zeros((), value)).dtype
    return value


# PyTorch's spelling of what has another here


def adjoint(forward, shape, gy):
    """The gradient of a linear function at zeros of `shape`; differentiable in gy and in what `forward` holds."""
    at = torch.zeros(shape, dtype=gy.dtype, requires_grad=True)
    (found,) = torch.autograd.grad(forward(at), at, gy, create_graph=True)
    return found


def torch_conv(x, w, bias=None, *, padding, **params):
    return getattr(F, f"conv{x.ndim - 2}d")(F.pad(x, pairs_of(padding)), w, bias, **params)


def pairs_of(widths):
    """(before, after) of each axis as PyTorch's one tuple, the last axis first."""
    return tuple(itertools.chain(*reversed(widths)))


def torch_conv_transpose(y, w, bias, shape, **params):
    x = adjoint(lambda x: torch_conv(x, w, **params), shape, y)
    return x if bias is None else x + bias.reshape(-1, *[1] * (y.ndim - 2))


def torch_avg_pool(x, kernel_size, stride, padding, divisor_override, **params):
    if x.ndim > 3:
        pool = getattr(F, f"avg_pool{x.ndim - 2}d")
        return pool(x, kernel_size, stride, padding, divisor_override=divisor_override, **params)
    sizes = (1, *kernel_size), (1, *stride), (0, *padding)  # avg_pool1d has no divisor_override
    return F.avg_pool2d(x.unsqueeze(-2), *sizes, divisor_override=divisor_override, **params).squeeze(-2)


def torch_input_grad(gy, w, shape, **params):
    return adjoint(lambda x: torch_conv(x, w, **params), shape, gy)


def torch_weight_grad(gy, x, shape, **params):
    return adjoint(lambda w: torch_conv(x, w, **params), shape, gy)


def adjoint_of(forward):
    return lambda gy, shape, **params: adjoint(lambda x: forward(x, **params), shape, gy)


def torch_max_pool(x, **params):
    return getattr(F, f"max_pool{x.ndim - 2}d")(x, **params), None  # offsets are ours alone


def torch_adaptive_max(x, output_size):
    return torch_adaptive_pool("max")(x, output_size=output_size, return_indices=True)


def torch_adaptive_pool(kind):
    return lambda x, **params: getattr(F, f"adaptive_{kind}_pool{x.ndim - 2}d")(x, **params)


def torch_pad(x, widths, mode, value):
    return F.pad(x, pairs_of(widths if mode == "constant" else widths[1 if x.ndim == 3 else 2 :]), mode, value)


def torch_interpolate(x, mode, align_corners, scales, size=None):
    modes = {"linear": {3: "linear", 4: "bilinear", 5: "trilinear"}[x.ndim], "cubic": "bicubic"}
    align_corners = None if mode.startswith("nearest") else align_corners
    size = None if scales else size
    return F.interpolate(x, size, scales, modes.get(mode, mode), align_corners)


def torch_setitem(x, value, index):
    out = x.clone()
    out[index] = value
    return out


def torch_batch_norm(x, weight, bias, eps):
    axes = [0, *range(2, x.ndim)]
    weight = torch.ones(x.shape[1], dtype=x.dtype) if weight is None else weight  # None with a bias: no second order
    out = F.batch_norm(x, None, None, weight, bias, True, 0.1, eps)
    return out, x.mean(axes), x.var(axes, unbiased=False)


def torch_batch_norm_grad(gy, x, weight, eps):
    """By plain operations: the third derivative of PyTorch's fused batch norm takes the statistics as constants."""
    axes, keep = [0, *range(2, x.ndim)], (-1, *[1] * (x.ndim - 2))
    weight = torch.ones(x.shape[1], dtype=x.dtype, requires_grad=True) if weight is None else weight
    bias = torch.zeros(x.shape[1], dtype=x.dtype, requires_grad=True)
    centred = x - x.mean(axes, keepdim=True)
    out = centred / (x.var(axes, unbiased=False, keepdim=True) + eps).sqrt() * weight.reshape(keep) + bias.reshape(keep)
    return torch.autograd.grad(out, (x, weight, bias), gy, create_graph=True)


def torch_cross_entropy_grad(gy, x, target):
    return torch.autograd.grad(F.cross_entropy(x, target), x, gy, create_graph=True)[0]


def flat(offsets, windows, shape):
    positions = op_table.flat_indices(offsets.numpy(), shape, **windows)
    return torch.tensor(positions).flatten(2)


def torch_scatter(g, offsets, shape, **windows):
    return (
        torch.zeros(shape, dtype=g.dtype)
        .flatten(2)
        .scatter_add(2, flat(offsets, windows, shape), g.flatten(2))
        .reshape(shape)
    )


def torch_gather(x, offsets, **windows):
    return x.flatten(2).gather(2, flat(offsets, windows, x.shape)).reshape(offsets.shape)


# Operations that PyTorch has under another name, or calls otherwise; the others are found by their names.
CALLS = {
    sum_to: lambda x, shape: x.sum_to_size(shape),
    broadcast_to: lambda x, shape: x.broadcast_to(shape),
    astype: lambda x, dtype: x.to(dtype),
    elementwise._add: operator.add,
    elementwise._sub: operator.sub,
    elementwise.mul: operator.mul,
    elementwise.div: operator.truediv,
    reduce._sum: lambda x, dims, keepdim: x.sum(dims, keepdim) if dims else x.clone(),
    reduce._mean: lambda x, dims, keepdim: x.mean(dims, keepdim) if dims else x.clone(),
    reduce._max: lambda x, dim, keepdim: tuple(torch.max(x, dim, keepdim)),
    reduce.max: lambda x, **params: tuple(torch.max(x, **params)) if params else torch.max(x),
    reduce._amax: torch.max,
    shape._cat: lambda *xs, dim: torch.cat(xs, dim),
    shape.cat: lambda *xs, dim=0: torch.cat(xs, dim),
    shape.stack: lambda *xs, dim: torch.stack(xs, dim),
    indexing._getitem: lambda x, index: x[index],
    indexing.getitem: lambda x, index: x[index],
    indexing._put: lambda x, index, shape: adjoint(lambda at: at[index], shape, x),
    indexing._setitem: torch_setitem,
    indexing.setitem: torch_setitem,
    indexing._gather: lambda x, index, dim: x.gather(dim, index),
    indexing.gather: lambda x, index, dim: x.gather(dim, index),
    indexing.scatter_along: lambda x, index, dim, shape: torch.zeros(shape, dtype=x.dtype).scatter_add(dim, index, x),
    norm._batch_norm: torch_batch_norm,
    norm.native_batch_norm: torch_batch_norm,
    norm.batch_norm_grad: torch_batch_norm_grad,
    class_losses.cross_entropy_grad: torch_cross_entropy_grad,
}

for rank in (1, 2, 3):
    CALLS |= {
        getattr(conv, f"_conv{rank}d"): torch_conv,
        getattr(conv, f"conv{rank}d_input_grad"): torch_input_grad,
        getattr(conv, f"conv{rank}d_weight_grad"): torch_weight_grad,
        getattr(conv_transpose, f"_conv_transpose{rank}d"): torch_conv_transpose,
        getattr(pool, f"_max_pool{rank}d"): lambda x, r=rank, **params: (
            getattr(F, f"max_pool{r}d")(x, **params),
            None,
        ),
        getattr(pool, f"max_pool{rank}d_scatter"): torch_scatter,
        getattr(pool, f"max_pool{rank}d_gather"): torch_gather,
        getattr(pool, f"_avg_pool{rank}d"): torch_avg_pool,
        getattr(pool, f"avg_pool{rank}d_adjoint"): adjoint_of(torch_avg_pool),
        getattr(adaptive_pool, f"_adaptive_avg_pool{rank}d"): torch_adaptive_pool("avg"),
        getattr(adaptive_pool, f"adaptive_avg_pool{rank}d_adjoint"): lambda gy, shape: adjoint(
            lambda x: torch_adaptive_pool("avg")(x, output_size=gy.shape[2:]), shape, gy
        ),
        getattr(adaptive_pool, f"_adaptive_max_pool{rank}d"): torch_adaptive_max,
    }
CALLS |= {
    pad._pad: torch_pad,
    pad.pad_adjoint: adjoint_of(lambda x, **params: torch_pad(x, value=0, **params)),
    interpolate._interpolate: torch_interpolate,
    interpolate.interpolate_adjoint: lambda gy, shape, **params: adjoint(
        lambda x: torch_interpolate(x, size=gy.shape[2:], **params), shape, gy
    ),
}


def with_statistics(out, rows):
    """A normalised output, and the means and biased variances of its rows."""
    mean = rows.mean(-1, keepdim=True)
    return out, mean.squeeze(-1), ((rows - mean) ** 2).mean(-1)


def ones_beside(bias, weight):
    """PyTorch has no second derivative of a bias alone."""
    return torch.ones_like(bias) if weight is None and bias is not None else weight


def torch_group_norm(x, weight, bias, groups, eps):
    out = F.group_norm(x, groups, ones_beside(bias, weight), bias, eps)
    return with_statistics(out, x.reshape(len(x), groups, int(np.prod(x.shape[1:])) // groups))


def torch_layer_norm(x, weight, bias, axes, eps):
    out = F.layer_norm(x, x.shape[x.ndim - axes :], ones_beside(bias, weight), bias, eps)
    rows = x.reshape(int(np.prod(x.shape[: x.ndim - axes])), 1, int(np.prod(x.shape[x.ndim - axes :])))
    return with_statistics(out, rows)


def torch_rms_norm(x, weight, axes, eps):
    rows = x.reshape(int(np.prod(x.shape[: x.ndim - axes])), int(np.prod(x.shape[x.ndim - axes :])))
    return F.rms_norm(x, x.shape[x.ndim - axes :], weight, eps), (rows * rows).mean(1, keepdim=True)


def torch_norm_grad(norm):
    """Gradients of input, weight (of ones for none) and perhaps bias of a normalisation."""

    def call(gy, x, weight, **params):
        weight = torch.ones(x.shape[1], dtype=x.dtype, requires_grad=True) if weight is None else weight
        bias = torch.zeros(x.shape[1], dtype=x.dtype, requires_grad=True)
        out, leaves = norm(x, weight, bias, **params)
        return torch.autograd.grad(out, leaves, gy, create_graph=True)

    return call


def plain_rms_norm(x, w, b, eps):
    return x / ((x * x).mean(1, keepdim=True) + eps).sqrt() * w, (x, w)


def plain_group_norm(x, w, b, groups, eps):
    """By plain operations, as for batch norm."""
    rows, keep = x.reshape(len(x), groups, int(np.prod(x.shape[1:])) // groups), (-1, *[1] * (x.ndim - 2))
    centred = rows - rows.mean(2, keepdim=True)
    normal = centred / ((centred * centred).mean(2, keepdim=True) + eps).sqrt()
    return normal.reshape(x.shape) * w.reshape(keep) + b.reshape(keep), (x, w, b)


def torch_running(norm):
    """A normalisation, and what it leaves in copies of the running statistics."""

    def call(x, weight=None, bias=None, *, running_mean=None, running_var=None, **params):
        running = [None if r is None else r.to(x.dtype, copy=True) for r in (running_mean, running_var)]
        out = norm(x, *running, weight, bias, **params)
        return out, *[r for r in running if r is not None]

    return call


def torch_embedding(index, table, sparse=False, **params):
    """With whole gradients; where rows of a constant table are scaled down, the table afterwards too."""
    if table.requires_grad:
        return F.embedding(index, table, **params)
    table = table.clone()
    return F.embedding(index, table, **params), table


def weights_last(function, key="weight"):
    """A loss as its rows have it: a third input is a weight."""
    return lambda x, y, *weight, **params: function(x, y, **({key: weight[0]} if weight else {}), **params)


def torch_binary_slope(x, y):
    return torch.autograd.grad(F.binary_cross_entropy(x, y, reduction="sum"), x, create_graph=True)[0]


CALLS |= {
    smooth._elu: lambda x, alpha=1.0, scale=1.0: F.elu(x, alpha) * scale,
    smooth._gelu_tanh: lambda x: F.gelu(x, approximate="tanh"),
    activation._prelu: lambda x, w: F.prelu(x, w if isinstance(w, torch.Tensor) else torch.tensor(w, dtype=x.dtype)),
    elementwise._sign: torch.sgn,
    within._group_norm: torch_group_norm,
    within.group_norm: lambda x, w=None, b=None, **params: F.group_norm(x, weight=w, bias=b, **params),
    within.group_norm_grad: torch_norm_grad(plain_group_norm),
    within.instance_norm: torch_running(F.instance_norm),
    nn.functional.batch_norm: torch_running(F.batch_norm),
    last_axes._layer_norm: torch_layer_norm,
    last_axes.layer_norm: lambda x, w=None, b=None, **params: F.layer_norm(x, weight=w, bias=b, **params),
    last_axes._rms_norm: torch_rms_norm,
    last_axes.rms_norm: lambda x, w=None, **params: F.rms_norm(x, weight=w, **params),
    last_axes.rms_norm_grad: torch_norm_grad(plain_rms_norm),
    tables._embedding: lambda i, w, **_: F.embedding(i, w),
    tables.embedding: torch_embedding,
    tables.embedding_grad: lambda g, i, size: adjoint(lambda w: w[i.long()], (size, g.shape[-1]), g),
    loss._squared_error: lambda x, y: (x - y) ** 2,
    loss._huber: lambda x, y, delta, slope: F.huber_loss(x, y.expand(x.shape), "none", delta) * slope,
    loss.mse_loss: weights_last(F.mse_loss),
    loss.l1_loss: weights_last(F.l1_loss),
    loss.huber_loss: weights_last(F.huber_loss),
    divergence._binary_cross_entropy: lambda x, y: F.binary_cross_entropy(x, y.expand(x.shape), reduction="none"),
    divergence._binary_slope: lambda x, y: torch_binary_slope(x, y.expand(x.shape)),
    divergence._binary_logits: lambda x, y, p: F.binary_cross_entropy_with_logits(
        x, y, reduction="none", pos_weight=p if isinstance(p, torch.Tensor) else None
    ),
    divergence._kl_div: lambda x, y: F.kl_div(x, y, reduction="none"),
    divergence._kl_div_log: lambda x, y: F.kl_div(x, y, reduction="none", log_target=True),
    divergence.binary_cross_entropy: weights_last(F.binary_cross_entropy),
    divergence.binary_cross_entropy_with_logits: weights_last(F.binary_cross_entropy_with_logits),
    class_losses.nll_loss: weights_last(F.nll_loss),
    class_losses.cross_entropy: weights_last(F.cross_entropy),
}


def has_negative_step(index):
    return any(
        isinstance(part, slice) and (part.step or 1) < 0 for part in (index if isinstance(index, tuple) else (index,))
    )


def is_refused(row):
    """What PyTorch does not take, or leaves undefined."""
    if has_negative_step(row.params.get("index")):
        return "no slices with a negative step"
    if row.op is indexing._setitem and row.inputs[1:] != [()] and repeats(row.params["index"], row.inputs[0]):
        return "which of several writes to a place stands is undefined"
    if row.op is norm.batch_norm_grad and 0 in row.inputs[0]:
        return "no batch norm of an empty batch"
    if row.op in (divergence._binary_cross_entropy, divergence.binary_cross_entropy):
        return "second derivatives with 1e-12 added; compared to eleven digits in test_losses_parity.py"
    if row.op is tables._embedding and 0 in row.inputs[0].shape:
        return "no second derivative of an embedding of nothing"
    if row.op in (within.group_norm_grad, within._group_norm, last_axes._layer_norm) and 0 in row.inputs[0]:
        return "no reshaping of nothing"
    if row.op is class_losses.cross_entropy_grad and 0 in row.inputs[1]:
        return "0 / 0 for the gradient of the mean of no rows, which here is 0"
    if row.name.startswith("_adaptive") and 0 in row.params["output_size"]:
        return "adaptive pooling to no pixels goes forwards only"
    if row.name.startswith("adaptive") and row.name.endswith("adjoint") and 0 in row.inputs[0][2:]:
        return "adaptive pooling to no pixels goes forwards only"
    if row.op in (tg.adaptive_avg_pool1d, tg.adaptive_max_pool1d) and row.params["output_size"] == (None,):
        return "no None for one axis"
    if row.params.get("inplace"):
        return "no change of a leaf that requires a gradient"
    if ("running_mean" in row.params) != ("running_var" in row.params):
        return "no running mean without a running variance"
    padding = row.params.get("padding", 0)
    if row.op in PUBLIC_CONVOLUTIONS and isinstance(padding, tuple) and isinstance(padding[0], tuple):
        return "no padding that differs before and after; compared by padding first, in the primitive's rows"
    if row.params.get("mode") == "cubic" and len(row.inputs[0]) != 4:
        return "bicubic for images only"
    if len(row.inputs) > 2 and row.op in WITHOUT_WEIGHTS:
        return "no gradient of the weights; compared with fixed ones in test_losses_parity.py"
    if any(isinstance(value, Seed) for value in row.params.values()):
        return "other random numbers"
    return None


PUBLIC_CONVOLUTIONS = {getattr(tg, f"conv{kind}{rank}d") for kind in ("", "_transpose") for rank in (1, 2, 3)}
WITHOUT_WEIGHTS = {
    class_losses.nll_loss,
    class_losses.cross_entropy,
    divergence.binary_cross_entropy,
    divergence.binary_cross_entropy_with_logits,
    divergence._binary_logits,
}


def repeats(index, size):
    places = np.arange(int(np.prod(size))).reshape(size)[index]
    return len(set(places.ravel().tolist())) < places.size


def call_of(op):
    """What PyTorch has for an operation: told in CALLS, or a function of the same name; None for nothing."""
    name = op_table.name_of(op).removeprefix("_")
    return CALLS.get(op) or getattr(F, name, None) or getattr(torch, name, None)


COMPARED = [row for row in ROWS if call_of(row.op) and not is_refused(row)]


def torch_inputs(row, values):
    inputs = [torch.tensor(v) if isinstance(v, np.ndarray) else v for v in values]
    for i in row.wanted():
        inputs[i] = torch.tensor(np.array(values[i]), requires_grad=True)
    return inputs


def close(got, expected, dtype):
    """Within a few roundings of the largest value."""
    expected = expected.numpy(force=True)
    got = got.detach().data if isinstance(got, tg.Tensor) else got
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    rtol = 1e-12 if dtype == F64 else 1e-5
    scale = np.max(np.abs(expected), initial=0.0) if expected.dtype.kind == "f" and expected.size else 1
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=rtol * float(scale))


@pytest.mark.parametrize("dtype", [F64, F32], ids=["float64", "float32"])
@pytest.mark.parametrize("row", COMPARED, ids=lambda row: row.id)
def test_a_row(row, dtype):
    values = [np.asarray(v).astype(dtype) if i in row.wanted() else v for i, v in enumerate(row.values())]
    ours, theirs = leaves(row, values), torch_inputs(row, values)
    if not row.wanted():
        ours = [tg.tensor(v) if isinstance(v, np.ndarray) else v for v in ours]
    params = {k: to_torch(v) for k, v in row.params.items()}
    results, right = as_tuple(row.run(*ours)), as_tuple(call_of(row.op)(*theirs, **params))
    assert len(results) == len(right)
    for one, other in zip(results, right, strict=True):
        if other is not None:
            close(one, other, dtype)
    tally.count("values")
    outputs = differentiable(results)
    targets, torch_targets = tensors_of(row, ours), tensors_of(row, theirs)
    if not outputs:
        return
    torch_outputs = [r for r in right if r is not None and r.requires_grad]
    cotangents = [draw(np.random.default_rng(7), out.shape, -1.1, 1.3).astype(out.dtype) for out in outputs]
    ours_g = [tg.tensor(g, requires_grad=True) for g in cotangents]
    theirs_g = [torch.tensor(np.array(g), requires_grad=True) for g in cotangents]

    first = tg.grad(outputs, targets, ours_g, create_graph=True, allow_unused=True)
    torch_first = torch.autograd.grad(torch_outputs, torch_targets, theirs_g, create_graph=True, allow_unused=True)
    compare(first, torch_first, targets, dtype)
    tally.count("gradients")

    first = [zero_like(g, t) for g, t in zip(first, targets, strict=True)]
    torch_first = [torch.zeros_like(t) if g is None else g for g, t in zip(torch_first, torch_targets, strict=True)]
    weights = [draw(np.random.default_rng(8), g.shape, -1.7, 1.2).astype(g.dtype) for g in first]
    kept = [(g, tg.tensor(v)) for g, v in zip(first, weights, strict=True) if g.requires_grad]
    torch_kept = [(g, torch.tensor(np.array(v))) for g, v in zip(torch_first, weights, strict=True) if g.requires_grad]
    second = grads(tg.grad, kept, [*targets, *ours_g])
    torch_second = grads(torch.autograd.grad, torch_kept, [*torch_targets, *theirs_g])
    compare(second, torch_second, [*targets, *ours_g], dtype)
    tally.count("second order")


def grads(grad, pairs, wanted):
    if not pairs:
        return [None] * len(wanted)
    outputs, weights = zip(*pairs, strict=True)
    return grad(outputs, wanted, weights, allow_unused=True)


def zero_like(g, tensor):
    return tg.zeros_like(tensor) if g is None else g


def compare(found, torch_found, targets, dtype):
    """No gradient and a gradient of zeros are the same."""
    for one, other, target in zip(found, torch_found, targets, strict=True):
        close(
            zero_like(one, target), torch.zeros(target.shape, dtype=to_torch(dtype)) if other is None else other, dtype
        )


def test_what_is_compared():
    """Every operation with a counterpart is compared but these; is_refused says why."""
    missing = {row.name for row in ROWS if call_of(row.op)} - {row.name for row in COMPARED}
    assert missing == {"_binary_cross_entropy", "binary_cross_entropy", "_binary_logits", "_dropout"}


# dtypes of the operators

DTYPES = [np.bool_, np.uint8, np.int8, np.int16, np.int32, np.int64, np.float16, np.float32, np.float64]
NUMBERS = [True, 2, 2.5]
OPERATORS = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "truediv": operator.truediv,
    "pow": operator.pow,
    "matmul": operator.matmul,
    "eq": operator.eq,
    "lt": operator.lt,
    "and": operator.and_,
    "or": operator.or_,
    "xor": operator.xor,
}


def operands():
    """One of every dtype as an array and 0-d, and a number of every kind."""
    for dtype in DTYPES:
        yield np.array([1, 2, 1], dtype)
        yield np.array(2, dtype)
    yield from NUMBERS


def attempt(function, *values):
    """dtype and values of the result, or "refused"."""
    try:
        result = function(*values)
    except (RuntimeError, TypeError, ValueError, NotImplementedError):
        return "refused"
    if not isinstance(result, (tg.Tensor, torch.Tensor)):
        return "no tensor"
    array = result.data if isinstance(result, tg.Tensor) else result.numpy()
    return str(array.dtype), np.asarray(array, np.float64).round(2).tolist()


def disagreements(function, torch_function, tuples):
    """Where PyTorch gives a result and we give another one, or none."""
    found = []
    for values in tuples:
        if not any(isinstance(v, np.ndarray) for v in values):
            continue
        ours = attempt(function, *[tg.tensor(v) if isinstance(v, np.ndarray) else v for v in values])
        theirs = attempt(torch_function, *[torch.tensor(v) if isinstance(v, np.ndarray) else v for v in values])
        if ours != theirs and theirs != "refused":
            told = [f"{v.dtype}{list(v.shape)}" if isinstance(v, np.ndarray) else repr(v) for v in values]
            found.append((*told, ours, theirs))
    return found


@pytest.mark.parametrize("name", OPERATORS)
def test_dtypes_of_operators(name):
    assert disagreements(OPERATORS[name], OPERATORS[name], itertools.product(operands(), repeat=2)) == []


def test_dtypes_of_where():
    condition = np.array([True, False, True])
    triples = ((condition, x, y) for x, y in itertools.product(operands(), repeat=2))
    assert disagreements(tg.where, torch.where, triples) == []


@pytest.mark.parametrize(
    "name",
    ["neg", "exp", "log", "sqrt", "tanh", "sigmoid", "relu", "sum", "mean", "max", "argmax", "logical_not", "clone"],
)
def test_dtypes_of_functions(name):
    assert disagreements(getattr(tg, name), getattr(torch, name), ((x,) for x in operands())) == []


@pytest.mark.parametrize("name", ["cat", "stack"])
def test_dtypes_of_lists(name):
    arrays = [x for x in operands() if isinstance(x, np.ndarray) and (x.ndim or name == "stack")]
    pairs = [(x, y) for x, y in itertools.product(arrays, repeat=2) if x.shape == y.shape]
    ours, theirs = getattr(tg, name), getattr(torch, name)
    assert disagreements(lambda x, y: ours([x, y]), lambda x, y: theirs([x, y]), pairs) == []


# Kinks, ties and extreme values

# Whether arithmetic may warn is tested in test_op_corners.py.
quiet = pytest.mark.filterwarnings("ignore::RuntimeWarning")
EDGES = [0.0, -0.0, 1.0, -1.0, 2.0, -3.0, 0.5, 1e4, -1e4, np.inf, -np.inf, np.nan]
UNARY = ["exp", "log", "sqrt", "tanh", "sigmoid", "relu", "neg"]


def value_and_slope(grad, make, function, *values):
    tensors = [make(v) for v in values]
    out = function(*tensors)
    return [out.detach().item(), *[g.item() for g in grad(out, tensors)]]


def ours_at(function, *values):
    return value_and_slope(tg.grad, lambda v: tg.tensor(np.float64(v), requires_grad=True), function, *values)


def theirs_at(function, *values):
    make = lambda v: torch.tensor(float(v), dtype=torch.float64, requires_grad=True)  # noqa: E731
    return value_and_slope(torch.autograd.grad, make, function, *values)


@pytest.mark.parametrize("name", UNARY)
def test_edges_of_functions(name):
    for x in EDGES:
        np.testing.assert_allclose(
            ours_at(getattr(tg, name), x), theirs_at(getattr(torch, name), x), rtol=1e-13, err_msg=f"{x}"
        )
        tally.count("values", "gradients")


def is_unsettled(x, y):
    """x ** 0.5 is not always pow(x, 0.5) but sometimes sqrt(x), in PyTorch and NumPy: they differ at -0.0 and -inf."""
    return str(x) in ("-0.0", "-inf") and y % 1 != 0 and not np.isinf(y) and not np.isnan(y)


@quiet
@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "pow"])
def test_edges_of_operators(name):
    function = OPERATORS[name]
    for x, y in itertools.product(EDGES, repeat=2):
        if name == "pow" and is_unsettled(x, y):
            continue
        np.testing.assert_allclose(ours_at(function, x, y), theirs_at(function, x, y), rtol=1e-13, err_msg=f"{x}, {y}")
        tally.count("values", "gradients")


@quiet
@pytest.mark.parametrize("exponent", [0, 1, 2, 3, -1, -2, 0.0, 0.5, 1.0, 2.0, 2.5, -0.5, np.inf, np.nan])
def test_edges_of_powers_of_numbers(exponent):
    for x in EDGES:
        if not is_unsettled(x, exponent):
            got, right = ours_at(lambda x: x**exponent, x), theirs_at(lambda x: x**exponent, x)
            np.testing.assert_allclose(got, right, rtol=1e-13, err_msg=f"{x}")
            tally.count("values", "gradients")
        if is_unsettled(exponent, x):
            continue
        got, right = ours_at(lambda x: exponent**x, x), theirs_at(lambda x: exponent**x, x)
        np.testing.assert_allclose(got, right, rtol=1e-13, err_msg=f"{exponent} ** {x}")
        tally.count("values", "gradients")


@quiet
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_edges_of_softmax(name):
    for row in itertools.product([0.0, 1e5, -1e5, np.inf, -np.inf, np.nan], repeat=3):
        x, u = tg.tensor(np.array(row), requires_grad=True), torch.tensor(row, dtype=torch.float64, requires_grad=True)
        out, right = getattr(tg, name)(x, 0), getattr(torch, name)(u, 0)
        weights = [1.0, -2.0, 0.5]
        (out * tg.tensor(np.array(weights))).sum().backward()
        (right * torch.tensor(weights, dtype=torch.float64)).sum().backward()
        np.testing.assert_allclose(out.detach().data, right.detach().numpy(), rtol=1e-13, err_msg=f"{row}")
        np.testing.assert_allclose(x.grad.data, u.grad.numpy(), rtol=1e-13, err_msg=f"{row}")
        tally.count("values", "gradients")


@pytest.mark.parametrize("content", ["ties", "nan", "infinite"])
def test_edges_of_maxima(content):
    rng = np.random.default_rng(0)
    for _ in range(20):
        x = rng.integers(0, 3, (4, 5)).astype(np.float64)
        if content != "ties":
            x[rng.random(x.shape) < 0.4] = np.nan if content == "nan" else -np.inf
        for function in (
            lambda t: t.max(),
            lambda t: t.max(0)[0],
            lambda t: t.max(1, keepdim=True)[0],
            lambda t: (tg if isinstance(t, tg.Tensor) else F).max_pool2d(t.reshape(1, 1, 4, 5), (3, 2), 1, (1, 1)),
        ):
            a, b = tg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
            out, right = function(a), function(b)
            g = rng.standard_normal(right.shape)
            out.backward(tg.tensor(g))
            right.backward(torch.tensor(g))
            np.testing.assert_array_equal(out.detach().data, right.detach().numpy())
            np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-13, atol=1e-13)
            tally.count("values", "gradients")
        np.testing.assert_array_equal(tg.tensor(x).max(1)[1].data, torch.tensor(x).max(1)[1].numpy())
        assert tg.tensor(x).argmax().item() == torch.tensor(x).argmax().item()


# Random shapes, indices and graphs


def pair(array):
    return tg.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)


@pytest.mark.parametrize("seed", range(100))
def test_random_indices(seed):
    """A number beside an array is left out: NumPy broadcasts it with the array, PyTorch takes it out first."""
    rng = np.random.default_rng(seed)
    shape_ = tuple(rng.integers(1, 5, int(rng.integers(1, 5))).tolist())
    index, axis, count = [], 0, int(rng.integers(1, 4))
    while axis < len(shape_) and rng.random() < 0.85:
        kinds = ["slice", "none", "all", *(["int"] if seed % 2 else ["list", "mask"])]
        n, kind = shape_[axis], rng.choice(kinds)
        if kind == "none":
            index.append(None)
            continue
        if kind == "int":
            index.append(int(rng.integers(-n, n)))
        elif kind == "slice":
            start = int(rng.integers(-n, n))
            index.append(
                slice(start, None if rng.random() < 0.5 else int(rng.integers(-n, n + 1)), int(rng.integers(1, 3)))
            )
        elif kind == "list":
            index.append(rng.integers(-n, n, count))
        elif kind == "mask" and n >= count:
            mask = np.zeros(n, bool)
            mask[rng.permutation(n)[:count]] = True
            index.append(mask)
        else:
            index.append(slice(None))
        axis += 1
    if rng.random() < 0.3:
        index.append(Ellipsis)
    index = tuple(index) if len(index) != 1 or rng.random() < 0.5 else index[0]
    a, b = pair(rng.standard_normal(shape_))
    out, right = a[index], b[to_torch(index)]
    np.testing.assert_array_equal(out.detach().data, right.detach().numpy())
    g = rng.standard_normal(right.shape)
    out.backward(tg.tensor(g))
    right.backward(torch.tensor(g))
    np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-13, atol=1e-13)
    tally.count("values", "gradients")


@pytest.mark.parametrize("seed", range(60))
def test_random_matrix_products(seed):
    rng = np.random.default_rng(seed)
    n, k, m = rng.integers(0 if seed % 5 == 0 else 1, 4, 3).tolist()
    lead = rng.integers(1, 4, int(rng.integers(0, 3))).tolist()
    thinned = [
        [1 if rng.random() < 0.4 else size for size in lead][int(rng.integers(0, len(lead) + 1)) :] for _ in range(2)
    ]
    x = (k,) if rng.random() < 0.2 else (*thinned[0], n, k)
    y = (k,) if rng.random() < 0.2 else (*thinned[1], k, m)
    both = [pair(rng.standard_normal(s)) for s in (x, y)]
    agree(lambda lib, a, b: a @ b, [a for a, _ in both], [b for _, b in both])


UNARY_STEPS = [
    "exp",
    "tanh",
    "sigmoid",
    "relu",
    "neg",
    "sum",
    "mean",
    "max",
    "softmax",
    "transpose",
    "reshape",
    "index",
]
BINARY_STEPS = ["add", "sub", "mul", "div", "where", "cat", "matmul"]


def step(lib, name, *values):
    x = values[0]
    if name == "where":
        return lib.where(x > 0.3, *values)
    if name in ("sum", "mean"):
        return getattr(lib, name)(x, -1, keepdim=True)
    if name == "max":
        return lib.max(x, 0, keepdim=True)[0]
    if name == "softmax":
        return lib.softmax(x, 1) * 3
    if name == "transpose":
        return lib.transpose(x * 1.0, 0, 1).reshape(x.shape)
    if name == "reshape":
        return x.reshape(-1).reshape(x.shape)
    if name == "index":
        return x[:, [0, 0, -1]]
    if name == "cat":
        return lib.cat([x + 0 * values[1], values[1] + 0 * x], 0)[1:2]
    if name == "matmul":
        return lib.tanh(x @ lib.transpose(values[1], 0, 1)) if x.shape[1] == values[1].shape[1] else x + values[1]
    return getattr(lib, name)(*values)


@pytest.mark.parametrize("seed", range(100))
def test_random_graphs(seed):
    """Twelve steps over (3 or 1, 3 or 1) matrices that share what came before."""
    rng = np.random.default_rng(seed)
    leaves_ = [pair(0.5 * rng.standard_normal(s)) for s in [(3, 3), (3, 1), (1, 3)]]
    made = [list(t) for t in zip(*leaves_, strict=True)]
    for _ in range(12):
        if rng.random() < 0.5:
            name, chosen = str(rng.choice(UNARY_STEPS)), rng.integers(0, len(made[0]), 1)
        else:
            name, chosen = str(rng.choice(BINARY_STEPS)), rng.integers(0, len(made[0]), 2)
        if name == "div":
            name = "mul"
        for lib, tensors in zip((tg, torch), made, strict=True):
            tensors.append(step(lib, name, *[tensors[i] for i in chosen]))
    tensors, others = [a for a, _ in leaves_], [b for _, b in leaves_]
    first, torch_first = [], []
    for grad, lib, mine, targets, into in [
        (tg.grad, tg, made[0], tensors, first),
        (torch.autograd.grad, torch, made[1], others, torch_first),
    ]:
        loss_ = sum(lib.mean(lib.tanh(t)) for t in mine[3:])
        into.extend(grad(loss_, targets, create_graph=True, allow_unused=True))
        into.append(loss_)
        kept = [g for g in into[:3] if g is not None and g.requires_grad]
        if kept:
            into.extend(grad(sum((g * g).sum() for g in kept), targets, allow_unused=True))
    assert len(first) == len(torch_first)
    for one, other in zip(first, torch_first, strict=True):
        one = 0.0 if one is None else one.detach().data
        other = 0.0 if other is None else other.detach().numpy()
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    tally.count(*tally.ALL)


@pytest.mark.parametrize("seed", range(60))
def test_random_convolutions(seed):
    rng = np.random.default_rng(seed)
    groups = int(rng.choice([1, 2, 3]))
    kernel, stride, dilation, padding = (
        tuple(rng.integers(a, b, 2).tolist()) for a, b in [(1, 4), (1, 4), (1, 3), (0, 3)]
    )
    size = [
        int(rng.integers(max(1, d * (k - 1) + 1 - 2 * p), 9)) for k, d, p in zip(kernel, dilation, padding, strict=True)
    ]
    x = rng.standard_normal((int(rng.integers(1, 3)), 2 * groups, *size))
    w = rng.standard_normal((groups * int(rng.integers(1, 3)), 2, *kernel))
    tensors = [tg.tensor(v, requires_grad=True) for v in (x, w, rng.standard_normal(len(w)))]
    others = [torch.tensor(t.detach().data, requires_grad=True) for t in tensors]
    params = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    agree(lambda lib, *t: lib.conv2d(*t, **params), tensors, others)


@pytest.mark.parametrize("seed", range(60))
def test_random_poolings(seed):
    rng = np.random.default_rng(seed)
    kernel, stride, dilation = (tuple(rng.integers(a, b, 2).tolist()) for a, b in [(1, 5), (1, 4), (1, 3)])
    padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel)
    # At least `d` pixels: PyTorch crashes where a dilated window steps over the whole image.
    size = [
        int(rng.integers(max(d, d * (k - 1) + 1 - 2 * p), 10))
        for k, d, p in zip(kernel, dilation, padding, strict=True)
    ]
    x = rng.integers(-4, 0, (2, 2, *size)).astype(np.float64)
    params = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": bool(rng.integers(2))}
    tensors, others = [tg.tensor(x, requires_grad=True)], [torch.tensor(x, requires_grad=True)]
    agree(lambda lib, t: lib.max_pool2d(t, kernel, return_indices=True, **params), tensors, others)


def agree(call, tensors, others):
    results, right = as_tuple(call(tg, *tensors)), as_tuple(call(F, *others))
    g = np.random.default_rng(9).standard_normal(right[0].shape)
    ours_g, theirs_g = tg.tensor(g, requires_grad=True), torch.tensor(g, requires_grad=True)
    first = tg.grad(results[0], tensors, ours_g, create_graph=True)
    torch_first = torch.autograd.grad(right[0], others, theirs_g, create_graph=True)
    second = tg.grad(sum((f * f).sum() for f in first), [*tensors, ours_g], allow_unused=True)
    torch_second = torch.autograd.grad(sum((f * f).sum() for f in torch_first), [*others, theirs_g], allow_unused=True)
    for one, other in zip(results, right, strict=True):
        np.testing.assert_allclose(one.detach().data, other.detach().numpy(), rtol=1e-11, atol=1e-11)
    compare(first, torch_first, tensors, F64)
    compare(second, torch_second, [*tensors, ours_g], F64)
    tally.count(*tally.ALL)
