"""The pitfalls that bit other engines, one section each, by number: a list to check an engine by.

Each section says in its comment what went wrong elsewhere. Where it can, it runs over everything that the registry
and the table of operations know, so that a new operation is covered without a line here. Conventions are those of
PyTorch 2.13; expected values are written down or come from NumPy. T46 to T48, about training and drawing, are tested
with those.
"""

import ast
import functools
import gc
import inspect
import itertools
import operator
import re
import threading
import time
import warnings
import weakref
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import nn
import nn.functional as F
import tensorgrad as tg
from tensorgrad.check import GradcheckError, gradcheck, gradgradcheck
from tensorgrad.node import Node, TensorBase
from tensorgrad.ops import conv
from tensorgrad.primitive import Primitive
from tests import naive, test_ops
from tests.check import planted
from tests.engine.tools import run
from tests.op_table import F16, F32, F64, ROWS, as_tuple, draw, primitives, public_operations
from tests.op_table.conv import conv2d as naive_conv2d
from tests.test_ops import LAYOUTS, cotangents_for, differentiable, gradients, leaves, spread, tensors_of

INF, NAN = np.inf, np.nan
PUBLIC = public_operations()
ELEMENTWISE = {name: p for name, p in primitives().items() if p.elementwise}
FLOATS = {  # the elementwise primitives that are of floats, and differentiable
    name: p for name, p in ELEMENTWISE.items() if p.differentiable and not p.name.startswith("bitwise")
}
WITH_GRADIENTS = [row for row in ROWS if row.wanted()]
FIRST = list({row.op: row for row in reversed(WITH_GRADIENTS)}.values())  # one row for each operation


def leaf(values, dtype=np.float64):
    return tg.tensor(np.asarray(values, dtype), requires_grad=True)


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def value_and_slopes(function, *inputs):
    """Result, and the gradients of its sum, as arrays; None where there is none."""
    tensors = [x if isinstance(x, tg.Tensor) else leaf(x) for x in inputs]
    out = function(*tensors)
    return out.data, *[None if g is None else g.data for g in slopes_of(out, tensors)]


def slopes_of(out, tensors, **options):
    return tg.grad(out, tensors, tg.ones_like(out), allow_unused=True, **options)


def equal(got, expected):
    np.testing.assert_array_equal(got, np.asarray(expected))


def close(got, expected, rtol=1e-12, atol=1e-13, told=""):
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol, err_msg=told)


def fastest(function, times=5):
    """The shortest of several runs, in seconds of this thread: what else the machine does is not counted."""
    taken = []
    for _ in range(times):
        start = time.thread_time()
        function()
        taken.append(time.thread_time() - start)
    return min(taken)


# The list itself

NUMBERS = {f"T{n:02}" for n in range(1, 53)} - {"T46", "T47", "T48"} | {"T25b"}


def test_every_number_of_the_list_occurs():
    names = [node.name for node in ast.parse(Path(__file__).read_text()).body if isinstance(node, ast.FunctionDef)]
    numbers = [re.match(r"test_(T\d\db?)_", name) for name in names]
    found = [number[1] for number in numbers if number]
    assert set(found) == NUMBERS
    assert found == sorted(found), "the sections stand in order"
    assert len(names) == len(set(names)), "a name given twice hides a test"


# T01: recursion on deep graphs

DEEP = """
import sys
import tensorgrad as tg
sys.setrecursionlimit(200)
a = tg.tensor(1.0, requires_grad=True)
x = a
for _ in range({half}):
    x = x * 1.0
    x = x + a
{rest}
"""


def test_T01_deep_graphs_without_recursion():
    rest = """
import copy, pickle
for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
    try: duplicate(x)
    except tg.GradientError as error: assert "only leaves" in str(error), error
    else: raise AssertionError("what is no leaf was copied")
view = tg.viz.graph(x)
assert view.to_dot().count(" -> ") >= 50_000
assert tg.grad(x, a, retain_graph=True)[0].item() == 25_001.0
x.backward()
assert a.grad.item() == 25_001.0
del view, x
"""
    run(DEEP.format(half=25_000, rest=rest), timeout=300)


# T02: deep graphs that are freed


@pytest.mark.parametrize("collector", ["gc.enable()", "pass"], ids=["with the collector", "without"])
def test_T02_a_chain_of_a_million_is_freed(collector):
    code = "import gc; gc.disable()" + DEEP.format(half=500_000, rest=f"{collector}\ndel x\nprint('freed')")
    assert run(code, timeout=300) == "freed\n"


# T03: shared nodes visited once for every way to them


def test_T03_two_hundred_diamonds_take_no_time():
    a = leaf(1.0)

    def diamonds():
        x = a
        for _ in range(200):
            x = (x + x) * 0.5
        return x

    def recorded():
        with tg.viz.record() as run:
            x = diamonds()
            x.backward()
        return run.graph(x)

    x = diamonds()
    for walk in (
        lambda: x.backward(retain_graph=True),
        lambda: tg.grad(x, a, create_graph=True),
        lambda: tg.viz.graph(x).to_dot(),
        recorded,
        lambda: tg.func.grad(lambda a: functools.reduce(lambda y, _: (y + y) * 0.5, range(200), a))(a),
    ):
        assert fastest(walk) < 0.1
    a.grad = None
    x.backward()
    assert a.grad.item() == 1
    assert sum(node.kind == "op" for node in tg.viz.graph(x).nodes) == 400


# T04: results used more than once


def test_T04_results_used_again():
    a = leaf(1.0)
    b = a + a
    c = b + b
    c.backward()
    assert a.grad.item() == 4
    for function, slope in [
        (lambda a: a + a, 2),
        (lambda a: a * a, 6),
        (lambda a: a * a * a, 27),
        (lambda a: (a * 2) * (a + 1), 14),  # a diamond: 2 a² + 2 a
    ]:
        equal(value_and_slopes(function, 3.0)[1], slope)


def test_T04_one_tensor_in_two_losses():
    x = leaf([1.0, 2])
    h = x * x
    one, other = h.sum(), (3 * h).sum()
    one.backward(retain_graph=True)
    other.backward()
    equal(x.grad.data, [8, 16])
    x.grad = None
    h = x * x
    equal(tg.grad([h.sum(), (3 * h).sum()], x, retain_graph=True)[0].data, [8, 16])
    (h.sum() + (3 * h).sum()).backward()
    equal(x.grad.data, [8, 16])


# T05: the second backward


def test_T05_a_second_backward_doubles_leaves_and_nothing_else():
    x = leaf([1.0, 2])
    h = x * x
    k = h * h
    h.retain_grad()
    loss = k.sum()
    loss.backward(retain_graph=True)
    equal(x.grad.data, [4, 32])
    equal(h.grad.data, [2, 8])
    assert k.grad is None
    loss.backward(retain_graph=True)
    equal(x.grad.data, [8, 64])  # with a polluted interior it would be [12, 96]
    equal(h.grad.data, [4, 16])  # asked for, and so added up as PyTorch does
    equal(tg.grad(loss, h)[0].data, [2, 8])


def test_T05_without_retain_graph_the_error_says_what_to_do():
    x = leaf([1.0, 2])
    loss = (x * x).sum()
    loss.backward()
    for again in (loss.backward, lambda: tg.grad(loss, x)):
        with pytest.raises(tg.GradientError, match=r"mul: .*retain_graph=True, or run the forward again"):
            again()
    equal(x.grad.data, [2, 4])


# T06: edges kept in sets


def test_T06_edges_are_ordered_and_repeat():
    a, b = leaf(1.0), leaf(2.0)
    h = a * 2.0
    assert list((h + h).grad_fn.edges) == [(h.grad_fn, 0), (h.grad_fn, 0)]
    assert [edge is a for edge in (a + a).grad_fn.edges] == [True, True]
    assert [edge is a for edge in (a - b).grad_fn.edges] == [True, False]
    assert [edge is a for edge in (b - a).grad_fn.edges] == [False, True]
    c, d = leaf([1.0]), leaf([2.0])
    assert [edge is c for edge in tg.cat([c, d, c, c]).grad_fn.edges] == [True, False, True, True]
    for out, sources in ((a + a, 1), (a + b, 2)):
        edges = tg.viz.graph(out).edges
        assert [edge.input for edge in edges] == [0, 1]
        assert len({edge.source for edge in edges}) == sources


# T07: reference cycles


@pytest.fixture
def without_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def live():
    types = [type(o) for o in gc.get_objects()]
    return Counter("nodes" if t is Node else "tensors" for t in types if t is Node or issubclass(t, TensorBase))


@pytest.mark.usefixtures("without_collector")
def test_T07_graphs_are_freed_when_let_go():
    def died(use):
        before = live()
        x = leaf([1.0, 2])
        h = x * x
        y = h.exp().sum()
        use(x, h, y)
        watched = [weakref.ref(o) for o in (x, h, y)]  # the graph holds x
        del x, h, y
        return [ref() for ref in watched] == [None] * 3 and live() == before

    def hooked(x, h, y):
        h.register_hook(lambda g: g * 2)
        x.register_hook(lambda g: g + 1)
        h.retain_grad()
        y.backward(retain_graph=True)

    assert died(lambda x, h, y: None)
    assert died(lambda x, h, y: y.backward())
    assert died(hooked)
    assert died(lambda x, h, y: tg.grad(tg.grad(y, x, create_graph=True)[0].sum(), x))
    assert died(lambda x, h, y: tg.viz.graph(y).to_dot())
    assert died(lambda x, h, y: h.clone().mul_(2.0))


@pytest.mark.usefixtures("without_collector")
def test_T07_the_number_of_tensors_is_constant_over_1000_steps():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    optimiser = nn.optim.Adam(net.parameters(), 1e-3)
    x, labels = tg.tensor(random(8, 3), dtype=F32), tg.tensor(np.arange(8) % 2)
    net[0].weight.register_hook(lambda g: g * 1.0)
    counts = []
    for step in range(1000):
        optimiser.zero_grad()
        loss = F.cross_entropy(net(x), labels)
        (slope,) = tg.grad(loss, net[3].weight, create_graph=True)
        (loss + 1e-3 * (slope * slope).sum()).backward()
        optimiser.step()
        del loss, slope
        if step in (10, 999):
            counts.append(live())
    assert counts[0] == counts[1]


# T08: losses kept in a list keep their graphs


@pytest.mark.usefixtures("without_collector")
def test_T08_losses_that_are_kept_keep_their_graphs_unless_detached():
    """As in PyTorch: a graph lives as long as a tensor that it led to. Keep `loss.item()` or `loss.detach()`."""

    def kept(keep, walk):
        history, leaves = [], []
        for number in range(5):
            x = leaf([1.0, 2])
            loss = (x * number).exp().sum()
            if walk:
                loss.backward()
            leaves.append(weakref.ref(x))  # which the graph alone holds from here on
            history.append(keep(loss))
            del loss, x
        assert len(history) == 5
        return sum(x() is not None for x in leaves)

    for walk in (True, False):
        assert kept(lambda loss: loss, walk) == 5
        assert kept(lambda loss: loss.detach(), walk) == 0
        assert kept(lambda loss: loss.item(), walk) == 0
        with pytest.warns(UserWarning, match=r"^float: the tensor requires a gradient"):
            assert kept(float, walk) == 0
        assert kept(lambda loss: loss.detach().numpy(), walk) == 0


@pytest.mark.usefixtures("without_collector")
def test_T08_a_running_total_keeps_every_graph():
    total, plain, leaves = tg.zeros(()), 0.0, []
    for number in range(5):
        x = tg.tensor([1.0, 2.0], requires_grad=True)
        loss = (x * number).sum()
        leaves.append(weakref.ref(x))
        total += loss
        plain += loss.item()
        del loss, x
    assert [x() is None for x in leaves] == [False] * 5
    assert total.item() == plain == 30
    del total
    assert [x() is None for x in leaves] == [True] * 5


# T09: gradients that share memory


def test_T09_gradients_have_memory_of_their_own():
    a, b = leaf([1.0, 2]), leaf([3.0, 4])
    y = a + b
    y.retain_grad()
    y.backward(tg.tensor([5.0, 6], dtype=F64))
    with tg.no_grad():
        a.grad.mul_(100)
    a.grad.data[0] = -1
    equal(a.grad.data, [-1, 600])
    equal(b.grad.data, [5, 6])
    equal(y.grad.data, [5, 6])


@pytest.mark.parametrize("times", range(1, 31))
def test_T09_one_tensor_repeated(times):
    x = leaf([1.0, 2])
    tg.cat([x] * times).sum().backward()
    tg.stack([x] * times).sum().backward()
    functools.reduce(operator.add, [x] * times).sum().backward()
    tg.einsum(",".join(["i"] * times) + "->i", *[x] * times).sum().backward()
    equal(x.grad.data, 3 * times + times * np.array([1.0, 2]) ** (times - 1))


# T10: rules that give one array to two inputs, or a view of what came


CARRIERS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "reshape": lambda a, b: a.reshape(4) + b.reshape(4),
    "transpose": lambda a, b: a.T + b.T,
    "cat": lambda a, b: tg.cat([a, b]),
    "stack": lambda a, b: tg.stack([a, b]),
    "flip": lambda a, b: a.flip(0) + b.flip(1),
    "expand": lambda a, b: a.broadcast_to((3, 2, 2)) + b,
    "split": lambda a, b: a.split(1)[0] + b.unbind(1)[1],
    "where": lambda a, b: tg.where(tg.tensor([[True, False], [False, True]]), a, b),
    "einsum": lambda a, b: tg.einsum("ij->ji", a) + tg.einsum("ij->ji", b),
}


@pytest.mark.parametrize("carrier", CARRIERS.values(), ids=CARRIERS)
def test_T10_gradients_may_be_changed_by_clipping_and_steps(carrier):
    """Whatever is done in place to a gradient is done to that one alone, and the next walk adds to it."""
    a, b = leaf([[1.0, 2], [3, 4]]), leaf([[5.0, 6], [7, 8]])
    out = carrier(a, b)
    out.retain_grad()
    g = tg.tensor(random(*out.shape))
    arrived = g.data.copy()
    out.backward(g, retain_graph=True)
    first = a.grad.data.copy(), b.grad.data.copy()
    nn.utils.clip_grad_norm_([a], 1e-3)
    nn.optim.SGD([a], 0.5).step()
    equal(b.grad.data, first[1])
    equal(out.grad.data, arrived)
    equal(g.data, arrived)
    clipped = a.grad.data.copy()
    out.backward(g)
    close(a.grad.data, clipped + first[0])
    equal(b.grad.data, 2 * first[1])


def test_T10_every_operation_gives_each_leaf_memory_of_its_own():
    for row in FIRST:
        inputs = leaves(row, row.values())
        outputs = [out for out in differentiable(row.run(*inputs)) if out.node is not None]
        for out in outputs:
            out.backward(tg.tensor(cotangents_for([out])[0]), retain_graph=True)
        found = [t.grad.data for t in tensors_of(row, inputs) if t.grad is not None]
        others = [t.data for t in tensors_of(row, inputs)] + [out.data for out in outputs]
        for one, other in [*itertools.combinations(found, 2), *itertools.product(found, others)]:
            assert not np.shares_memory(one, other), row.id


# T11: saved arrays that change

IN_PLACE_ARGUMENTS = {
    "add_": (1.0,),
    "sub_": (1.0,),
    "mul_": (2.0,),
    "div_": (2.0,),
    "copy_": (tg.zeros(3),),
    "fill_": (7.0,),
    "index_add_": (0, tg.tensor([0]), tg.ones(1, dtype=F64)),
    "index_copy_": (0, tg.tensor([0]), tg.ones(1, dtype=F64)),
    "index_fill_": (0, tg.tensor([0]), 7.0),
    "index_put_": ((tg.tensor([0]),), tg.ones(1, dtype=F64)),
    "masked_fill_": (tg.tensor([True, False, True]), 7.0),
    "masked_scatter_": (tg.tensor([True, False, True]), tg.ones(2, dtype=F64)),
    "put_": (tg.tensor([0]), tg.ones(1, dtype=F64)),
    "scatter_": (0, tg.tensor([0]), 7.0),
    "scatter_add_": (0, tg.tensor([0]), tg.ones(1, dtype=F64)),
    "scatter_reduce_": (0, tg.tensor([0]), tg.ones(1, dtype=F64), "sum"),
}
IN_PLACE = sorted(n for n in dir(tg.Tensor) if re.fullmatch(r"[a-z]\w*[a-z]_", n))
SETTERS = {"requires_grad_", "t_"}  # they change what a tensor is, not its values


@pytest.mark.parametrize("name", [n for n in IN_PLACE if n not in SETTERS])
def test_T11_in_place_methods(name):
    """Refused on a recorded leaf before anything changes; noticed where a walk needs what was there before."""
    x = leaf([1.5, 2.5, 3.5])
    loss = (x * x).sum()
    change = operator.methodcaller(name, *IN_PLACE_ARGUMENTS.get(name, ()))
    with pytest.raises(tg.GradientError, match="a leaf that requires a gradient cannot be changed in place"):
        change(x)
    equal(x.data, [1.5, 2.5, 3.5])
    loss.backward(retain_graph=True)
    equal(x.grad.data, [3, 5, 7])
    with tg.no_grad():
        change(x)
    assert x.data.tolist() != [1.5, 2.5, 3.5]
    with pytest.raises(tg.GradientError, match=r"mul: its other, saved for the walk, was changed in place since"):
        loss.backward()
    equal(x.grad.data, [3, 5, 7])


def test_T11_a_step_between_forward_and_backward():
    w, x = leaf(random(2, 2)), leaf(random(2, 2, seed=1))
    loss = (x @ w).sum()
    w.grad = tg.ones_like(w)
    nn.optim.SGD([w], 0.1).step()
    with pytest.raises(tg.GradientError, match=r"matmul: its \w+, saved for the walk, was changed in place"):
        loss.backward()
    assert x.grad is None


def test_T11_raw_writes_to_a_captured_array():
    """A write that passes the engine by cannot be seen at once; anomaly mode and gradcheck compare checksums."""
    array = np.array([1.0, 2])
    captured, x = tg.from_numpy(array), leaf([3.0, 4])
    with tg.detect_anomaly():
        loss = (x * captured).sum()
        array[0] = 50
        with pytest.raises(tg.AnomalyError, match="mul"):
            loss.backward()

    def careless(x):
        out = x * x
        x.data[0] += 1
        return out

    with pytest.raises(GradcheckError, match="careless: the function changes its input x in place"):
        gradcheck(careless, [leaf([1.0, 2])])


# T12: memory layouts


def test_T12_every_row_runs_in_every_layout():
    """What runs over all rows, in all layouts of inputs and cotangents, is in `test_ops.py`: here is that it does."""
    for test in (test_ops.test_memory_layout_does_not_matter_T12, test_ops.test_0_stride_inputs_and_cotangents_T12):
        rows = next(mark.args[1] for mark in test.pytestmark if mark.args[0] == "row")
        assert [row.id for row in rows] == [row.id for row in WITH_GRADIENTS]
    assert set(LAYOUTS) == {"fortran", "strided", "sliced", "negative strides"}
    a = np.arange(12.0).reshape(3, 4)
    for layout in LAYOUTS.values():
        equal(layout(a), a)
        assert not layout(a).flags.c_contiguous
    assert min(LAYOUTS["negative strides"](a).strides) < 0
    assert 0 in spread(a).strides


@pytest.mark.parametrize("layout", [*LAYOUTS, "0 strides"])
def test_T12_every_operation_in_every_layout(layout):
    """The first row of each operation, inputs and cotangents laid out alike."""
    lay = LAYOUTS.get(layout, spread)
    for row in FIRST:
        laid = [lay(v) if i in row.wanted() else v for i, v in enumerate(row.values())]
        solid = [np.array(v, order="C") if i in row.wanted() else v for i, v in enumerate(laid)]
        results, _, slopes = gradients(row, laid, lay)
        expected, _, right = gradients(row, solid, lambda g: np.array(lay(g), order="C"))
        for got, exact in zip(as_tuple(results), as_tuple(expected), strict=True):
            close(got.data, exact.data, 1e-11, 1e-11, row.id)
        for got, exact in zip(slopes, right, strict=True):
            close(got, exact, 1e-11, 1e-11, row.id)


def test_T12_views_that_other_kernels_read_wrongly():
    """A transposed image into a convolution; an expanded operand of einsum and matmul."""
    x, w = random(2, 5, 4, 3), leaf(random(2, 3, 2, 2, seed=1))
    moved, solid = leaf(x), leaf(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
    g = tg.tensor(random(2, 2, 4, 3, seed=2))
    tg.conv2d(moved.permute(0, 3, 1, 2), w).backward(g)
    tg.conv2d(solid, w).backward(g)
    close(moved.grad.data, solid.grad.data.transpose(0, 2, 3, 1))
    a, b = random(1, 3), random(3, 2, seed=1)
    for product in (lambda x, y: x @ y, lambda x, y: tg.einsum("ij,jk->ik", x, y)):
        _, ga, gb = value_and_slopes(lambda x, y, p=product: p(x.broadcast_to((4, 3)), y), a, b)
        close(ga, 4 * b.sum(1)[None])
        close(gb, 4 * np.repeat(a.T, 2, 1))


# T13: gradients of stride 0 that are written to


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.sum(),
        lambda x: x.mean(),
        lambda x: x.sum(0).sum(),
        lambda x: x.broadcast_to((4, 2, 3)).sum(),
        lambda x: x[None].sum((0, 1)).sum(),
        lambda x: tg.einsum("ij->", x),
        lambda x: x.T.reshape(6).sum(),
    ],
)
def test_T13_gradients_can_be_added_to(function):
    x = leaf(random(2, 3))
    function(x).backward()
    before = x.grad.data.copy()
    assert 0 not in x.grad.data.strides
    x.grad += 1
    x.grad[0, 0] = 7
    before += 1
    before[0, 0] = 7
    equal(x.grad.data, before)
    function(x).backward()
    close(x.grad.data, before + value_and_slopes(function, x.data)[1])


def test_T13_gradients_of_every_operation_can_be_added_to():
    for row in FIRST:
        inputs = leaves(row, row.values())
        outputs = differentiable(row.run(*inputs))
        if outputs:
            test_ops.sum_of([out.sum() for out in outputs]).backward()
        for t in tensors_of(row, inputs):
            if t.grad is not None:
                before = t.grad.data.copy()
                t.grad += 1
                close(t.grad.data, before + 1, told=row.id)


# T14: broadcasting that the rules forgot to undo

SHAPES = [(), (1,), (3,), (1, 3), (2, 1), (2, 3), (0, 3)]


def inputs_of(primitive, shapes):
    """Arrays for an elementwise primitive: what takes a condition gets one, what takes bits gets integers."""
    return test_ops.elementwise_inputs(primitive, shapes)


def tensors_named(function):
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.name in test_ops.TENSORS and p.default is p.empty]


def composed_functions():
    """{name: call} of the public functions of several tensors that are no primitives and broadcast what they take."""
    found = {}
    for name, function in PUBLIC.items():
        count, parameters = len(tensors_named(function)), inspect.signature(function).parameters
        if count < 2 or isinstance(function, Primitive):
            continue
        row = next(row for row in ROWS if row.op is function)
        if row.call is not None or set(row.params) & set(tensors_named(function)):
            continue
        options = {**row.params, **({"reduction": "none"} if "reduction" in parameters else {})}
        call = functools.partial(quietly, function, **options)
        try:
            shapes = [(2, 3)] * count, [(2, 1), (1, 3), (3,)][:count]
            outs = [call(*[tg.from_numpy(draw(np.random.default_rng(0), s, 0.4, 2.6)) for s in ss]) for ss in shapes]
        except (tg.TensorgradError, TypeError):
            continue  # it takes other shapes or dtypes, and so does not broadcast all alike
        if [getattr(out, "shape", None) for out in outs] == [(2, 3)] * 2:
            found[name] = (call, count)
    return found


def quietly(function, *tensors, **options):
    """Losses warn where the target is broadcast, which is what is wanted here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*the target's shape .* is not the input's", UserWarning)
        return function(*tensors, **options)


SEVERAL = {name: p for name, p in ELEMENTWISE.items() if len(p.inputs) > 1}
COMPOSED = composed_functions()


def test_T14_what_broadcasts_is_found():
    assert len(SEVERAL) > 40
    assert {"mul", "pow", "where", "maximum", "clamp", "lerp", "atan2"} <= {p.name for p in SEVERAL.values()}
    assert {"add", "sub", "div", "addcmul", "addcdiv", "mse_loss", "l1_loss", "huber_loss", "kl_div"} <= set(COMPOSED)


def check_broadcasting(call, make, count):
    """Values, and gradients summed to the shape of each input, against the inputs broadcast beforehand by NumPy."""
    tried = 0
    for shapes in itertools.product(SHAPES, repeat=count):
        try:
            whole = np.broadcast_shapes(*shapes)
        except ValueError:
            with pytest.raises(tg.ShapeError, match=r"\w+: "):
                call(*[tg.from_numpy(a) for a in make(shapes)])
            continue
        narrow, wide = [], []
        for array in make(shapes):
            for made, values in ((narrow, array), (wide, np.array(np.broadcast_to(array, whole)))):
                made.append(tg.from_numpy(values))
                made[-1].requires_grad = values.dtype.kind == "f"
        out, right = call(*narrow), call(*wide)
        assert out.shape == whole
        equal(out.data, right.data)
        tried += 1
        if not right.requires_grad:
            assert not out.requires_grad
            continue
        g = tg.from_numpy(draw(np.random.default_rng(4), whole, -1, 1))
        wanted = [i for i, t in enumerate(narrow) if t.requires_grad]
        got = tg.grad(out, [narrow[i] for i in wanted], g, allow_unused=True)
        exact = tg.grad(right, [wide[i] for i in wanted], g, allow_unused=True)
        for i, slope, spread_out in zip(wanted, got, exact, strict=True):
            assert (slope is None) == (spread_out is None)
            if slope is not None:
                assert slope.shape == narrow[i].shape
                close(slope.data, summed_to(spread_out.data, slope.shape))
    assert tried >= len(SHAPES)


def summed_to(array, shape):
    """The sum over the axes that broadcasting a shape to the array's would repeat: those in front, and those of 1."""
    array = array.sum(tuple(range(array.ndim - len(shape))))
    axes = tuple(i for i, n in enumerate(shape) if n == 1 != array.shape[i])
    return array.sum(axes, keepdims=True)


@pytest.mark.parametrize("primitive", SEVERAL.values(), ids=[p.name for p in SEVERAL.values()])
def test_T14_primitives_of_several_inputs(primitive):
    check_broadcasting(primitive, lambda shapes: inputs_of(primitive, shapes), len(primitive.inputs))


@pytest.mark.parametrize("name", COMPOSED)
def test_T14_functions_of_several_tensors(name):
    call, count = COMPOSED[name]
    check_broadcasting(call, lambda shapes: [draw(np.random.default_rng(i), s, 0.4, 2.6)
                                             for i, s in enumerate(shapes)], count)  # fmt: skip


# T15: axes of size 1 that were never broadcast


def test_T15_axes_of_size_1_are_summed_only_where_they_were_broadcast():
    x, y = random(1, 3), random(1, 3, seed=1)
    _, gx, gy = value_and_slopes(lambda x, y: x * y, x, y)
    equal(gx, y)
    equal(gy, x)
    _, gx = value_and_slopes(lambda x: x.sum(0, keepdim=True) * tg.tensor(y), x)
    equal(gx, y)
    _, gx, gy = value_and_slopes(lambda x, y: x * y, random(2, 1), random(1, 1, seed=1))
    assert gx.shape == (2, 1)
    assert gy.shape == (1, 1)
    _, gx = value_and_slopes(lambda x: (x - x.mean(1, keepdim=True)) ** 2, [[1.0, 2, 6]])
    close(gx, [[-4, -2, 6]])


@pytest.mark.parametrize("primitive", [p for p in SEVERAL.values() if p in FLOATS.values()], ids=lambda p: p.name)
def test_T15_gradients_of_rows_are_those_of_vectors(primitive):
    rows = inputs_of(primitive, [(1, 3)] * len(primitive.inputs))
    vectors = [row.reshape(3) for row in rows]
    found = []
    for arrays in (rows, vectors):
        tensors = [tg.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
        found.append(slopes_of(primitive(*tensors), [t for t in tensors if t.requires_grad]))
    for row, vector in zip(*found, strict=True):
        assert (row is None) == (vector is None)
        if row is not None:
            assert row.shape == (1, 3)
            equal(row.data[0], vector.data)


# T16: float32 that becomes float64


@pytest.mark.parametrize("dtype", [F16, F32], ids=str)
def test_T16_every_row_keeps_its_dtype(dtype):
    tried = 0
    for row in WITH_GRADIENTS:
        if dtype == F16 and not row.half:
            continue  # what LAPACK computes refuses it, as PyTorch does
        values = [np.asarray(v).astype(dtype) if i in row.wanted() else v for i, v in enumerate(row.values())]
        with np.errstate(all="ignore"):
            results, _, slopes = gradients(row, values)
        if not row.mixed:
            assert {r.dtype for r in as_tuple(results) if r.dtype.kind == "f"} <= {dtype}, row.id
        assert {g.dtype for g in slopes} <= {dtype}, row.id
        tried += 1
    assert tried > 1000


@pytest.mark.parametrize("dtype", [F16, F32, F64], ids=str)
@pytest.mark.parametrize("primitive", [p for p in SEVERAL.values() if p in FLOATS.values()], ids=lambda p: p.name)
def test_T16_numbers_are_weak_on_either_side(primitive, dtype):
    places = [i for i, name in enumerate(primitive.inputs) if name not in primitive.fixed]
    for place, number in itertools.product(places, [2, 2.5, np.float64(1.5), np.float32(1.5), np.int64(2)]):
        arrays = inputs_of(primitive, [(3,)] * len(primitive.inputs))
        if len(places) < 2:
            continue
        tensors = [tg.tensor(v.astype(dtype), requires_grad=True) if v.dtype == F64 else tg.tensor(v) for v in arrays]
        tensors[place] = number
        out = primitive(*tensors)
        assert out.dtype == dtype
        slopes = slopes_of(out, [t for t in tensors if isinstance(t, tg.Tensor) and t.requires_grad])
        assert {g.dtype for g in slopes if g is not None} <= {dtype}


def test_T16_division_by_the_count_of_a_mask():
    x = leaf([1, 2, 3], F32)
    mask = x > 1.5
    mean = (x * mask).sum() / mask.sum()
    mean.backward()
    assert mean.dtype == x.grad.dtype == F32
    equal(x.grad.data, np.array([0, 0.5, 0.5], np.float32))


# T17: sums and counts that float16 cannot hold

TAKE_KEEPDIM = {n for n, f in PUBLIC.items() if {"dim", "keepdim"} <= set(inspect.signature(f).parameters)}
OF_MATRICES = {"linalg.matrix_norm"}  # over two axes at a time, never over one
REDUCTIONS = sorted(TAKE_KEEPDIM - OF_MATRICES)


def reduce(name, x, **options):
    """A reduction by name, always a tuple of its results."""
    more = {"k": 1} if name == "kthvalue" else {}
    return as_tuple(PUBLIC[name](x, **more, **options))


@pytest.mark.parametrize("name", REDUCTIONS)
def test_T17_reductions_of_70000_values_of_float16(name):
    """Each result, and each gradient, is that of float64 to about a step of float16; for ties and for others.

    What arrives is 1024, so that no share of it is so small that float16 has few digits left for it.
    """
    n = 70_000
    for values in (np.full(n, 0.25), np.linspace(0.125, 0.5, n).astype(np.float16), np.ones(n)):
        half, wide = leaf(values, F16), leaf(values)
        for got, exact in zip(reduce(name, half, dim=0), reduce(name, wide, dim=0), strict=True):
            with np.errstate(over="ignore"):
                close(got.data, np.asarray(exact.data).astype(got.dtype), 2e-3, 1e-7)
            if got.requires_grad:
                (slope,) = tg.grad(got, half, tg.full(got.shape, 1024.0, dtype=F16), retain_graph=True)
                (right,) = tg.grad(exact, wide, tg.full(got.shape, 1024.0, dtype=F64), retain_graph=True)
                close(slope.data.astype(F64), right.data, 0, 2e-3 * np.abs(right.data).max())


def test_T17_counts_beyond_float16():
    n = 70_000
    for function in (tg.max, tg.min, tg.amax, tg.amin, tg.mean, tg.median):
        out, g = value_and_slopes(function, leaf(np.ones(n), F16))
        assert out == 1
        equal(g, np.full(n, 1 / n).astype(np.float16))
    total, g = value_and_slopes(lambda x: x.sum(), leaf(np.ones(n), F16))
    assert total == INF  # 70,000 is out of range
    equal(g, np.ones(n))
    assert leaf(np.full(n, 1 / 64), F16).sum().item() == 1094  # 1093.75 to the nearest
    x = leaf(np.linspace(0, 1, n), F16)
    (g,) = tg.grad((x * x).mean(), x, create_graph=True)
    close(g.data.astype(F64), 2 * x.data.astype(F64) / n, 1e-3, 1e-7)
    assert (tg.tensor(np.ones(n, np.uint8)).sum()).item() == tg.tensor(np.ones(n, np.bool_)).sum().item() == n
    assert F.cross_entropy(leaf(np.zeros((n, 2)), F16), np.zeros(n, np.int64)).item() == pytest.approx(np.log(2), 1e-3)


# T18: integers and truth values


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int8, np.int16, np.int32, np.int64])
def test_T18_integers_require_no_gradient(dtype):
    text = f"only floats have gradients, the tensor has dtype {np.dtype(dtype)}"
    for attempt in (
        lambda: tg.tensor([1, 0], dtype=dtype, requires_grad=True),
        lambda: tg.tensor([1, 0], dtype=dtype).requires_grad_(),
        lambda: setattr(tg.tensor([1, 0], dtype=dtype), "requires_grad", True),
        lambda: nn.Parameter(tg.tensor([1, 0], dtype=dtype)),
    ):
        with pytest.raises(tg.GradientError, match=text):
            attempt()
    x, index = leaf([1.0, 2, 3], F32), tg.tensor([1, 0], dtype=dtype)
    if dtype is not np.bool_:
        equal(value_and_slopes(lambda x: x[index], x)[1], [1, 1, 0])
        equal(value_and_slopes(lambda x: tg.embedding(index, x.reshape(3, 1)), x)[1], [1, 1, 0])
    out, g = value_and_slopes(lambda x: x[:2] * index, x)
    assert out.dtype == g.dtype == F32
    equal(g, [1, 0, 0])
    assert not (index * 1).requires_grad
    assert (index * 1.5).dtype == (index / 2).dtype == F32
    assert not x.long().requires_grad
    assert not (x > 1).requires_grad
    assert not x.argmax().requires_grad


@pytest.mark.parametrize("primitive", [p for p in SEVERAL.values() if p in FLOATS.values()], ids=lambda p: p.name)
def test_T18_integers_meet_floats(primitive):
    count = len(primitive.inputs)
    places = [i for i, name in enumerate(primitive.inputs) if name not in primitive.fixed]
    for place in places if len(places) > 1 else []:
        arrays = inputs_of(primitive, [(3,)] * count)
        arrays = [v.astype(F32) if v.dtype.kind == "f" else v for v in arrays]
        arrays[place] = np.array([1, 2, 1])
        tensors = [tg.tensor(v, requires_grad=v.dtype == F32) for v in arrays]
        out = primitive(*tensors)
        assert out.dtype == F32
        assert {g.dtype for g in slopes_of(out, [t for t in tensors if t.requires_grad]) if g is not None} <= {F32}


# T19: results without axes


@pytest.mark.parametrize("primitive", FLOATS.values(), ids=[p.name for p in FLOATS.values()])
def test_T19_results_without_axes_are_arrays(primitive):
    tensors = [
        tg.tensor(a, requires_grad=a.dtype.kind == "f") for a in inputs_of(primitive, [()] * len(primitive.inputs))
    ]
    out = primitive(*tensors)
    assert type(out.data) is np.ndarray
    assert out.shape == ()
    wanted = [t for t in tensors if t.requires_grad]
    for create_graph in (False, True):
        for g in slopes_of(out, wanted, create_graph=create_graph, retain_graph=True):
            assert g is None or (type(g.data) is np.ndarray and g.shape == ())
    out.backward()
    assert all(t.grad is None or (type(t.grad.data) is np.ndarray and t.grad.shape == ()) for t in wanted)


def test_T19_numpy_numbers_on_the_left_and_right():
    for number in (np.float64(2), np.float32(2), np.int64(2), np.array(2.0), np.array(2)):
        for op in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow):
            for dtype, shape in itertools.product([F32, F64], [(), (3,)]):
                x = leaf(np.full(shape, 3.0), dtype)
                for left, right in ((number, x), (x, number)):
                    out = op(left, right)
                    assert type(out) is tg.Tensor
                    assert type(out.data) is np.ndarray
                    assert out.shape == shape
                    close(out.data, np.full(shape, op(2.0, 3.0) if right is x else op(3.0, 2.0)), 1e-6)
                    (g,) = slopes_of(out, [x])
                    assert type(g.data) is np.ndarray
                    assert g.shape == shape
                    if not isinstance(number, np.ndarray):
                        assert out.dtype == g.dtype == dtype


# T20: arrays on the left that make arrays of objects

REFLECTED = {
    "__radd__": operator.add,
    "__rsub__": operator.sub,
    "__rmul__": operator.mul,
    "__rtruediv__": operator.truediv,
    "__rfloordiv__": operator.floordiv,
    "__rmod__": operator.mod,
    "__rpow__": operator.pow,
    "__rmatmul__": operator.matmul,
    "__rand__": operator.and_,
    "__ror__": operator.or_,
    "__rxor__": operator.xor,
    "__rlshift__": operator.lshift,
    "__rrshift__": operator.rshift,
}
OF_BITS = {"__rand__", "__ror__", "__rxor__", "__rlshift__", "__rrshift__"}
COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]


def test_T20_every_reflected_operator_is_listed():
    defined = {n for n in dir(tg.Tensor) if re.fullmatch(r"__r\w+__", n) and hasattr(tg.Tensor, f"__{n[3:]}")}
    assert defined - {"__rshift__"} == set(REFLECTED)


@pytest.mark.parametrize("name", REFLECTED)
def test_T20_arrays_on_the_left(name):
    op = REFLECTED[name]
    a, b = np.array([[3.0, 5], [2, 7]]), np.array([[2.0, 3], [1, 4]])
    if name in OF_BITS:
        a, b = a.astype(np.int64), b.astype(np.int64)
    for left in (a, a[::-1, ::-1], np.broadcast_to(a[0], (2, 2)), np.asfortranarray(a)):
        t = tg.tensor(b, requires_grad=name not in OF_BITS)
        out = op(left, t)
        assert type(out) is tg.Tensor
        equal(out.data, op(left, b))
        assert out.requires_grad == (name not in OF_BITS)
        if out.requires_grad:
            _, right = value_and_slopes(lambda t, left=left: op(tg.tensor(left), t), b)
            equal(slopes_of(out, [t])[0].data, right)


@pytest.mark.parametrize("op", COMPARISONS, ids=lambda op: op.__name__)
def test_T20_comparisons_with_arrays(op):
    a, b = np.array([1.0, 2, 3]), np.array([2.0, 2, 2])
    for out in (op(a, leaf(b)), op(leaf(a), b)):
        assert type(out) is tg.Tensor
        assert out.dtype == np.bool_
        equal(out.data, op(a, b))


@pytest.mark.parametrize("symbol", ["+", "-", "*", "/", "**"])
def test_T20_arrays_changed_in_place(symbol):
    """A gradient would be lost in an array: refused, and the array stays. Without a gradient it is NumPy's own."""
    array = np.array([3.0, 4])
    names = {"a": array, "t": leaf([2.0, 1])}
    with pytest.raises(tg.TensorgradError, match=r"np\.\w+: .*detach"):
        exec(f"a {symbol}= t", names)
    equal(array, [3, 4])
    exec(f"a {symbol}= t.detach()", names)
    assert names["a"] is array
    assert array.dtype == F64
    equal(array, eval(f"np.array([3.0, 4]) {symbol} np.array([2.0, 1])", {"np": np}))


def test_T20_asarray_is_numeric_or_raises():
    t = tg.tensor([1.0, 2])
    assert np.asarray(t).dtype == F32
    assert np.array([t, t]).dtype == F32
    assert np.array([t[0], 2.0]).dtype in (F32, F64)
    for attempt in (np.asarray, np.array, lambda x: np.array([x, x]), lambda x: np.array([x[0], 1.0])):
        with pytest.raises(tg.GradientError, match="detach"):
            attempt(leaf([1.0, 2]))


# T21: nothing in the batch


def image(rank):
    return (0, 4, *[6] * rank)


def weights(*shapes):
    return [leaf(random(*shape, seed=i)) for i, shape in enumerate(shapes)]


def of_rank(rank):
    """Those that there are for sequences, images and volumes."""
    size, parameters = image(rank), {"conv": (2, 4), "conv_transpose": (4, 2)}

    def named(name):
        return getattr(tg, f"{name}{rank}d")

    for name, channels in parameters.items():
        out = (0, 2, *[4 if name == "conv" else 8] * rank)
        yield f"{name}{rank}d", (size, named(name), weights((*channels, *[3] * rank), (2,)), out)
    for name in ("max_pool", "avg_pool", "adaptive_max_pool", "adaptive_avg_pool"):
        out = (0, 4, *[2 if "adaptive" in name else 3] * rank)
        yield f"{name}{rank}d", (size, functools.partial(call_with, named(name), 2), [], out)
    yield f"lp_pool{rank}d", (size, functools.partial(call_with, named("lp_pool"), 2.0, 2), [], (0, 4, *[3] * rank))


def call_with(function, *arguments):
    """function(the last argument, the others)"""
    *more, x = arguments
    return function(x, *more)


RANKS = (1, 2, 3)
EMPTY = {  # name: (shape of the input, call, the parameters, the shape of the result)
    **dict(itertools.chain.from_iterable(of_rank(rank) for rank in RANKS)),
    "batch_norm": ((0, 4), lambda x, w, b: F.batch_norm(x, None, None, w, b, True), weights((4,), (4,)), (0, 4)),
    "batch_norm of images": (image(2), lambda x, w: tg.native_batch_norm(x, w)[0], weights((4,)), image(2)),
    "layer_norm": ((0, 4), lambda x, w, b: tg.layer_norm(x, (4,), w, b), weights((4,), (4,)), (0, 4)),
    "rms_norm": ((0, 4), lambda x, w: tg.rms_norm(x, (4,), w), weights((4,)), (0, 4)),
    "group_norm": (image(2), lambda x, w, b: tg.group_norm(x, 2, w, b), weights((4,), (4,)), image(2)),
    "linear": ((0, 4), tg.linear, weights((3, 4), (3,)), (0, 3)),
    "matmul": ((0, 4), tg.matmul, weights((4, 3)), (0, 3)),
    "bilinear": ((0, 4), lambda x, w: tg.bilinear(x, x, w), weights((3, 4, 4)), (0, 3)),
    "prelu": ((0, 4), tg.prelu, weights((4,)), (0, 4)),
    "softmax": ((0, 4), lambda x: tg.softmax(x, 1), [], (0, 4)),
    "log_softmax": ((0, 4), lambda x: tg.log_softmax(x, 0), [], (0, 4)),
    "logsumexp": ((0, 4), lambda x: tg.logsumexp(x, 1), [], (0,)),
    "mean": ((0, 4), lambda x: x.mean(1), [], (0,)),
    "max": ((0, 4), lambda x: x.max(1)[0], [], (0,)),
    "sort": ((0, 4), lambda x: x.sort(1)[0], [], (0, 4)),
    "cumsum": ((0, 4), lambda x: x.cumsum(0), [], (0, 4)),
    "dropout": ((0, 4), lambda x: tg.dropout(x, generator=np.random.default_rng(0)), [], (0, 4)),
    "cross_entropy": (
        (0, 4), lambda x: tg.cross_entropy(x, tg.tensor(np.zeros(0, np.int64)), reduction="sum"), [], ()
    ),
    "embedding": ((0,), lambda x, w: tg.embedding(x.long(), w), weights((5, 2)), (0, 2)),
    "interpolate": (image(2), lambda x: tg.interpolate(x, 3, mode="bilinear"), [], (0, 4, 3, 3)),
    "pad": (image(2), lambda x: tg.pad(x, (1, 1), "reflect"), [], (0, 4, 6, 8)),
    "unfold": (image(2), lambda x: tg.unfold(x, 3), [], (0, 36, 16)),
    "inv": ((0, 3, 3), tg.linalg.inv, [], (0, 3, 3)),
    "det": ((0, 3, 3), tg.linalg.det, [], (0,)),
}  # fmt: skip


@pytest.mark.parametrize("name", EMPTY)
def test_T21_empty_batches(name):
    shape, call, parameters, expected = EMPTY[name]
    x = leaf(np.zeros(shape))
    out = call(x, *parameters)
    assert out.shape == expected
    gx, *found = slopes_of(out, [x, *parameters])
    assert gx is None or gx.shape == shape
    for tensor, g in zip(parameters, found, strict=True):
        equal(g.data, np.zeros(tensor.shape))


@pytest.mark.parametrize("loss", ["cross_entropy", "nll_loss", "mse_loss", "l1_loss", "binary_cross_entropy", "mean"])
def test_T21_means_of_nothing_are_nan(loss):
    x = leaf(np.zeros((0, 4)))
    of_labels = loss in ("cross_entropy", "nll_loss")
    target = tg.tensor(np.zeros(0, np.int64)) if of_labels else tg.zeros(0, 4, dtype=F64)
    out = x.mean() if loss == "mean" else getattr(tg, loss)(x, target)
    assert np.isnan(out.item())
    out.backward()
    assert x.grad.shape == (0, 4)


# T22: places read more than once


@pytest.mark.parametrize(
    "index, counts",
    [
        ([0, 0, 2], [2, 0, 1, 0]),
        (np.array([0, 0, 2], np.uint8), [2, 0, 1, 0]),
        (tg.tensor([0, 0, 2]), [2, 0, 1, 0]),
        (np.array([0, -4, 3, -1], np.int8), [2, 0, 0, 2]),
        (np.array([[1, 1], [1, 2]]), [0, 3, 1, 0]),
        (np.array([True, False, False, True]), [1, 0, 0, 1]),
        ((Ellipsis, [3, -1]), [0, 0, 0, 2]),
        ((None, [2, -2, 2]), [0, 0, 3, 0]),
        (([1, 1], None), [0, 2, 0, 0]),
        ([], [0, 0, 0, 0]),
    ],
)
def test_T22_a_place_read_twice_gets_both_gradients(index, counts):
    x = np.arange(4.0)
    out, g = value_and_slopes(lambda x: x[index], x)
    equal(g, counts)
    equal(out, x[index.data if isinstance(index, tg.Tensor) else index])


def test_T22_masks_with_integers_and_axes_between():
    x = random(2, 3, 4)
    for index in (
        (np.array([[True, False, True], [False, False, True]]), np.array([0, 0, 3])),
        (np.array([True, True]), slice(None), 2),
        ([0, 0], slice(None), [1, 1]),
        (Ellipsis, [3, 3, -1]),
        (1, None, [0, 0], slice(1, None)),
        (slice(None), [[0, 0], [2, 0]], None, Ellipsis),
    ):
        out, g = value_and_slopes(lambda x, index=index: x[index], x)
        equal(out, x[index])
        right = np.zeros(x.shape)
        np.add.at(right, index, 1)
        equal(g, right)


def test_T22_other_ways_to_read_a_place_twice():
    x, i = [[1.0, 2], [3, 4], [5, 6]], tg.tensor([2, 2, 0])
    for function in (
        lambda x: x.index_select(0, i),
        lambda x: tg.embedding(i, x),
        lambda x: tg.take_along_dim(x, i[:, None].broadcast_to((3, 2)), 0),
        lambda x: x.gather(0, i[:, None].broadcast_to((3, 2))),
        lambda x: x.take(i * 2) + x.take(i * 2 + 1),
    ):
        equal(value_and_slopes(function, x)[1], [[1, 1], [0, 0], [2, 2]])


def test_T22_many_repeated_places_cost_little():
    """Gradients of 100,000 reads of 1,000 rows: not slower than `np.add.at`, which adds one row after the other."""
    rows = np.random.default_rng(0).integers(0, 1000, 100_000)
    x, g = leaf(np.zeros((1000, 5))), tg.tensor(random(100_000, 5))
    out = x[rows]
    (slope,) = tg.grad(out, x, g, retain_graph=True)
    right = np.zeros((1000, 5))
    at = fastest(lambda: np.add.at(right, rows, g.data), 1)
    close(slope.data, right, 1e-10, 1e-10)
    assert fastest(lambda: tg.grad(out, x, g, retain_graph=True)) < 2 * at


# T23: overlapping windows that assign instead of adding


@pytest.mark.parametrize("rank", RANKS)
def test_T23_overlapping_windows_add_up(rank):
    size = [5, 4, 3][:rank]
    x = leaf(np.random.default_rng(0).permutation(int(np.prod(size))).reshape(1, 1, *size) * 1.0)
    for name, options in [
        ("max_pool", {"kernel_size": 3, "stride": 1}),
        ("max_pool", {"kernel_size": 3, "stride": 1, "padding": 1}),
        ("max_pool", {"kernel_size": 2, "stride": 1, "dilation": 2}),
        ("avg_pool", {"kernel_size": 3, "stride": 1}),
        ("adaptive_max_pool", {"output_size": tuple(n - 1 for n in size)}),
        ("adaptive_avg_pool", {"output_size": tuple(n - 1 for n in size)}),
    ]:
        function = functools.partial(getattr(tg, f"{name}{rank}d"), **options)
        out = function(x)
        g = random(*out.shape)
        (slope,) = tg.grad(out, x, tg.tensor(g))
        close(slope.data.sum(), g.sum())
        assert gradcheck(lambda x, f=function: (f(x),), [x], max_elements=60)


def test_T23_windows_put_back_together():
    x = leaf(random(1, 2, 5, 4))
    out = tg.unfold(x, 3)
    (slope,) = tg.grad(out, x, tg.ones_like(out))
    counts = naive_counts(5, 4, 3)
    equal(slope.data, np.broadcast_to(counts, (1, 2, 5, 4)))
    equal(tg.fold(tg.ones(1, 18, 6), (5, 4), 3).data, np.broadcast_to(counts, (1, 2, 5, 4)))
    pooled, indices = tg.max_pool2d(x, 3, 1, return_indices=True)
    back = tg.max_unpool2d(pooled, indices, 3, 1, output_size=(5, 4))
    assert set(back.data[back.data != 0]) == set(pooled.data.ravel())


def naive_counts(height, width, k):
    """How many k by k windows read each pixel."""
    counts = np.zeros((height, width))
    for i, j in itertools.product(range(height - k + 1), range(width - k + 1)):
        counts[i : i + k, j : j + k] += 1
    return counts


# T24: ties that give away more, or less, than arrives

TIED = {  # function of equal values: how their gradients share what arrives
    "max": (lambda x: x.max(), [0.25] * 4),
    "min": (lambda x: x.min(), [0.25] * 4),
    "amax": (lambda x: x.amax(), [0.25] * 4),
    "amin": (lambda x: x.amin(0), [0.25] * 4),
    "aminmax": (lambda x: x.aminmax().max, [0.25] * 4),
    "median": (lambda x: x.median(), [0.25] * 4),
    "nanmedian": (lambda x: x.nanmedian(), [0.25] * 4),
    "norm of inf": (lambda x: tg.linalg.vector_norm(x, INF), [0.25] * 4),
    "max of an axis": (lambda x: x.max(0)[0], [1, 0, 0, 0]),
    "min of an axis": (lambda x: x.min(0)[0], [1, 0, 0, 0]),
    "median of an axis": (lambda x: x.median(0)[0], [1, 0, 0, 0]),
    "kthvalue": (lambda x: x.kthvalue(2)[0], [1, 0, 0, 0]),
    "sort": (lambda x: x.sort(stable=True)[0] * WEIGHTS, [1, 2, 3, 4]),
    "sort downwards": (lambda x: x.sort(descending=True, stable=True)[0] * WEIGHTS, [1, 2, 3, 4]),
    "cummax": (lambda x: x.cummax(0)[0] * WEIGHTS, [1, 2, 3, 4]),  # the last of equal values, as PyTorch has it
    "cummin": (lambda x: x.cummin(0)[0] * WEIGHTS, [1, 2, 3, 4]),
    "max_pool1d": (lambda x: tg.max_pool1d(x.reshape(1, 1, 4), 4), [1, 0, 0, 0]),
    "max_pool2d": (lambda x: tg.max_pool2d(x.reshape(1, 1, 2, 2), 2), [1, 0, 0, 0]),
    "max_pool3d": (lambda x: tg.max_pool3d(x.reshape(1, 1, 1, 2, 2), (1, 2, 2)), [1, 0, 0, 0]),
    "adaptive_max_pool1d": (lambda x: tg.adaptive_max_pool1d(x.reshape(1, 1, 4), 1), [1, 0, 0, 0]),
    "adaptive_max_pool2d": (lambda x: tg.adaptive_max_pool2d(x.reshape(1, 1, 2, 2), 1), [1, 0, 0, 0]),
    "adaptive_max_pool3d": (lambda x: tg.adaptive_max_pool3d(x.reshape(1, 1, 1, 2, 2), 1), [1, 0, 0, 0]),
}
WEIGHTS = tg.tensor([1.0, 2, 3, 4], dtype=F64)


@pytest.mark.parametrize("name", TIED)
def test_T24_ties_share_what_arrives(name):
    function, expected = TIED[name]
    for value in (2.0, -3.0):
        _, g = value_and_slopes(function, [value] * 4)
        equal(g, np.sign(value) * np.array(expected) if name == "norm of inf" else expected)
    with np.errstate(invalid="ignore"):
        weighted = "sort" in name or name in ("cummax", "cummin")
        if name != "norm of inf":
            for value in (INF, -INF):
                _, g = value_and_slopes(function, [value] * 4)
                equal(g.sum(), 10 if weighted else 1)


def test_T24_topk_gives_to_those_it_names():
    x = leaf([1.0, 3, 3, 3])
    values, indices = x.topk(2)
    values.sum().backward()
    assert x.grad.data.sum() == 2
    equal(np.flatnonzero(x.grad.data), np.sort(indices.data))


@pytest.mark.parametrize(
    "function, first, second",
    [
        (tg.maximum, 0.5, 0.5),
        (tg.minimum, 0.5, 0.5),
        (tg.max, 0.5, 0.5),
        (tg.min, 0.5, 0.5),
        (tg.fmax, 1, 0),
        (tg.fmin, 1, 0),
        (tg.clamp_min, 1, 0),
        (tg.clamp_max, 1, 0),
        (tg.clamp, 1, 0),
        (lambda x, y: tg.clamp(x, max=y), 1, 0),
    ],
)
def test_T24_ties_of_two_tensors(function, first, second):
    for values in ([0.0, 2, -5], [INF, INF, -INF]):
        _, gx, gy = value_and_slopes(function, values, values)
        equal(gx, np.full(3, first))
        equal(gy, np.full(3, second))
        equal(value_and_slopes(lambda x: function(x, x), values)[1], np.ones(3))


@pytest.mark.parametrize("kernel, stride, padding, dilation", [*itertools.product([2, 3], [1, 2, 3], [0, 1], [1, 2])])
def test_T24_max_pooling_conserves_what_arrives(kernel, stride, padding, dilation):
    for x in (np.random.default_rng(1).integers(0, 2, (2, 2, 7, 8)), np.zeros((1, 1, 7, 8))):
        out, gx = value_and_slopes(lambda x: tg.max_pool2d(x, kernel, stride, padding, dilation), x)
        assert gx.sum() == out.size


# T25: pooling with padding of 0, nan and infinities in a window


@pytest.mark.parametrize("dtype", [F64, F32, F16, np.int8, np.int64], ids=str)
def test_T25_padding_never_wins(dtype):
    x = -1 - np.arange(12).reshape(1, 1, 3, 4)
    for options in ({}, {"ceil_mode": True}, {"dilation": 2}):
        values, indices = tg.max_pool2d(tg.tensor(x.astype(dtype)), 2, 1, 1, return_indices=True, **options)
        assert values.data.max() == -1
        equal(values.data, x.ravel()[indices.data])
    values, indices = tg.max_pool2d(tg.tensor(x.astype(dtype)), 2, 1, 1, return_indices=True)
    right = naive.max_pool(x, (2, 2), (1, 1), (1, 1), (1, 1), (4, 5))
    equal(values.data, right[0])
    equal(indices.data, right[1])


@pytest.mark.parametrize(
    "window, value, index",
    [
        ([1, NAN, 3, 4], NAN, 1),
        ([NAN, 2, NAN, 4], NAN, 2),  # the last nan, as in PyTorch
        ([-INF, -INF, -INF, -INF], -INF, 0),
        ([-INF, INF, INF, 0], INF, 1),
    ],
)
@pytest.mark.parametrize("rank", RANKS)
def test_T25_nan_and_infinities(rank, window, value, index):
    shape = {1: (4,), 2: (2, 2), 3: (1, 2, 2)}[rank]
    for name, size in (("max_pool", shape), ("adaptive_max_pool", (1,) * rank)):
        x = leaf(np.reshape(window, (1, 1, *shape)))
        values, indices = getattr(tg, f"{name}{rank}d")(x, size, return_indices=True)
        equal(values.data.item(), value)
        assert indices.item() == index
        values.sum().backward()
        equal(x.grad.data.ravel(), np.arange(4) == index)


def test_T25_an_image_of_minus_infinity_with_padding():
    x = leaf(np.full((1, 1, 3, 3), -INF))
    values, indices = tg.max_pool2d(x, 3, 2, 1, return_indices=True)
    equal(values.data, np.full((1, 1, 2, 2), -INF))
    equal(indices.data, [[[[0, 1], [3, 4]]]])
    values.backward(tg.ones_like(values))
    equal(x.grad.data, [[[[1, 1, 0], [1, 1, 0], [0, 0, 0]]]])


# T25b: padding that is not constant


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("widths", [(1, 2), (0, 3), (2, 0, 1, 1), (3, 1, 0, 2), (-1, 2), (1, 0, 2, 1)], ids=str)
def test_T25b_padding_and_its_gradient(mode, widths):
    x = leaf(random(1, 2, 4, 5))
    call = functools.partial(tg.pad, pad=widths, mode=mode)
    pairs = [(0, 0)] * (4 - len(widths) // 2) + [widths[i : i + 2] for i in range(0, len(widths), 2)][::-1]
    name = {"replicate": "edge", "circular": "wrap"}.get(mode, mode)
    if min(widths) >= 0:
        equal(call(x).data, np.pad(x.data, pairs, mode=name))
    else:  # (-1, 2): the first column is cut off
        whole = np.pad(x.data[..., 1:], [(0, 0)] * 3 + [(0, 2)], mode=name)
        equal(call(x).data, np.pad(x.data, [(0, 0)] * 3 + [(0, 2)], mode=name)[..., 1:] if mode == "reflect" else whole)
    g = random(*call(x).shape, seed=1)
    (slope,) = tg.grad(call(x), x, tg.tensor(g))
    if mode != "constant" and min(widths) >= 0:
        close(slope.data.sum(), g.sum())
    assert gradcheck(lambda x: (call(x),), [x], atol=1e-8, rtol=1e-6)
    assert gradgradcheck(lambda x: (call(x) ** 2,), [x], atol=1e-8, rtol=1e-6)


def test_T25b_padding_as_long_as_the_axis():
    x = leaf(random(1, 2, 3))
    assert tg.pad(x, (5, 7), mode="replicate").shape == (1, 2, 15)
    assert gradcheck(lambda x: (tg.pad(x, (5, 7), mode="replicate"),), [x])
    equal(tg.pad(x, (3, 3), mode="circular").data, np.tile(x.data, 3))
    assert gradcheck(lambda x: (tg.pad(x, (3, 3), mode="circular"),), [x])
    for mode, widths, text in [
        ("reflect", (3, 0), r"pad: reflect needs less padding than values: \(3, 0\) around an axis of 3"),
        ("circular", (0, 4), r"pad: circular needs at most as much padding as values: \(0, 4\) around an axis of 3"),
        ("symmetric", (1, 1), r"pad: mode must be one of .*got 'symmetric'"),
    ]:
        with pytest.raises(tg.ShapeError, match=text):
            tg.pad(x, widths, mode=mode)


@pytest.mark.parametrize("mode", ["edge", "reflect", "symmetric", "wrap"])
@pytest.mark.parametrize("width", [(1, 2), (0, 3), (3, 0), (5, 7)], ids=str)
def test_T25b_padding_at_numpys_door(mode, width):
    """NumPy's modes, which go round again where there are fewer values than padding."""
    x = leaf(random(2, 3))
    out = np.pad(x, ((1, 0), width), mode=mode)
    equal(out.data, np.pad(x.data, ((1, 0), width), mode=mode))
    (slope,) = tg.grad(out, x, tg.ones_like(out))
    assert slope.data.sum() == out.data.size
    assert gradcheck(lambda x: (np.pad(x, ((1, 0), width), mode=mode),), [x])


# T26: how many windows fit


def test_T26_sizes():
    x = tg.zeros(1, 1, 5, 6)
    for name, more in (("max_pool2d", ()), ("avg_pool2d", ()), ("lp_pool2d", (2.0,))):
        pool = functools.partial(getattr(tg, name), x, *more)
        assert pool(2).shape == (1, 1, 2, 3)
        assert pool(2, ceil_mode=True).shape == (1, 1, 3, 3)
        assert pool(3, 2).shape == (1, 1, 2, 2)
        assert pool((5, 6)).shape == (1, 1, 1, 1)
        if name != "lp_pool2d":
            assert pool(3, 2, 1).shape == (1, 1, 3, 3)
    assert tg.max_pool2d(x, 2, 1, 2, dilation=3).shape == (1, 1, 6, 7)  # 2 is half of the 4 pixels a window spans
    for pool in (tg.max_pool2d, tg.avg_pool2d):
        assert pool(tg.zeros(1, 1, 2, 2), 1, 3, ceil_mode=True).shape == (1, 1, 1, 1)  # windows start in the image
    w = tg.zeros(1, 1, 2, 3)
    assert tg.conv2d(x, w, stride=2).shape == (1, 1, 2, 2)
    assert tg.conv2d(x, w, padding=3, stride=3).shape == (1, 1, 4, 4)
    assert tg.conv2d(x, w, padding="same", dilation=2).shape == (1, 1, 5, 6)
    assert tg.conv2d(x, w, padding="valid").shape == (1, 1, 4, 4)


@pytest.mark.parametrize("rank", RANKS)
def test_T26_windows_that_do_not_fit(rank):
    x, w = tg.zeros(1, 1, *[4] * rank), tg.zeros(1, 1, *[5] * rank)
    sizes = [re.escape("x".join([n] * rank)) for n in "54"]
    for name, more in (("max_pool", (5,)), ("avg_pool", (5,)), ("lp_pool", (2.0, 5)), ("conv", (w,))):
        function = getattr(tg, f"{name}{rank}d")
        with pytest.raises(tg.ShapeError, match=r"^\w+: a {}.* does not fit images of {}".format(*sizes)):
            function(x, *more)
    for name in ("max_pool", "avg_pool"):
        with pytest.raises(tg.ShapeError, match=rf"^{name}{rank}d: padding .* is more than half of the window"):
            getattr(tg, f"{name}{rank}d")(x, 3, 1, 2)


# T27: groups, strides and dilations in the gradients of convolutions

CHANNELS = 4
CONV_PRODUCT = list(
    itertools.product([1, 2, CHANNELS], [1, 2, 3], [1, 2], [((0, 0), (0, 0)), ((1, 1), (1, 1)), ((1, 0), (0, 2))])
)


def sizes_with_a_tail(kernel, stride, dilation, padding):
    """Sizes of which a row and a column are left over, unless every one is read."""
    sizes = []
    for k, (before, after) in zip(kernel, padding, strict=True):
        span = dilation * (k - 1) + 1
        size = span + stride + (stride > 1) - before - after
        sizes.append(size)
        assert size >= 1
        assert (size + before + after - span) % stride == (stride > 1)
    return sizes


@pytest.mark.parametrize("groups, stride, dilation, padding", CONV_PRODUCT)
def test_T27_convolutions_over_the_full_product(groups, stride, dilation, padding):
    kernel = (2, 3) if dilation == 1 else (3, 2)
    sizes = [n if n > 0 else 1 for n in sizes_with_a_tail(kernel, stride, dilation, padding)]
    params = {"stride": (stride,) * 2, "padding": padding, "dilation": (dilation,) * 2, "groups": groups}
    x, w = leaf(random(1, CHANNELS, *sizes)), leaf(random(CHANNELS, CHANNELS // groups, *kernel, seed=1))
    out = conv._conv2d(x, w, None, **params)
    close(out.data, naive_conv2d(x.data, w.data, None, **params), 1e-12, 1e-12)
    function = functools.partial(lambda x, w, **params: conv._conv2d(x, w, None, **params), **params)
    precision = {"atol": 1e-8, "rtol": 1e-6, "max_elements": 30}
    assert gradcheck(function, [x, w], **precision)
    assert gradgradcheck(function, [x, w], **precision)


@pytest.mark.parametrize("rank, name", [(1, "conv"), (3, "conv"), (1, "conv_transpose"), (2, "conv_transpose")])
def test_T27_the_other_convolutions(rank, name):
    """Each value of each parameter with two of the others."""
    precision = {"atol": 1e-8, "rtol": 1e-6, "max_elements": 20}
    for groups, stride, dilation, padding in [(1, 1, 2, 1), (2, 2, 1, 0), (4, 3, 2, 1), (4, 2, 2, 0), (2, 3, 1, 1)]:
        size = dilation + 1 + stride + (stride > 1) - 2 * padding * (name == "conv") + (name != "conv")
        x = leaf(random(1, CHANNELS, *[max(size, 2)] * rank))
        w = leaf(random(CHANNELS, CHANNELS // groups, *[2] * rank, seed=1))
        function = functools.partial(
            getattr(tg, f"{name}{rank}d"), stride=stride, padding=padding, dilation=dilation, groups=groups
        )
        assert gradcheck(function, [x, w], **precision)
        assert gradgradcheck(function, [x, w], **precision)


def test_T27_pixels_that_no_window_reads():
    x, w = leaf(random(1, 1, 6, 8)), leaf(random(1, 1, 3, 2, seed=1))
    tg.conv2d(x, w, stride=(2, 4)).sum().backward()
    read = np.zeros((6, 8), np.bool_)
    read[:5, [0, 1, 4, 5]] = True
    equal(x.grad.data[0, 0] != 0, read)


# T28: sizes that a strided convolution confounds


@pytest.mark.parametrize("rank", RANKS)
def test_T28_output_padding_recovers_every_size(rank):
    function, back = getattr(tg, f"conv{rank}d"), getattr(tg, f"conv_transpose{rank}d")
    found = set()
    for kernel, dilation, padding, stride in itertools.product([1, 2, 3], [1, 2], [0, 1], [1, 2, 3, 4]):
        w = tg.tensor(random(1, 1, *[kernel] * rank))
        span = dilation * (kernel - 1) + 1
        for size in range(max(span - 2 * padding, 1) + 1, span + 2 * stride + 1) if rank < 3 else (span + 2, span + 3):
            extra = (size + 2 * padding - span) % stride
            if extra >= max(stride, dilation):
                continue
            y = function(tg.zeros(1, 1, *[size] * rank, dtype=F64), w, None, stride, padding, dilation)
            x = back(y, w, None, stride, padding, extra, 1, dilation)
            assert x.shape == (1, 1, *[size] * rank)
            found.add((stride, extra))
    assert rank == 3 or found == {(s, e) for s in (1, 2, 3, 4) for e in range(s)}


def test_T28_output_padding_beyond_the_stride():
    with pytest.raises(tg.ShapeError, match=r"conv_transpose2d: output_padding .*2"):
        tg.conv_transpose2d(tg.zeros(1, 1, 3, 3), tg.zeros(1, 1, 2, 2), stride=2, output_padding=2)


# T29: products with zeros

LANES = {"no zero": [2.0, -1.5, 3, 0.5], "one": [2.0, 0, 3, 0.5], "two": [0.0, -1.5, 0, 0.5], "all": [0.0, 0, 0, 0]}


@pytest.mark.parametrize("lane", LANES.values(), ids=LANES)
def test_T29_products_with_zeros(lane):
    """Products of the others, exactly; the second derivative is the product without two."""
    x, n = leaf(lane), len(lane)
    (first,) = tg.grad(x.prod(), x, create_graph=True)
    equal(first.data, [np.prod([v for k, v in enumerate(lane) if k != i]) for i in range(n)])
    for i in range(n):
        (second,) = tg.grad(first[i], x, retain_graph=True)
        for j in range(n):
            equal(second[j].data, 0 if i == j else np.prod([v for k, v in enumerate(lane) if k not in (i, j)]))
    for function in (tg.prod, tg.cumprod):
        lanes = leaf([lane, lane[::-1]])
        assert gradcheck(lambda x, f=function: (f(x, 1),), [lanes])
        assert gradgradcheck(lambda x, f=function: (f(x, 1) ** 2,), [lanes])


def test_T29_gradients_by_number():
    lanes = [[0.0, 2, 3], [0, 0, 3], [1, 2, 3], [0, 0, 0]]
    equal(value_and_slopes(lambda x: x.prod(1), lanes)[1], [[6, 0, 0], [0, 0, 0], [6, 3, 2], [0, 0, 0]])
    equal(value_and_slopes(lambda x: x.cumprod(1), lanes)[1], [[9, 0, 0], [1, 0, 0], [9, 4, 2], [1, 0, 0]])
    equal(value_and_slopes(lambda x: x.prod(), [[0.0, 2], [3, 4]])[1], [[24, 0], [0, 0]])


def test_T29_nothing_is_divided():
    x = np.array([1e-150, 1e-100, 1e150, 1e100, 2.0, 1e-310])[:5]
    close(value_and_slopes(lambda x: x.prod(), x)[1], 2.0 / x)
    with np.errstate(invalid="ignore"):
        equal(value_and_slopes(lambda x: x.prod(), [0.0, INF, 2])[1], [INF, 0, NAN])
    half = leaf([1e-4, 1e-4, 1e4, 1e4], F16)
    assert np.isfinite(value_and_slopes(lambda x: x.prod(), half)[1]).all()


# T30: powers at 0 and of negative numbers

POWERS = [  # x, y, x ** y, by x, by y
    (0.0, 0, 1, 0, 0),
    (0.0, 1, 0, 1, 0),
    (0.0, 2, 0, 0, 0),
    (0.0, 3, 0, 0, 0),
    (0.0, -1, INF, -INF, -INF),
    (0.0, 0.5, 0, INF, 0),
    (2.0, 0, 1, 0, np.log(2)),
    (2.0, 3, 8, 12, 8 * np.log(2)),
    (2.0, -1, 0.5, -0.25, 0.5 * np.log(2)),
    (-2.0, 0, 1, 0, NAN),
    (-2.0, 1, -2, 1, NAN),
    (-2.0, 2, 4, -4, NAN),
    (-2.0, 3, -8, 12, NAN),
    (-2.0, -1, -0.5, -0.25, NAN),
    (-2.0, 0.5, NAN, NAN, NAN),
    (INF, 2, INF, INF, INF),
    (INF, 0, 1, 0, INF),
    (1.0, 0, 1, 0, 0),
]


@pytest.mark.parametrize("x, y, out, gx, gy", POWERS)
def test_T30_powers(x, y, out, gx, gy):
    for power in (y, float(y), np.float64(y), tg.tensor(float(y), dtype=F64), np.array(float(y))):
        close(value_and_slopes(lambda x, p=power: x**p, x), (out, gx), 1e-14)
    for base in (x, tg.tensor(x, dtype=F64), *([int(x)] if np.isfinite(x) else [])):
        close(value_and_slopes(lambda y, b=base: b**y, y), (out, gy), 1e-14)
    close(value_and_slopes(lambda x, y: x**y, x, y), (out, gx, gy), 1e-14)
    x, y = leaf(x), leaf(y)
    for one, other in zip(tg.grad(x**y, [x, y]), tg.grad(x**y, [x, y], create_graph=True), strict=True):
        equal(one.data, other.data)


def test_T30_integer_powers_stay_exact():
    x = tg.tensor([3, -3, 7, 10])
    assert (x**3).dtype == np.int64
    equal((x**3).data, [27, -27, 343, 1000])
    equal((x.double() ** 3).data, [27, -27, 343, 1000])
    equal(value_and_slopes(lambda x: x**2, [1e-200, -3.0])[1], [2e-200, -6])
    with pytest.raises(tg.DTypeError, match="pow: integers cannot be raised to the negative power -1"):
        x**-1


@pytest.mark.parametrize("power", [0, 1, 2, 2.0, 3, 4])
def test_T30_second_order_at_0(power):
    x = leaf([0.0, 1.5])
    (g,) = tg.grad((x**power).sum(), x, create_graph=True)
    right = power * (power - 1) * np.array([0.0, 1.5]) ** max(power - 2, 0)
    second = slopes_of(g, [x])[0] if g.requires_grad else None
    close(np.zeros(2) if second is None else second.data, right)


# T31: norms, roots and absolute values at 0


def test_T31_gradients_at_0():
    zeros, ties = [0.0, 0.0], [2.0, 2.0, 2.0]
    for p in (0, 0.5, 1, 2, 3, INF, -INF):
        for norm in (tg.norm, tg.linalg.vector_norm, tg.linalg.norm):
            out, g = value_and_slopes(lambda x, p=p, norm=norm: norm(x, p), zeros)
            assert out == 0
            equal(g, [0, 0])
    for p in ("fro", "nuc", 1, 2, INF):
        out, g = value_and_slopes(lambda x, p=p: tg.linalg.matrix_norm(x, p), np.zeros((2, 2)))
        assert out == 0
        equal(g, np.zeros((2, 2)))
    for function in (tg.std, tg.var, lambda x: tg.std_mean(x)[0], lambda x: x.std(correction=0)):
        out, g = value_and_slopes(function, ties)
        assert out == 0
        equal(g, [0, 0, 0])
    equal(value_and_slopes(tg.abs, [0.0, -0.0, -2])[1], [0, 0, -1])
    equal(value_and_slopes(tg.sqrt, [0.0, 4])[1], [INF, 0.25])
    out, gx, gy = value_and_slopes(tg.atan2, zeros, [0.0, -1])
    equal(out, [0, np.pi])
    equal(gx, [0, -1])
    equal(gy, [0, 0])
    equal(value_and_slopes(lambda x, y: tg.cosine_similarity(x, y, 0), zeros, zeros)[1], [0, 0])


@pytest.mark.parametrize("function", [lambda x: tg.norm(x), lambda x: x.std(), lambda x: tg.linalg.vector_norm(x, 3)])
def test_T31_second_order_at_0_is_no_nan(function):
    x = leaf(np.zeros(3))
    (g,) = tg.grad(function(x), x, create_graph=True)
    (second,) = slopes_of(g, [x])
    assert second is None or np.isfinite(second.data).all()


def test_T31_is_documented():
    for op in (tg.norm, tg.std, tg.sqrt, tg.abs, tg.atan2, tg.linalg.vector_norm):
        assert "0" in op.__doc__, op
        assert re.search(r"gradient|slope", op.__doc__), op


# T32: the side of where that is not taken


def test_T32_infinite_slopes_on_the_inactive_side():
    """0 times infinity is nan: the documented default, here and in PyTorch. A safe argument on that side avoids it."""
    x = [0.0, 4.0]
    out, g = value_and_slopes(lambda x: tg.where(x > 0, tg.sqrt(x), 0.0), x)
    equal(out, [0, 2])
    equal(g, [NAN, 0.25])
    for order in (1, 2):
        safe = lambda x: tg.where(x > 0, tg.sqrt(tg.where(x > 0, x, 1.0)), 0.0)  # noqa: E731
        t = leaf(x)
        y = safe(t)
        for _ in range(order):
            (y,) = tg.grad(y, t, tg.ones_like(y), create_graph=True)
        equal(y.data, [0, 0.25] if order == 1 else [0, -1 / 32])
    assert "not taken" in tg.where.__doc__


@pytest.mark.parametrize("function", [tg.log, tg.rsqrt, tg.reciprocal, lambda x: x**-1.5, lambda x: 1 / x])
def test_T32_a_safe_argument_for_any_function(function):
    out, g = value_and_slopes(lambda x: tg.where(x > 0, function(tg.where(x > 0, x, 1.0)), 0.0), [0.0, -1, 4])
    assert np.isfinite(out).all()
    assert np.isfinite(g).all()
    equal(g[:2], [0, 0])
    assert not np.isfinite(value_and_slopes(lambda x: tg.where(x > 0, function(x), 0.0), [0.0])[1]).all()


def test_T32_where_never_multiplies():
    condition = tg.tensor([True, False])
    _, gx, gy = value_and_slopes(lambda x, y: tg.where(condition, x, y), [1.0, NAN], [INF, 2.0])
    equal(gx, [1, 0])
    equal(gy, [0, 1])
    x, y = leaf([1.0, 2]), leaf([3.0, 4])
    for g in tg.grad(tg.where(condition, x, y), [x, y], tg.tensor([INF, -INF], dtype=F64)):
        assert np.isfinite(g.data).sum() == 1
        assert 0 in g.data


# T33: logarithms of sums with infinities and large values


@pytest.mark.parametrize(
    "x, out, gradient",
    [
        ([-INF, -INF], -INF, [NAN, NAN]),  # as in PyTorch 2.13
        ([-INF, 1], 1, [0, 1]),
        ([INF, 1], INF, [NAN, 0]),
        ([INF, INF], INF, [NAN, NAN]),
        ([NAN, 1], NAN, [NAN, NAN]),
        ([1e5, 1e5], 1e5 + np.log(2), [0.5, 0.5]),
        ([-1e5, -1e5], -1e5 + np.log(2), [0.5, 0.5]),
        ([1e300, -1e300], 1e300, [1, 0]),
    ],
)
def test_T33_logsumexp(x, out, gradient):
    got, g = value_and_slopes(lambda x: tg.logsumexp(x, 0), x)
    close(got, out, 1e-15)
    equal(g, gradient)
    close(tg.logaddexp(*[tg.tensor(v, dtype=F64) for v in x]).data, out, 1e-15)
    close(tg.logcumsumexp(tg.tensor(x, dtype=F64), 0).data[-1], out, 1e-15)


@pytest.mark.parametrize(
    "function, x, out, gradient",
    [
        (tg.softmax, [1e5, 1e5], [0.5, 0.5], [0, 0]),
        (tg.softmax, [-INF, 1], [0, 1], [0, 0]),
        (tg.softmax, [-INF, -INF], [NAN, NAN], [NAN, NAN]),
        (tg.softmax, [INF, 1], [NAN, NAN], [NAN, NAN]),
        (tg.log_softmax, [-INF, 1], [-INF, 0], [1, -1]),
        (tg.log_softmax, [-INF, -INF], [NAN, NAN], [NAN, NAN]),
        (tg.log_softmax, [INF, 1], [NAN, NAN], [NAN, NAN]),
        (tg.log_softmax, [1e5, 0], [0, -1e5], [-1, 1]),
        (tg.log_softmax, [-1e300, 1e300], [-2e300, 0], [1, -1]),
    ],
)
def test_T33_softmax(function, x, out, gradient):
    got, g = value_and_slopes(lambda x: function(x, 0), x)
    equal(got, out)
    equal(g, gradient)


def test_T33_empty_axes_float16_and_rows_that_sum_to_0():
    for function in (tg.softmax, tg.log_softmax, tg.softmin):
        out, g = value_and_slopes(lambda x, f=function: f(x, 1), np.zeros((2, 0)))
        assert out.shape == g.shape == (2, 0)
    out, g = value_and_slopes(lambda x: tg.logsumexp(x, 1), np.zeros((2, 0)))
    equal(out, [-INF, -INF])
    assert g.shape == (2, 0)
    x = leaf([65504, -65504], F16)
    equal(tg.log_softmax(x, 0).data, np.array([0, -INF], F16))
    equal(tg.softmax(x, 0).data, np.array([1, 0], F16))
    assert tg.logsumexp(leaf([60000, 60000], F16), 0).item() == 60000
    equal(tg.logsumexp(leaf(np.zeros(70_000), F16), 0).item(), float(F16.type(np.log(70_000))))
    weights = tg.tensor(random(5, 7, seed=2))
    for size in (1, 50, 1e4):
        _, g = value_and_slopes(lambda x: tg.log_softmax(x, 1) * weights, random(5, 7) * size)
        close(g.sum(1), np.zeros(5), 0, 1e-12)
    loss, g = value_and_slopes(lambda x: tg.cross_entropy(x, tg.tensor([0, 1])), [[1e5, 0], [1e5, 0]])
    assert loss == 5e4
    equal(g, [[0, 0], [0.5, -0.5]])


def test_T33_is_documented():
    assert "nan where all values are -inf" in " ".join(tg.log_softmax.__doc__.split())
    assert "nan" in tg.logsumexp.__doc__


# T34: activations far from 0

ACTIVATIONS = {n: f for n, f in PUBLIC.items() if f.__module__.rpartition(".")[2] in
               ("activation", "smooth_activation", "piecewise", "gate")}  # fmt: skip


def test_T34_activations_are_found():
    assert {"sigmoid", "tanh", "softplus", "elu", "celu", "selu", "gelu", "silu", "mish"} <= set(ACTIVATIONS)


@pytest.mark.parametrize("dtype", [F64, F32, F16], ids=str)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_T34_activations_far_from_0(name, dtype):
    """Values and two derivatives of every row are finite, and nothing warns."""
    rows = [row for row in ROWS if row.op is ACTIVATIONS[name] and 0 in row.wanted()]
    assert rows
    for row in rows:
        values = row.values()
        far = [-1e4, 1e4, -1e3, 1e3, -20.0, 20.0, 0.5]
        values[0] = np.resize(far, values[0].shape) if values[0].size else values[0]
        inputs = leaves(row, [np.asarray(v, dtype) if i in row.wanted() else v for i, v in enumerate(values)])
        wanted, found = tensors_of(row, inputs), []
        outs = differentiable(row.run(*inputs))
        for _ in range(2):
            found += outs
            if outs:
                slopes = tg.grad(outs, wanted, [tg.ones_like(o) for o in outs], create_graph=True, allow_unused=True)
                outs = [g for g in slopes if g is not None and g.requires_grad]
                found += [g for g in slopes if g is not None]
        assert all(np.isfinite(t.data).all() for t in found), row.id


def test_T34_tails():
    for x in (-1000.0, -1e4):
        equal(value_and_slopes(tg.sigmoid, x), (0, 0))
        equal(value_and_slopes(tg.softplus, x), (0, 0))
        equal(value_and_slopes(tg.elu, x), (-1, 0))
        equal(value_and_slopes(tg.logsigmoid, x), (x, 1))
        equal(value_and_slopes(tg.tanh, x), (-1, 0))
        equal(value_and_slopes(lambda x: F.binary_cross_entropy_with_logits(x, tg.ones_like(x.detach())), x), (-x, -1))
    for x in (1000.0, 1e4):
        equal(value_and_slopes(tg.sigmoid, x), (1, 0))
        for function in (tg.softplus, tg.elu, tg.gelu, tg.silu, tg.mish, tg.relu):
            equal(value_and_slopes(function, x), (x, 1))
    out, g = value_and_slopes(tg.sigmoid, [-700.0, -40])
    close(out, np.exp([-700.0, -40]), atol=0)
    close(g, np.exp([-700.0, -40]), atol=0)


# T35: labels out of range


@pytest.mark.parametrize("label", [3, -1, 100])
@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss", "multi_margin_loss", "one_hot"])
def test_T35_labels_out_of_range(name, label):
    labels = tg.tensor([0, label])
    call = (lambda: F.one_hot(labels, 3)) if name == "one_hot" else lambda: getattr(tg, name)(tg.zeros(2, 3), labels)
    text = rf"^{name}: label {label} is out of range for 3 classes \(0 to 2\)"
    for error in (IndexError, tg.LabelError):
        with pytest.raises(error, match=text):
            call()


def test_T35_labels_of_pixels_rows_and_several_classes():
    for call, text in [
        (lambda: tg.cross_entropy(tg.zeros(1, 3, 2), tg.tensor([[0, 7]])), "cross_entropy: label 7 .* 3 classes"),
        (lambda: tg.embedding(tg.tensor([-1]), tg.zeros(3, 2)), "embedding: -1 is out of range .* 3 rows"),
        (lambda: tg.multilabel_margin_loss(tg.zeros(1, 3), tg.tensor([[0, 3, 1]])), "label 3 .* 3 classes"),
        (lambda: tg.gather(tg.zeros(2, 3), 1, tg.tensor([[3], [0]])), "gather: index .*3 is out of range for size 3"),
    ]:
        with pytest.raises(IndexError, match=text):
            call()


def test_T35_ignored_labels_are_explicit():
    x = leaf([[1.0, 2, 3], [3, 2, 1]])
    for name in ("cross_entropy", "nll_loss"):
        loss = getattr(tg, name)
        out, g = value_and_slopes(lambda x, loss=loss: loss(x, tg.tensor([-1, 2]), ignore_index=-1), x)
        equal(g[0], [0, 0, 0])
        equal(out, value_and_slopes(lambda x, loss=loss: loss(x[1:], tg.tensor([2])), x)[0])
        with pytest.raises(tg.LabelError, match="label -100"):
            loss(x, tg.tensor([-100, 2]), ignore_index=-1)
        assert np.isfinite(loss(x, tg.tensor([-100, 2])).item())  # PyTorch's default for what is to be ignored
    with pytest.raises(tg.DTypeError, match="cross_entropy: target has dtype float32, class labels are integers"):
        tg.cross_entropy(x, tg.tensor([0.0, 1.0]))


# T36: axes of reductions

OF_ONE_AXIS = {"aminmax", "argmax", "argmin", "kthvalue", "max", "min", "median", "nanmedian", "prod"}
OF_NUMPY = {
    "all": lambda a: a.all(-1),
    "any": lambda a: a.any(-1),
    "amax": lambda a: a.max(-1),
    "amin": lambda a: a.min(-1),
    "aminmax": lambda a: (a.min(-1), a.max(-1)),
    "argmax": lambda a: a.argmax(-1),
    "argmin": lambda a: a.argmin(-1),
    "kthvalue": lambda a: (a.min(-1), a.argmin(-1)),
    "logsumexp": lambda a: np.log(np.exp(a).sum(-1)),
    "max": lambda a: (a.max(-1), a.argmax(-1)),
    "min": lambda a: (a.min(-1), a.argmin(-1)),
    "mean": lambda a: a.mean(-1),
    "nanmean": lambda a: a.mean(-1),
    "sum": lambda a: a.sum(-1),
    "nansum": lambda a: a.sum(-1),
    "prod": lambda a: a.prod(-1),
    "median": lambda a: (np.sort(a)[..., (a.shape[-1] - 1) // 2], np.argsort(a)[..., (a.shape[-1] - 1) // 2]),
    "norm": lambda a: np.sqrt((a * a).sum(-1)),
    "std": lambda a: a.std(-1, ddof=1),
    "var": lambda a: a.var(-1, ddof=1),
    "std_mean": lambda a: (a.std(-1, ddof=1), a.mean(-1)),
    "var_mean": lambda a: (a.var(-1, ddof=1), a.mean(-1)),
}
OF_NUMPY |= {"nanmedian": OF_NUMPY["median"], "linalg.norm": OF_NUMPY["norm"], "linalg.vector_norm": OF_NUMPY["norm"]}
DIMS = [None, 0, 1, 2, -1, -3, (0,), (0, 2), (-1, 1), (2, 0, 1), (), [0, 1], np.int64(1), (np.int8(-1), 0)]


def takes(name, dim):
    if name == "linalg.norm" and isinstance(dim, (tuple, list)) and len(dim) in (0, 2, 3):
        return False  # two axes are those of a matrix
    if name in ("all", "any") and isinstance(dim, tuple) and dim == ():
        return False  # no axis there; see below
    if name in ("logsumexp", "kthvalue") and dim is None:
        return False  # an axis must be named
    return name not in OF_ONE_AXIS or not isinstance(dim, (tuple, list))


def flattened(array, dim):
    """The reduced axes as one, at the end, and the shape that `keepdim` gives."""
    axes = range(array.ndim) if dim is None or (isinstance(dim, (tuple, list)) and not dim) else np.atleast_1d(dim)
    axes = sorted(int(i) % array.ndim for i in axes)
    kept = [i for i in range(array.ndim) if i not in axes]
    moved = array.transpose(*kept, *axes).reshape(*[array.shape[i] for i in kept], -1)
    return moved, tuple(1 if i in axes else n for i, n in enumerate(array.shape))


@pytest.mark.parametrize("name", REDUCTIONS)
def test_T36_axes_of_every_reduction(name):
    """Any axes: by number, from the end, in tuples and lists, NumPy's integers; also of size 1. Gradients as well."""
    tried = 0
    for shape, dim, keepdim in itertools.product([(2, 3, 4), (1, 3, 1)], DIMS, [False, True]):
        array = draw(np.random.default_rng(0), shape, 0.3, 2.2)
        moved, whole = flattened(array, dim)
        if not takes(name, dim) or (moved.shape[-1] == 1 and ("std" in name or "var" in name)):
            continue
        if keepdim and dim is None and name in OF_ONE_AXIS:
            continue  # there `keepdim` goes with an axis
        expected = as_tuple(OF_NUMPY[name](moved))
        x = leaf(array)
        results = reduce(name, x, dim=dim, **({"keepdim": True} if keepdim else {}))
        expected = expected[: len(results)]  # the median of all has no index
        for got, right in zip(results, expected, strict=True):
            assert got.shape == (whole if keepdim else right.shape), (dim, keepdim)
            close(got.data.reshape(right.shape), right, 1e-11)
        outs = [out for out in results if out.requires_grad]
        if outs:
            gs = [random(*out.shape, seed=i) for i, out in enumerate(outs)]
            flat = leaf(moved)
            rights = [r for r in reduce(name, flat, dim=-1) if r.requires_grad]
            reshaped = [tg.tensor(g.reshape(right.shape)) for g, right in zip(gs, rights, strict=True)]
            (exact,) = tg.grad(rights, flat, reshaped)
            (slope,) = tg.grad(outs, x, [tg.tensor(g) for g in gs])
            close(flattened(slope.data, dim)[0], exact.data, 1e-11)
        tried += 1
    assert tried >= 10


def test_T36_no_axis_of_all_and_any():
    """As in PyTorch, `()` names none to `all` and `any`, and all to the others."""
    x = tg.tensor([[0.0, 1], [2, 3]])
    equal(x.all(()).data, [[False, True], [True, True]])
    equal(x.any(()).data, [[False, True], [True, True]])
    assert x.sum(()).shape == ()


@pytest.mark.parametrize("name", REDUCTIONS)
def test_T36_axes_that_are_refused(name):
    x = tg.tensor(random(2, 3))
    short = re.escape(name)
    for dim in (2, -3):
        with pytest.raises(tg.ShapeError, match=rf"^{short}: dim {dim} is out of range .*\(-2 to 1\)"):
            reduce(name, x, dim=dim)
    for dim in (1.0, "0"):
        with pytest.raises(tg.DTypeError, match=rf"^{short}: .*dim"):
            reduce(name, x, dim=dim)
    if name in OF_ONE_AXIS:
        with pytest.raises(tg.DTypeError, match=rf"^{short}: dim must be an int, got tuple"):
            reduce(name, x, dim=(0, 1))
    else:
        with pytest.raises(tg.ShapeError, match=rf"^{short}: .*(twice|differ|same)"):
            reduce(name, x, dim=(0, -2))


NOTHING = {  # what a reduction gives of no values; None: an error
    "all": True, "any": False, "amax": None, "amin": None, "aminmax": None, "argmax": None, "argmin": None,
    "kthvalue": None, "logsumexp": -INF, "max": None, "mean": NAN, "median": None, "min": None, "nanmean": NAN,
    "nanmedian": None, "nansum": 0, "norm": 0, "prod": 1, "std": NAN, "std_mean": NAN, "sum": 0, "var": NAN,
    "var_mean": NAN, "linalg.norm": 0, "linalg.vector_norm": 0,
}  # fmt: skip


@pytest.mark.parametrize("name", REDUCTIONS)
def test_T36_axes_of_size_0(name):
    x = leaf(np.zeros((0, 2)))
    for keepdim in (False, True):
        results = reduce(name, x, dim=1, keepdim=keepdim)
        assert {r.shape for r in results} == {(0, 1) if keepdim else (0,)}
        if NOTHING[name] is None:
            with pytest.raises(tg.ShapeError, match=rf"^{re.escape(name)}: "):
                reduce(name, x, dim=0, keepdim=keepdim)
            continue
        for got in reduce(name, x, dim=0, keepdim=keepdim):
            equal(got.data, np.full((1, 2) if keepdim else (2,), NOTHING[name]))
            if got.requires_grad:
                assert slopes_of(got, [x])[0].shape == (0, 2)


# T37: einsum


@pytest.mark.parametrize(
    "equation, shapes",
    [
        ("ii", [(3, 3)]),
        ("ii->i", [(3, 3)]),
        ("iii->i", [(2, 2, 2)]),
        ("i,i", [(3,), (3,)]),
        ("...ij,jk", [(2, 3, 4), (4, 5)]),
        ("...ij,...jk->...ik", [(2, 1, 3, 4), (5, 4, 2)]),
        ("ij->", [(2, 3)]),
        ("ba", [(2, 3)]),
        ("i...->...", [(2, 3, 4)]),
        ("ij,ij,ij->j", [(2, 3)] * 3),
        ("ii,i->", [(3, 3), (3,)]),
        (" i j , j k -> i k ", [(2, 3), (3, 2)]),
    ],
)
def test_T37_subscripts(equation, shapes):
    arrays = [random(*shape, seed=i) for i, shape in enumerate(shapes)]
    out = tg.einsum(equation, *[leaf(a) for a in arrays])
    close(out.data, np.einsum(equation.replace(" ", ""), *arrays), 1e-12)
    assert gradcheck(lambda *xs: (tg.einsum(equation, *xs),), [leaf(a) for a in arrays])
    assert gradgradcheck(lambda *xs: (tg.einsum(equation, *xs),), [leaf(a) for a in arrays])


def test_T37_a_size_of_1_broadcasts_and_gets_the_sum():
    out, g1, g3 = value_and_slopes(lambda x, y: tg.einsum("i,i", x, y), [2.0], [3.0, 4, 5])
    assert out == 24
    equal(g1, [12])
    equal(g3, [2, 2, 2])
    _, g = value_and_slopes(lambda x: tg.einsum("ii", x), random(3, 3))
    equal(g, np.eye(3))


# T38: a tensor assigned into, used before and after


def test_T38_assignment_of_a_tensor_used_twice():
    a, v = leaf([1.0, 2, 3]), leaf(10.0)
    x = a * a
    before = x * 3
    x[1] = v
    (before + x * 5 + v * 7).sum().backward()
    equal(before.data, [3, 12, 27])
    equal(x.data, [1, 10, 9])
    equal(a.grad.data, [16, 12, 48])  # 3 * 2a, and 5 * 2a where a was not overwritten
    assert v.grad.item() == 5 + 3 * 7
    v = leaf([1.0, 2])
    x, first = tg.zeros(4, dtype=F64), v * 3
    x[1:3] = v
    x[0] = v[0] * x[2]
    (x.sum() + first.sum()).backward()  # v0 + v1 + v0 v1 + 3 v0 + 3 v1
    equal(v.grad.data, [6, 5])


# T39: constants that are equal, and so merged


def test_T39_equal_leaves_stay_apart():
    a, b = leaf(2.0), leaf(2.0)
    (3 * a + 5 * b + a * b).backward()
    assert (a.grad.item(), b.grad.item()) == (5, 7)
    array = np.array([2.0, 2.0])
    a, b = tg.from_numpy(array).requires_grad_(), tg.from_numpy(array).requires_grad_()
    (3 * a + 5 * b).sum().backward()
    equal(a.grad.data, [3, 3])
    equal(b.grad.data, [5, 5])
    (c,) = [leaf(2.0)]
    tg.stack([c, c, c * 1.0]).sum().backward()
    assert c.grad.item() == 3
    assert [g.item() for g in tg.grad(c * c, [c, c])] == [4, 4]


# T40: modes that leak over threads and exceptions


def test_T40_modes_belong_to_their_thread():
    inside, done, seen = threading.Event(), threading.Event(), []

    def other():
        seen.append(tg.is_grad_enabled())
        with tg.no_grad():
            inside.set()
            done.wait(10)
            seen.append(tg.is_grad_enabled())

    thread = threading.Thread(target=other)
    thread.start()
    assert inside.wait(10)
    x = leaf([1.0, 2])
    (x * x).sum().backward()  # recorded, though the other thread does not record
    done.set()
    thread.join()
    equal(x.grad.data, [2, 4])
    assert seen == [True, False]
    with tg.no_grad():
        fresh = threading.Thread(target=lambda: seen.append(tg.is_grad_enabled()))
        fresh.start()
        fresh.join()
    assert seen == [True, False, True]


def test_T40_modes_are_restored_by_exceptions():
    for mode in (tg.no_grad, tg.enable_grad, tg.detect_anomaly, lambda: tg.set_grad_enabled(False)):
        for before in (True, False):
            with tg.set_grad_enabled(before):
                with pytest.raises(tg.ShapeError), mode():
                    tg.ones(2) + tg.ones(3)
                assert tg.is_grad_enabled() is before
    assert tg.is_grad_enabled()


def test_T40_modes_as_decorators_also_of_generators():
    x = leaf([1.0])

    @tg.no_grad()
    def function():
        return (x * x).requires_grad

    @tg.no_grad()
    def generator():
        for _ in range(2):
            yield (x * x).requires_grad, tg.is_grad_enabled()

    @tg.no_grad()
    def failing():
        raise KeyError("mine")

    assert function() is False
    for given in generator():
        assert given == (False, False)
        assert tg.is_grad_enabled()  # between its lines the mode is its caller's
    with pytest.raises(KeyError, match="mine"):
        failing()
    halfway = generator()
    next(halfway)
    assert (x * x).requires_grad
    halfway.close()
    assert tg.is_grad_enabled()


# T41: hooks


def test_T41_hooks_see_the_complete_gradient_and_may_change_it():
    x, seen = leaf([1.0, 2]), []
    h = x * 3
    h.register_hook(lambda g: seen.append(g.data.copy()))
    h.register_hook(lambda g: g * 10)
    h.register_hook(lambda g: seen.append(g.data.copy()))
    x.register_hook(lambda g: g + 1)
    (h * h + h).sum().backward()
    equal(seen, [[7, 13], [70, 130]])  # 2 h + 1, once, in the order in which they were registered
    equal(x.grad.data, [211, 391])


def test_T41_a_raising_hook_leaves_the_state_clean():
    a, b = leaf([1.0]), leaf([2.0])
    (a * b).backward()

    def fails(g):
        raise KeyError("mine")

    h = a * b
    handle = h.register_hook(fails)
    loss = h * h
    for create_graph, mode in itertools.product([False, True], [tg.no_grad, tg.enable_grad]):
        with mode():
            with pytest.raises(KeyError, match="mine"):
                tg.grad(loss, [a, b], create_graph=create_graph, retain_graph=True)
            assert tg.is_grad_enabled() is (mode is tg.enable_grad)
    with pytest.raises(KeyError, match="mine"):
        loss.backward(retain_graph=True)
    assert (a.grad.item(), b.grad.item()) == (2, 1)
    handle.remove()
    loss.backward()
    assert (a.grad.item(), b.grad.item()) == (2 + 8, 1 + 4)


@pytest.mark.usefixtures("without_collector")
def test_T41_hooks_leak_nothing():
    before = live()
    for _ in range(20):
        x = leaf([1.0, 2])
        h = x * x
        handle = h.register_hook(lambda g, kept=h: g * kept.detach())
        x.register_hook(lambda g: g * 2)
        h.sum().backward()
        handle.remove()  # or the tensor, in its own hook, would hold itself
        del x, h, handle
    assert live() == before


# T42: outputs that nobody used

SEVERAL_OUTPUTS = [row for row in WITH_GRADIENTS if len(as_tuple(row.run(*row.values()))) > 1]


def test_T42_each_output_alone():
    """The gradient of some outputs is the sum of those of each, which the others, unused, do not disturb."""
    tried = 0
    for row in SEVERAL_OUTPUTS:
        inputs = leaves(row, row.values())
        outputs, wanted = differentiable(row.run(*inputs)), tensors_of(row, inputs)
        gs = [tg.tensor(g) for g in cotangents_for(outputs)]
        total = [np.zeros(t.shape) for t in wanted]
        for out, g in zip(outputs, gs, strict=True):
            for create_graph in (False, True):
                found = tg.grad(out, wanted, g, retain_graph=True, create_graph=create_graph, allow_unused=True)
            total = [t if slope is None else t + slope.data for t, slope in zip(total, found, strict=True)]
        if outputs:
            found = tg.grad(outputs, wanted, gs, allow_unused=True)
            for t, slope in zip(total, found, strict=True):
                close(np.zeros(t.shape) if slope is None else slope.data, t, 1e-10, 1e-10, row.id)
        tried += len(outputs) > 1
    assert tried > 20


def test_T42_split_unbind_and_max_in_part():
    for function, gradient in [
        (lambda x: x.split(1)[1], [[0, 0], [1, 1], [0, 0]]),
        (lambda x: x.unbind(1)[0], [[1, 0], [1, 0], [1, 0]]),
        (lambda x: x.chunk(3)[2] * 2, [[0, 0], [0, 0], [2, 2]]),
        (lambda x: x.max(0)[0], [[0, 0], [0, 0], [1, 1]]),
        (lambda x: x.take_along_dim(x.max(0, keepdim=True)[1], 0), [[0, 0], [0, 0], [1, 1]]),
        (lambda x: x.topk(1, 0)[0], [[0, 0], [0, 0], [1, 1]]),
        (lambda x: tg.std_mean(x, 0)[1] * 3, np.ones((3, 2))),
    ]:
        close(value_and_slopes(function, [[1.0, 2], [3, 4], [5, 6]])[1], gradient)


# T43: one tensor in several places


def test_T43_one_tensor_in_two_places_of_every_row():
    """f(x, x): the sum of the gradients of both places, here of copies."""
    tried = set()
    for row in WITH_GRADIENTS:
        wanted = row.wanted()
        pair = next((p for p in itertools.combinations(wanted, 2) if row.inputs[p[0]] == row.inputs[p[1]]), None)
        if pair is None or isinstance(row.domain, list):
            continue
        values = row.values()
        values[pair[1]] = values[pair[0]].copy()
        apart = leaves(row, values)
        together = list(apart)
        together[pair[1]] = together[pair[0]]
        with np.errstate(all="ignore"):
            outs, both = differentiable(row.run(*together)), differentiable(row.run(*apart))
        if not outs or not all(np.isfinite(out.data).all() for out in both):
            continue
        gs = [tg.tensor(g) for g in cotangents_for(outs)]
        (got,) = tg.grad(outs, together[pair[0]], gs, allow_unused=True)
        exact = tg.grad(both, [apart[i] for i in pair], gs, allow_unused=True)
        exact = sum(g.data for g in exact if g is not None)
        if np.isfinite(exact).all():
            close(np.zeros_like(exact) if got is None else got.data, exact, 1e-9, 1e-9, row.id)
            tried.add(row.name)
    assert len(tried) > 45


def test_T43_by_number():
    x = [3.0, 5]
    for function, gradient in [
        (lambda x: x + x, [2, 2]),
        (lambda x: x - x, [0, 0]),
        (lambda x: x * x, [6, 10]),
        (lambda x: x / x, [0, 0]),
        (lambda x: x**x, [27 * (1 + np.log(3)), 3125 * (1 + np.log(5))]),
        (lambda x: tg.cat([x, x, x]), [3, 3]),
        (lambda x: tg.stack([x, x * 2]), [3, 3]),
        (lambda x: x @ x, [6, 10]),
        (lambda x: tg.outer(x, x), [16, 16]),
        (lambda x: tg.einsum("i,i,i->", x, x, x), [27, 75]),
    ]:
        close(value_and_slopes(function, x)[1], gradient, atol=1e-12)

    @tg.primitive
    def twice(a, b):
        return a * b

    twice.defvjps(lambda g, b: g * b, lambda g, a: g * a)
    equal(value_and_slopes(lambda x: twice(x, x), x)[1], [6, 10])
    y = leaf(random(2, 2, 2, 2))
    assert gradcheck(lambda x: (tg.conv2d(x, x, padding=1),), [y])
    assert gradgradcheck(lambda x: (tg.conv2d(x, x, padding=1),), [y])


# T44: rules of a wrong shape, dtype or number


def custom(rule):
    @tg.primitive
    def custom_op(x):
        return x * 2.0

    custom_op.defvjps(rule)
    return custom_op


@pytest.mark.parametrize(
    "rule, got",
    [
        (lambda g: g[:1], "shape (1,)"),
        (lambda g: g.sum(), "shape ()"),
        (lambda g: g[None], "shape (1, 3)"),
        (lambda g: 1.0, "a float"),
        (lambda g: [1.0, 1, 1], "a list"),
        (lambda g: (g,), "a tuple"),
        (lambda g: g * 1j, "dtype complex128"),
        (lambda g: g.astype(object), "dtype object"),
    ],
)
def test_T44_a_wrong_rule_is_told(rule, got):
    x = leaf([1.0, 2, 3])
    y = custom(rule)(x).sum()
    line = inspect.currentframe().f_lineno - 1
    with pytest.raises(tg.GradientError) as error:
        y.backward()
    for part in ("custom_op: the VJP of x", got, "expected", f"test_pitfalls.py:{line}"):
        assert part in str(error.value), str(error.value)
    assert x.grad is None


@pytest.mark.parametrize("given", [(1,), (1, 2, 3), [1, 2], None])
def test_T44_a_wrong_number_of_gradients(given):
    @tg.primitive
    def joint_op(x, y):
        return x * y

    joint_op.defvjp_joint(lambda wanted, g: type(given)(g for _ in given) if given is not None else None)
    with pytest.raises(tg.GradientError, match="joint_op: its joint VJP must return a tuple of 2, one for each input"):
        joint_op(leaf([1.0]), leaf([2.0])).backward()
    with pytest.raises(tg.GradientError, match="joint_op: 1 VJPs for the inputs x, y"):
        joint_op.defvjps(lambda g: g)


def test_T44_another_float_is_cast():
    x = leaf([1.0, 2], F32)
    custom(lambda g: g.astype(np.float64) * 2)(x).sum().backward()
    assert x.grad.dtype == F32
    equal(x.grad.data, [2, 2])


# T45: what a gradient may be set to


def test_T45_gradients_of_another_dtype_or_shape():
    p = nn.Parameter(tg.ones(2))
    for wrong, error, text in [
        (tg.ones(2, dtype=F64), tg.DTypeError, "grad: the tensor has dtype float32, got float64"),
        (tg.ones(2, dtype=F16), tg.DTypeError, "grad: the tensor has dtype float32, got float16"),
        (tg.tensor([1, 2]), tg.DTypeError, "grad: the tensor has dtype float32, got int64"),
        (tg.ones(3), tg.ShapeError, r"grad: the tensor has shape \(2,\), got \(3,\)"),
        (np.ones(2), tg.DTypeError, "grad: must be a tensor or None, got ndarray"),
        (1.0, tg.DTypeError, "grad: must be a tensor or None, got float"),
    ]:
        with pytest.raises(error, match=text):
            p.grad = wrong
        assert p.grad is None
    p.grad = tg.ones(2)
    (p * 2).sum().backward()
    equal(p.grad.data, [3, 3])
    assert p.grad.dtype == F32


# T49: what a check of gradients must notice


PLANTED = {
    "sign": (planted.wrong_sign, [(4,)]),
    "factor": (planted.missing_factor, [(4,)]),
    "one part in 800": (planted.slightly_off, [(4,)]),
    "transposed": (planted.transposed, [(3, 3), (3, 3)]),
    "reshaped": (planted.reshaped, [(2, 3), (3, 4)]),
    "flipped": (planted.flipped, [(2, 2, 3)]),
    "not summed over a broadcast axis": (planted.row_of_first, [(3, 2), (2,)]),
    "mean instead of sum": (planted.row_of_mean, [(3, 2), (2,)]),
    "one element": (planted.one_element, [(4,)]),
    "no gradient": (planted.no_gradient, [(4,)]),
    "infinite": (planted.infinite, [(4,)]),
}


@pytest.mark.parametrize("fast", [False, True], ids=["all values", "directions"])
@pytest.mark.parametrize("name", PLANTED)
def test_T49_planted_mistakes_are_found(name, fast):
    function, shapes = PLANTED[name]
    inputs = [leaf(random(*shape, seed=i)) for i, shape in enumerate(shapes)]
    with pytest.raises(GradcheckError) as error:
        gradcheck(function, inputs, fast_mode=fast)
    assert error.value.kind == "wrong"
    assert gradcheck(function, inputs, fast_mode=fast, raise_exception=False) is False
    assert gradcheck(planted.right, inputs[:1], fast_mode=fast)


def test_T49_mistakes_of_second_order_are_found():
    x = leaf(random(5))
    for function in (planted.wrong_second, planted.saved_std):
        assert gradcheck(function, x)
        with pytest.raises(GradcheckError, match="gradgradcheck"):
            gradgradcheck(function, x)


def test_T49_values_that_cancel_are_compared_soundly():
    with pytest.raises(GradcheckError, match="analytic -2, numeric 2"):  # |a - n| / |a + n| would divide by 0
        gradcheck(planted.wrong_sign, leaf([1.0]))
    assert gradcheck(lambda x: (x * 0.0,), leaf([1.0]))  # and here both are 0
    with pytest.raises(GradcheckError, match="wrong"):  # below every atol
        gradcheck(lambda x: planted.wrong_sign(x).sum() * 1e-6, leaf(random(4)))


def test_T49_kinks_are_told_from_mistakes():
    for function, place in ((tg.relu, 0.0), (tg.hardtanh, -1.0), (lambda x: tg.clamp(x, -1, 1), 1.0)):
        with pytest.raises(GradcheckError) as error:
            gradcheck(lambda x, f=function: (f(x),), leaf([place, 0.5]))
        assert error.value.kind == "kink"
        assert gradcheck(lambda x, f=function: (f(x),), leaf([place, 0.5]), allow_kinks=True)
    near = leaf([1.0, 1.0 + 1e-7, 3.0])  # within a step of a tie
    assert gradcheck(lambda x: (x[:2].max(),), near, allow_kinks=True)


# T50: a gradient of many values


@pytest.mark.parametrize("shape", [(2,), (1, 2), (0,), (2, 3)])
def test_T50_backward_of_many_values(shape):
    x = leaf(np.ones(shape))
    y = x * 2
    with pytest.raises(tg.GradientError, match=rf"backward: .*{re.escape(str(shape))}.*\.sum\(\).*gradient="):
        y.backward()
    with pytest.raises(tg.GradientError, match=rf"grad: .*{re.escape(str(shape))}.*grad_outputs="):
        tg.grad(y, x)
    assert x.grad is None
    y.backward(tg.ones_like(y))
    equal(x.grad.data, np.full(shape, 2.0))


def test_T50_one_value_of_any_shape_is_enough():
    for shape in ((), (1,), (1, 1)):
        x = leaf(np.full(shape, 3.0))
        (x * x).backward()
        equal(x.grad.data, np.full(shape, 6.0))


# T51: lists of tensors and arrays

LISTS = {n: f for n, f in PUBLIC.items() if {"tensors", "operands"} & set(inspect.signature(f).parameters)}


@pytest.mark.parametrize("name", LISTS)
def test_T51_lists_of_arrays_and_tensors(name):
    function = LISTS[name]
    parameter = next(p for p in inspect.signature(function).parameters.values() if p.name in ("tensors", "operands"))
    listed = parameter.kind is not parameter.VAR_POSITIONAL

    def call(tensors):
        if name == "einsum":
            return (function("i,i,i->i", *tensors),)
        results = function(tensors) if listed else function(*tensors)
        return tuple(results) if isinstance(results, list) else as_tuple(results)

    shape = (2, 2) if name == "linalg.multi_dot" else (2,)
    values = [random(*shape, seed=i) for i in range(3)]
    for kinds in itertools.product([True, False], repeat=3):
        if not any(kinds):
            continue
        mixed = [leaf(v) if kind else v for v, kind in zip(values, kinds, strict=True)]
        tensors = [leaf(v) for v in values]
        outs, right = call(mixed), call(tensors)
        for out, exact in zip(outs, right, strict=True):
            if kinds != (True,) * 3 and not isinstance(out, tg.Tensor):
                continue  # an array that passes through as it is
            equal(out.data, exact.data)
        recorded = [(o, r) for o, r in zip(outs, right, strict=True) if isinstance(o, tg.Tensor) and o.requires_grad]
        got = tg.grad([o for o, _ in recorded], [m for m in mixed if isinstance(m, tg.Tensor)],
                      [tg.ones_like(o) for o, _ in recorded])  # fmt: skip
        exact = slopes_of_all(right, tensors)
        for g, e in zip(got, [e for e, kind in zip(exact, kinds, strict=True) if kind], strict=True):
            equal(g.data, e.data)


def slopes_of_all(outs, tensors):
    return tg.grad(list(outs), tensors, [tg.ones_like(out) for out in outs])


def test_T51_lists_at_numpys_door():
    x, a = leaf([1.0, 2]), np.array([3.0, 4])
    for function in (np.stack, np.concatenate, np.vstack, np.hstack):
        for many in ([x, a, x], [a, x, x], (x, x)):
            out = function(many)
            assert type(out) is tg.Tensor
            equal(out.data, function([np.asarray(getattr(t, "data", t)) if t is x else t for t in many]))
            equal(slopes_of(out, [x])[0].data, [2, 2])


# T52: second derivatives at ties


def test_T52_second_derivatives_at_a_tie():
    """At a tie the maximum of all is taken to be the mean of the tied; that of an axis to be the one it names."""
    for function, hessian in [
        (lambda x: x.max() ** 2, [[0.5, 0.5], [0.5, 0.5]]),
        (lambda x: x.amax() ** 2, [[0.5, 0.5], [0.5, 0.5]]),
        (lambda x: x.min() ** 2, [[0.5, 0.5], [0.5, 0.5]]),
        (lambda x: tg.maximum(x[0], x[1]) ** 2, [[0.5, 0.5], [0.5, 0.5]]),
        (lambda x: x.max(0)[0] ** 2, [[2, 0], [0, 0]]),
        (lambda x: x.sort(stable=True)[0][1] ** 2, [[0, 0], [0, 2]]),
    ]:
        equal(tg.func.hessian(function)(tg.tensor([2.0, 2.0], dtype=F64)).data, hessian)
    assert "split" in tg.max.__doc__


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.max() ** 3,
        lambda x: x.amin(1) ** 3,
        lambda x: x.max(1)[0] ** 3,
        lambda x: x.median() ** 3,
        lambda x: x.median(0)[0] ** 3,
        lambda x: x.kthvalue(2, 1)[0] ** 3,
        lambda x: x.sort(1)[0] ** 3,
        lambda x: x.topk(2, 1)[0] ** 3,
        lambda x: x.cummax(1)[0] ** 3,
        lambda x: tg.maximum(x, 2.5 - x) ** 3,
        lambda x: tg.max_pool2d(x.reshape(1, 1, 2, 3), 2) ** 3,
        lambda x: tg.linalg.vector_norm(x, INF) ** 3,
    ],
)
def test_T52_second_derivatives_away_from_ties(function):
    x = leaf([[1.0, 3.0, 2.0], [5.0, 4.0, 0.5]])
    assert gradcheck(lambda x: (function(x),), [x])
    assert gradgradcheck(lambda x: (function(x),), [x])


def test_T52_a_tie_is_told_as_a_kink():
    with pytest.raises(GradcheckError) as error:
        gradgradcheck(lambda x: (x * x).max(0)[0], leaf([1.0, 3.0, 3.0]))
    assert error.value.kind == "kink"
