"""Deep graphs, each in a process of its own: no recursion in the forward, backward, or freeing of a graph."""

import sys

import pytest

from .tools import run

CHAIN = """
import gc, sys, time
import tensorgrad as tg
{setup}
a = tg.tensor(1.0, requires_grad=True)
clock = time.perf_counter
start = clock()
x = a
for _ in range({half}):
    x = x * 1.0
    x = x + a
forward = clock() - start
start = clock()
{walk}
backward = clock() - start
start = clock()
{free}
free = clock() - start
print(f"{{forward:.2f}} {{backward:.2f}} {{free:.2f}}")
"""


def chain(length, setup="", walk="x.backward()", free="del x"):
    return run(CHAIN.format(half=length // 2, setup=setup, walk=walk, free=free), timeout=300)


LOW = "sys.setrecursionlimit(200)"


def test_t1_with_hooks_retained_gradients_and_grad():
    walk = """
h = x
for _ in range(10): h = h * 1.0; h.register_hook(lambda g: g * 1.0); h.retain_grad()
assert tg.grad(h, a, retain_graph=True)[0].item() == 25_001.0
assert tg.grad(h, [x, a], retain_graph=True)[1].item() == 25_001.0
h.backward(retain_graph=True)
h.backward()
assert a.grad.item() == 50_002.0
"""
    chain(50_000, LOW, walk, "del x, h")


def test_t1_to_second_order():
    walk = """
y = a
for _ in range(5_000): y = y * a * 0.999 / a
(g,) = tg.grad(y, a, create_graph=True)
g.backward()
"""
    chain(10, LOW, walk, "del x, y, g")


def test_t1_repr_and_errors_of_a_deep_graph():
    walk = """
assert "tensor(" in repr(x) and repr(x.grad_fn)
import copy, pickle
for attempt in (lambda: copy.deepcopy(x), lambda: copy.copy(x), lambda: pickle.dumps(x)):
    try: attempt()
    except tg.GradientError as error: assert "only leaves" in str(error), error
    else: raise AssertionError("a non-leaf was copied")
"""
    chain(50_000, LOW, walk)


def test_t1_a_deep_graph_that_raises_half_way():
    walk = """
@tg.elementwise
def fails(x): return x * 1.0
def rule(g): raise KeyError("mine")
fails.defvjps(rule)
y = fails(a)
for _ in range(20_000): y = y * 1.0
try: y.backward()
except KeyError as error: pass
else: raise AssertionError("no error")
del error if False else y
""".replace("del error if False else y", "del y")
    chain(10, LOW, walk)


@pytest.mark.parametrize(
    "length, collector",
    [
        (200_000, "gc.disable()"),
        pytest.param(1_000_000, "gc.enable()", marks=pytest.mark.slow),  # the collector looks at the graph many times
        (200_000, "gc.enable()"),
        (50_000, "gc.set_threshold(1)"),
    ],
)
def test_t2_a_chain_of_a_million_is_freed(length, collector):
    chain(length, f"{LOW}; {collector}", "pass")


@pytest.mark.parametrize("collector", ["gc.enable()", "gc.disable()"])
def test_t2_freed_by_the_end_of_the_process(collector):
    chain(100_000, f"{LOW}; {collector}", "pass", "pass")


# Python 3.13 frees what it nests 10,000 calls deep, however small the stack: a list in a list crashes with 512 kB.
STACK_KB = 4096 if sys.version_info[:2] == (3, 13) else 256


def test_t2_freed_in_a_thread_with_a_small_stack():
    code = f"""
import threading, sys
import tensorgrad as tg
threading.stack_size({STACK_KB} * 1024)
sys.setrecursionlimit(200)
def work():
    a = tg.tensor(1.0, requires_grad=True)
    x = a
    for _ in range(100_000): x = x + a
    x.backward()
    del x
    done.append(a.grad.item())
done = []
thread = threading.Thread(target=work); thread.start(); thread.join()
assert done == [100_001.0], done
"""
    run(code)


def test_t2_a_chain_saved_through_views_and_many_inputs():
    code = """
import sys
import tensorgrad as tg
sys.setrecursionlimit(200)
a = tg.ones(2, requires_grad=True)
x = a
for _ in range(15_000): x = tg.cat([x.reshape(2)[:1], a[1:]])
x.sum().backward()
assert a.grad.tolist() == [1.0, 1.0], a.grad
del x
x = tg.zeros(2)
for _ in range(15_000): x[0] = a[1]
x.sum().backward()
del x
"""
    run(code)


def test_t1_recorded_in_place_changes_of_one_tensor():
    code = """
import sys
import tensorgrad as tg
sys.setrecursionlimit(200)
a = tg.tensor(1.0, requires_grad=True)
total = tg.tensor(0.0)
for _ in range(50_000): total += a
total.backward()
assert a.grad.item() == 50_000.0
del total
"""
    run(code)


def test_issue_2_a_chain_of_300_000(capsys):
    forward, backward, free = map(float, chain(300_000, LOW).split())
    with capsys.disabled():
        print(f"\n300,000 operations: forward {forward:.2f} s, backward {backward:.2f} s, freeing {free:.2f} s")
    assert forward + backward + free < 30
