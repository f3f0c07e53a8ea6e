"""The operators of Tensor take a shorter way than a call of the primitive; what they record must be the same."""

import _thread
import gc
import itertools
import operator
import time
import tracemalloc

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.ops import elementwise

OPERATORS = {
    "add": (operator.add, elementwise._add),
    "sub": (operator.sub, elementwise._sub),
    "mul": (operator.mul, elementwise.mul),
    "div": (operator.truediv, elementwise._div),
}


def operands():
    """One of each kind that an operator can meet; the shapes broadcast."""
    leaf = tg.tensor([1.5, 2.0], requires_grad=True)
    wide = tg.tensor(np.array([3.0, 4.0]), requires_grad=True)
    half = tg.tensor(np.array([3.0, 4.0], np.float16), requires_grad=True)
    return {
        "leaf": leaf,
        "interior": leaf * 2.0,
        "first output": tg.stack([leaf, leaf]).max(0)[0],
        "second output": two(leaf)[1],
        "scalar": tg.tensor(2.0, requires_grad=True),
        "wide": wide,
        "half": half,
        "constant": tg.tensor([5.0, 7.0]),
        "integers": tg.tensor([5, 7]),
        "array": np.array([5.0, 7.0], np.float32),
        "float": 1.25,
        "int": 3,
        "bool": True,
        "NumPy number": np.float32(2.0),
    }


@tg.primitive(outputs=("first", "second"))
def two(x):
    return x + 1, x + 2


two.defvjps(lambda g_first, g_second: g_second if g_first is None else g_first)


def told(node):
    """All that a node tells, with its saved arrays and versions, but its number and line."""
    saved = [s if isinstance(s, (float, int)) else (s.tolist(), s.dtype) for s in node.saved]
    return (
        (node.name, node.edges, node.shapes, node.dtypes, node.outputs, node.numbers, node.params),
        (node.scope, node.saved_names(), saved, [(id(cell) if cell else cell, n) for cell, n in node.versions]),
    )


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_records_what_a_call_does(name):
    operate, op = OPERATORS[name]
    compared = 0
    given = operands()
    for (_, a), (_, b) in itertools.product(given.items(), repeat=2):
        if not (isinstance(a, tg.Tensor) or isinstance(b, tg.Tensor)) or isinstance(a, (np.ndarray, np.generic)):
            continue
        with tg.named_scope("part"):
            by_operator, by_call = operate(a, b), op(a, b)
        assert type(by_operator) is type(by_call)
        assert by_operator.dtype == by_call.dtype
        assert by_operator.data.tolist() == by_call.data.tolist()
        assert by_operator.requires_grad == by_call.requires_grad
        if by_call.grad_fn is not None:
            one, other = by_operator.grad_fn, by_call.grad_fn
            if all(edge is None or isinstance(edge, tg.Tensor) or edge[0].name != "astype" for edge in one.edges):
                assert told(one)[0][:2] == told(other)[0][:2]
                assert told(one) == told(other)
                compared += 1
            assert one.line() == (__file__, other.line()[1])
    assert compared > 60


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_refuses_what_a_call_refuses(name):
    operate, op = OPERATORS[name]
    a, b = (tg.tensor(np.ones(n, np.float32), requires_grad=True) for n in (2, 3))
    with pytest.raises(tg.ShapeError) as by_call:
        op(a, b)
    with pytest.raises(tg.ShapeError) as by_operator:
        operate(a, b)
    assert str(by_operator.value) == str(by_call.value)


def test_an_operator_that_nothing_calls():
    # A thread may run the method itself, so that there is no line of the user's to note.
    a, b = (tg.tensor(2.0, requires_grad=True) for _ in range(2))
    _thread.start_new_thread(a.__mul__, (b,))
    for _ in range(1000):
        if a._version is not None and b._version is not None:
            break
        time.sleep(0.01)
    assert a._version == b._version == b""


def test_both_outputs_of_a_node_reach_it_once():
    x = tg.tensor([1.0, 5.0], requires_grad=True)
    calls = []

    @tg.primitive(outputs=("first", "second"))
    def pair(x):
        return x * 2, x * 3

    pair.defvjps(lambda g_first, g_second: calls.append(1) or g_first * 2 + g_second * 3)
    first, second = pair(x)
    (first * 10.0 + second + first).sum().backward()
    assert calls == [1]
    assert x.grad.tolist() == [25.0, 25.0]


def test_a_gradient_of_an_output_beside_the_one_that_is_asked_for():
    # The sources of a node's first output and of the node itself are the same: only what is asked for is walked.
    x = tg.tensor([1.0, 5.0], requires_grad=True)
    first, second = two(x)
    y = (first * 2.0 + second * 3.0).sum()
    by_first, by_second = tg.grad(y, [first, second], retain_graph=True)
    assert by_first.tolist() == [2.0, 2.0]
    assert by_second.tolist() == [3.0, 3.0]
    (only,) = tg.grad(y, [first], retain_graph=True)
    assert only.tolist() == [2.0, 2.0]
    (only,) = tg.grad(y, [second])
    assert only.tolist() == [3.0, 3.0]


def test_what_a_node_takes():
    """A list or dict more in each node costs a tenth of a scalar operation's time, and more in large graphs."""

    def chain(count):
        y = x
        for _ in range(count // 2):
            y = y * w
            y = y + b
        return y

    x, w, b = (tg.tensor(v, requires_grad=True) for v in (0.5, 0.999, 0.001))
    chain(100)
    gc.collect()
    before = len(gc.get_objects())
    y = chain(2000)
    gc.collect()  # which ceases to follow tuples of numbers and arrays
    assert (len(gc.get_objects()) - before) / 2000 < 3.2
    del y
    tracemalloc.start()
    try:
        y = chain(2000)
        assert tracemalloc.get_traced_memory()[0] / 2000 < 600
    finally:
        tracemalloc.stop()
    del y
