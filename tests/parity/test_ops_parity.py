"""The rows of the operation table, and the dtypes of operators, in PyTorch: values, gradients, second order."""

import itertools
import operator

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import tensorgrad as tg
from tests.op_table import F32, F64, ROWS, as_tuple, draw, name_of
from tests.parity import tally
from tests.parity.spellings import CALLS, is_refused
from tests.parity.spellings.tools import to_torch
from tests.test_ops import differentiable, leaves, tensors_of

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning"),
    pytest.mark.filterwarnings("ignore:size_average and reduce args will be deprecated:UserWarning"),
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning"),
]


def call_of(op):
    """What PyTorch has for an operation: told in CALLS, or a function of the same name; None for nothing."""
    name = name_of(op).removeprefix("_")
    if name.startswith("linalg."):
        return CALLS.get(op) or getattr(torch.linalg, name.removeprefix("linalg."))
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
    drawn = {"_alpha_dropout", "_dropout", "_rrelu"}
    assert missing == {"_binary_cross_entropy", "binary_cross_entropy", "_binary_logits"} | drawn


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
