"""Checkpoints: the same gradients, to the last bit, from less memory."""

import gc
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tensorgrad.func import checkpoint, checkpoint_sequential, is_recomputing
from tensorgrad.modes import Observer, observing
from tests.engine.tools import leaf, run


def block(seed=0, generator=None):
    tg.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.4, generator=generator),
        nn.Conv2d(4, 2, 3, padding=1),
    )  # fmt: skip


def images():
    return tg.tensor(np.random.default_rng(1).normal(size=(3, 2, 6, 6)), dtype=np.float32, requires_grad=True)


def state(module):
    return {name: t.tolist() for name, t in module.state_dict().items()}


def outcome(compute, *tensors):
    """The value that `compute` gives, and the gradients that its backward leaves, as lists."""
    tg.manual_seed(7)
    for tensor in tensors:
        tensor.grad = None
    out = compute()
    out.backward()
    return out.item(), [None if t.grad is None else t.grad.tolist() for t in tensors], tg.rand(1).item()


def plain(function, *args, **kwargs):
    return function(*args, **kwargs)


# The same results


@pytest.mark.parametrize("generator", [None, 5])
def test_the_same_gradients_and_the_same_state_of_a_module(generator):
    results = []
    for call in (plain, checkpoint):
        net = block(generator=None if generator is None else np.random.default_rng(generator))
        x = images()
        results.append((outcome(lambda: (call(net, x) ** 2).sum(), x, *net.parameters()), state(net)))  # noqa: B023
        assert net[1].num_batches_tracked.item() == 1
    assert results[0] == results[1]
    assert results[0][0][1][0] is not None


def test_several_steps_of_training():
    losses = []
    for segments in (0, 3):
        net, x = block(), images().detach()
        update = nn.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
        tg.manual_seed(3)
        for _ in range(4):
            out = checkpoint_sequential(net, segments, x) if segments else net(x)
            loss = (out**2).mean()
            update.zero_grad()
            loss.backward()
            update.step()
            losses.append(loss.item())
    assert losses[:4] == losses[4:]
    assert losses[3] != losses[0]


def test_batch_norm_that_averages_over_all_batches_counts_each_once():
    norm = nn.BatchNorm1d(2, momentum=None)
    twin = nn.BatchNorm1d(2, momentum=None)
    for seed in range(3):
        x = tg.tensor(np.random.default_rng(seed).normal(size=(5, 2)), dtype=np.float32)
        checkpoint(norm, x).sum().backward()
        twin(x).sum().backward()
    assert state(norm) == state(twin)
    assert norm.num_batches_tracked.item() == 3


def test_nested_outputs_keywords_and_what_is_no_tensor():
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])

    def f(a, *, scale, more):
        h = (a * scale).tanh()
        return {"h": h, "list": [h * more["w"], "text"], "number": 3}

    def compute(call):
        out = call(f, x, scale=0.5, more={"w": w})
        assert out["number"] == 3
        assert out["list"][1] == "text"
        return (out["h"] * out["list"][0]).sum()

    assert outcome(lambda: compute(plain), x, w) == outcome(lambda: compute(checkpoint), x, w)


def test_only_one_of_several_outputs_is_used():
    x = leaf([1.0, 2.0])
    for used in (0, 1):
        checked = outcome(lambda: checkpoint(lambda t: (t.exp(), t.tanh()), x)[used].sum(), x)  # noqa: B023
        assert checked == outcome(lambda: (x.exp(), x.tanh())[used].sum(), x)  # noqa: B023


def test_an_interior_argument_and_an_interior_tensor_closed_over():
    x, seen = leaf([0.3, 0.7]), []

    def compute(call):
        a, b = x.exp(), x * 2.0
        b.register_hook(lambda g: seen.append(g.tolist()) or g * 3.0)
        x_hook = x.register_hook(lambda g: g * 5.0)
        loss = (call(lambda t: (t * b).tanh() * b, a) + b).sum()
        x.grad = None
        loss.backward()
        x_hook.remove()
        return x.grad.tolist()

    assert compute(plain) == compute(checkpoint)
    assert len(seen) == 2
    assert seen[0] == seen[1]


def test_the_caller_goes_on_with_the_names_of_its_arguments():
    """`h` becomes another tensor after the call, and a constant becomes a result of it."""
    x = leaf([0.3, 0.7])

    def compute(call):
        h, c = x * 2.0, tg.ones(2, dtype=np.float64)
        out = call(lambda t, c: (t * t * c).tanh(), h, c)
        h += out
        c += out
        return (h * c).sum()

    assert outcome(lambda: compute(plain), x) == outcome(lambda: compute(checkpoint), x)


def test_tensors_changed_in_place_inside():
    x = leaf([0.3, 0.7])

    def f(t):
        h = t.exp()
        h *= t
        h[0] = h[1] * 2.0
        return h.tanh()

    assert outcome(lambda: f(x).sum(), x) == outcome(lambda: checkpoint(f, x).sum(), x)


def test_tg_grad_retained_graphs_and_parts_of_the_graph():
    x, w = leaf([0.3, 0.7]), leaf([1.0, 2.0])
    out = checkpoint(lambda t: (t * w).tanh() * t, x).sum()
    expected = tg.grad(((x * w).tanh() * x).sum(), [x, w])
    for inputs, places in (([w], [1]), ([x], [0]), ([x, w], [0, 1])):
        found = tg.grad(out, inputs, retain_graph=True)
        assert [g.tolist() for g in found] == [expected[i].tolist() for i in places]
    assert x.grad is None
    out.backward(retain_graph=True)
    out.backward()
    assert x.grad.tolist() == (2 * expected[0]).tolist()
    with pytest.raises(tg.GradientError, match="dropped by an earlier backward"):
        out.backward()


def test_second_and_third_order():
    def derivatives(call):
        x, w = leaf([0.3, 0.7]), leaf([1.0, 2.0])
        y = call(lambda t: (t * w).tanh() * (t * t).exp(), x).sum()
        (g,) = tg.grad(y, x, create_graph=True)
        (h,) = tg.grad((g * g).sum(), x, create_graph=True)
        (h * w).sum().backward()
        return [t.tolist() for t in (g, h, x.grad, w.grad)]

    assert derivatives(plain) == derivatives(checkpoint)


@pytest.mark.parametrize("transform", ["grad", "jacrev", "jacfwd", "hessian", "hvp", "jvp", "vjp"])
def test_functions_of_functions(transform):
    w, x = leaf([1.0, 2.0]), tg.tensor([0.3, 0.7], dtype=np.float64)

    def derivative(call):
        def f(t):
            return call(lambda t: (t * w).tanh() * t, t)

        def total(t):
            return f(t).sum()

        if transform == "vjp":
            result = tg.func.vjp(f, x)[1](x)[0]
        elif transform == "jvp":
            result = tg.func.jvp(f, (x,), (x,))[1]
        elif transform == "hvp":
            result = tg.func.hvp(total, x, x)[1]
        else:
            result = getattr(tg.func, transform)(f if transform.startswith("jac") else total)(x)
        w.grad = None
        result.sum().backward()
        return result.tolist(), w.grad.tolist()

    assert derivative(plain) == derivative(checkpoint)


def test_a_function_of_functions_inside():
    x = leaf([0.3, 0.7])
    f = tg.func.grad(lambda t: (t.exp() * t).sum())
    assert outcome(lambda: f(x).sum(), x) == outcome(lambda: checkpoint(f, x).sum(), x)

    def penalty(t):
        (g,) = tg.grad((t**3).sum(), t, create_graph=True)
        return (g * g).sum()

    y = leaf([0.3, 0.7])
    assert outcome(lambda: penalty(y * 1.0), y) == outcome(lambda: checkpoint(penalty, y * 1.0), y)


# When the function runs


def test_the_function_runs_once_in_a_walk_and_checkpoints_nest():
    runs = []

    def inner(t):
        runs.append("inner, again" if is_recomputing() else "inner")
        return t.tanh() * t

    def outer(t):
        runs.append("outer, again" if is_recomputing() else "outer")
        return checkpoint(inner, checkpoint(inner, t)).exp()

    x = leaf([0.3, 0.7])
    out = checkpoint(outer, x).sum()
    assert runs == ["outer", "inner", "inner"]
    del runs[:]
    out.backward()
    # The outer function is run again, and with it both inner ones; then each inner one, for what it saved.
    assert sorted(runs) == ["inner, again"] * 4 + ["outer, again"]
    assert not is_recomputing()
    once = x.grad.tolist()
    x.grad = None
    inner(inner(x)).exp().sum().backward()
    assert x.grad.tolist() == once


def test_where_nothing_is_recorded_it_is_a_plain_call():
    seen = []

    def f(t):
        seen.append(tg.is_grad_enabled())
        return t * 2.0

    x = leaf([1.0])
    with tg.no_grad():
        assert not checkpoint(f, x).requires_grad
    assert seen == [False]
    constant = checkpoint(lambda t: t * 2.0, tg.ones(2))
    assert not constant.requires_grad


def test_nothing_is_kept_between_the_passes():
    x = leaf(np.ones(100_000))

    def f(t):
        for _ in range(20):
            t = (t * 0.5).exp()
        return t

    tracemalloc.start()
    try:
        kept = []
        for call in (plain, checkpoint):
            tg.empty_cache()  # blocks that are kept for later count as allocated
            before = tracemalloc.get_traced_memory()[0]
            out = call(f, x)
            tg.empty_cache()
            kept.append((tracemalloc.get_traced_memory()[0] - before) / 800_000)
            node = out.grad_fn
            del out
    finally:
        tracemalloc.stop()
    assert kept[0] > 19
    assert kept[1] < 1.5  # the output
    assert node.saved is None
    assert node.sources


def test_the_intermediate_results_of_the_second_run_are_dropped_on_the_way():
    """No more than one checkpoint's at a time, and of that less and less."""
    x = leaf(np.ones(100_000))

    def f(t):
        for _ in range(5):
            t = (t * 0.5).exp()
        return t

    h = x
    for _ in range(8):
        h = checkpoint(f, h)
    loss = h.sum()
    del h
    tracemalloc.start()
    try:
        loss.backward()
        peak = tracemalloc.get_traced_memory()[1] / 800_000
    finally:
        tracemalloc.stop()
    assert peak < 5 + 4, f"{peak:.1f} arrays at the peak"


def test_the_context_of_the_first_run_holds_in_the_second():
    seen = []

    def f(t):
        seen.append(tg.kernels.choose.chosen.get())
        return tg.conv2d(t, t, padding=1)

    x = leaf(np.ones((1, 1, 3, 3)))
    with tg.conv_algorithm("im2col"):
        out = checkpoint(f, x).sum()
    out.backward()
    assert seen == ["im2col", "im2col"]


def test_recorded_lines_and_module_paths_stay():
    net = block()

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = net

        def forward(self, x):
            return checkpoint(self.features, x)

    out = Net()(images())
    places = [out.grad_fn.place()]
    out.sum().backward()
    places.append(out.grad_fn.place())
    assert places[0] == places[1]
    assert places[0].endswith("in module features.4")


def test_observers_are_not_told_of_the_second_run():
    seen = []

    class Watch(Observer):
        def called(self, primitive, arrays, outputs, node):
            if node is not None:
                seen.append(primitive.name)

    x = leaf([0.3, 0.7])
    with observing(Watch()):
        checkpoint(lambda t: t.exp().tanh(), x).sum().backward()
    assert seen == ["exp", "tanh", "sum"]


def test_anomaly_mode_and_pictures():
    x = leaf([0.3, 0.7])
    with tg.detect_anomaly():
        checkpoint(lambda t: t.exp().tanh(), x).sum().backward()
    assert x.grad is not None
    with tg.viz.record() as recorded:
        loss = checkpoint(lambda t: t.exp().tanh(), x).sum()
        loss.backward()
    view = recorded.graph(loss)
    assert "3 operations" in repr(view)
    assert [name in view.to_text() for name in ("exp", "tanh", "sum")] == [True] * 3


def test_the_walk_may_be_in_another_thread():
    x = leaf([0.3, 0.7])
    out = checkpoint(lambda t: tg.dropout(t.exp(), 0.5).tanh(), x).sum()
    worker = threading.Thread(target=out.backward)
    worker.start()
    worker.join()
    assert x.grad is not None


# Random numbers


def test_random_numbers_are_drawn_again_and_the_generators_left_as_they_were():
    own, given = np.random.default_rng(1), np.random.default_rng(2)

    def f(t, rng, *, more):
        t = tg.dropout(t, 0.5)
        t = tg.dropout(t, 0.5, generator=own)
        t = t * tg.from_numpy(rng.random(t.shape))  # drawn by NumPy: the checkpoint knows of it as an argument
        t = t * tg.rand(*t.shape, dtype=np.float64) * tg.randn(*t.shape, generator=more[0], dtype=np.float64)
        return t * t

    def compute(call):
        own.bit_generator.state = np.random.default_rng(1).bit_generator.state
        given.bit_generator.state = np.random.default_rng(2).bit_generator.state
        x = leaf(np.ones(20))
        result = outcome(lambda: call(f, x, given, more=[own]).sum(), x)
        return result, own.random(), given.random()

    assert compute(plain) == compute(checkpoint)


def test_draws_between_the_passes_do_not_matter_and_go_on():
    tg.manual_seed(0)
    x = leaf(np.ones(50))
    out = checkpoint(lambda t: tg.dropout(t, 0.5) * t, x)
    between = tg.rand(1).item()
    out.sum().backward()
    after = tg.rand(1).item()
    assert x.grad.tolist() == (2 * out.data).tolist()
    tg.manual_seed(0)
    tg.dropout(x, 0.5)
    assert [tg.rand(1).item(), tg.rand(1).item()] == [between, after]


def test_a_checkpoint_inside_tells_the_outer_one_what_it_drew_from():
    own = np.random.default_rng(1)
    x = leaf(np.ones(50))

    def inner(t):
        return tg.dropout(t, 0.5, generator=own) * t

    out = checkpoint(lambda t: checkpoint(inner, t) * t, x)
    own.random(3)
    out.sum().backward()
    assert x.grad.tolist() == (3 * out.data).tolist()


def test_preserve_rng_state_false():
    tg.manual_seed(0)
    x = leaf(np.ones(200))
    out = checkpoint(lambda t: tg.dropout(t, 0.5) * t, x, preserve_rng_state=False)
    out.sum().backward()
    assert x.grad.tolist() != (2 * out.data).tolist()


# Errors


def test_a_function_that_does_something_else_the_second_time():
    x = leaf([0.3, 0.7])

    def longer(t):
        return (t.exp() * 2.0).tanh() if is_recomputing() else t.exp().tanh()

    def other(t):
        return t.sigmoid() if is_recomputing() else t.tanh()

    def wider(t):
        return tg.cat([t, t, t] if is_recomputing() else [t, t]).exp()

    def frozen(t):
        return (t.detach() if is_recomputing() else t).exp().requires_grad_() * t

    for f, text in (
        (longer, r"checkpoint of .*longer: the function recorded 2 operations, and 3 when it was run again"),
        (other, r"recorded tanh of shape \(2,\) at test_checkpoint\.py:\d+, and in its place sigmoid of shape \(2,\)"),
        (wider, r"recorded exp of shape \(4,\) at test_checkpoint\.py:\d+, and in its place exp of shape \(6,\)"),
        (frozen, r"the function recorded 2 operations, and 1 when it was run again"),
    ):
        out = checkpoint(f, x).sum()
        with pytest.raises(tg.GradientError, match=text):
            out.backward()
        assert x.grad is None


def test_a_name_that_got_another_meaning():
    x, w = leaf([0.3, 0.7]), leaf([1.0, 2.0])
    out = checkpoint(lambda t: t * w, x).sum()
    w = leaf([5.0, 6.0])
    with pytest.raises(tg.GradientError, match=r"mul, recorded at .*, was given another tensor as \w+ when"):
        out.backward()
    h = x * 2.0
    out = checkpoint(lambda t: t.exp() * h, x).sum()
    h = x * 3.0
    with pytest.raises(tg.GradientError, match="a name that the function uses has got another meaning"):
        out.backward()


def test_arguments_changed_in_place_since():
    x, c = leaf([0.3, 0.7]), tg.ones(2, dtype=np.float64)
    out = checkpoint(lambda t, more: (t * more["c"]).tanh(), x, {"c": c}).sum()
    with tg.no_grad():
        c.mul_(2.0)
    with pytest.raises(
        tg.GradientError, match=r"args\[1\]\['c'\] was changed in place since, .* \(version 1, it was left"
    ):
        out.backward()


def test_weights_changed_in_place_since():
    x, w = leaf([0.3, 0.7]), leaf([1.0, 2.0])
    out = checkpoint(lambda t: t * w, x).sum()
    with tg.no_grad():
        w.mul_(2.0)
    with pytest.raises(tg.GradientError, match=r"mul: its \w+, saved for the walk, was changed in place since"):
        out.backward()


def test_weights_frozen_since():
    x, w = leaf([0.3, 0.7]), leaf([1.0, 2.0])
    out = checkpoint(lambda t: t * w, x).sum()
    w.requires_grad_(False)
    with pytest.raises(tg.GradientError, match=r"in its place mul of shape \(2,\), or one of other inputs that"):
        out.backward()


def test_a_function_that_changes_its_arguments_in_place():
    x, c = leaf([0.3, 0.7]), tg.ones(2, dtype=np.float64)

    def f(t, c):
        with tg.no_grad():
            c.mul_(2.0)
        return (t * c).tanh()

    out = checkpoint(f, x, c=c).sum()
    with pytest.raises(
        tg.GradientError, match=r"the function changes kwargs\['c'\] in place, so it cannot be run twice"
    ):
        out.backward()


def test_running_statistics_among_the_arguments():
    """Batch norm moves them in the first run only, so this is no change that would matter."""
    mean, var = tg.zeros(2), tg.ones(2)
    x = tg.tensor(np.random.default_rng(0).normal(size=(5, 2)), dtype=np.float32, requires_grad=True)
    out = checkpoint(nn.functional.batch_norm, x, mean, var, training=True)
    moved = mean.tolist()
    (out**2).sum().backward()
    assert mean.tolist() == moved != [0.0, 0.0]
    assert x.grad is not None


def test_an_error_in_the_second_run_says_where():
    x = leaf([0.3, 0.7])

    def f(t):
        h = t.exp()
        if is_recomputing():
            raise KeyError("mine")
        return h.tanh()

    out = checkpoint(f, x).sum()
    with pytest.raises(KeyError, match="mine") as caught:
        out.backward()
    assert "checkpoint of" in caught.value.__notes__[0]
    assert "run again for the backward walk" in caught.value.__notes__[0]
    assert "in the backward rule of tanh, recorded at test_checkpoint.py" in caught.value.__notes__[1]
    assert x.grad is None
    assert not is_recomputing()


def test_after_an_error_the_walk_can_be_tried_again():
    x, fails = leaf([0.3, 0.7]), [True]

    def f(t):
        if is_recomputing() and fails:
            raise KeyError(fails.pop())
        return t.exp().tanh()

    out = checkpoint(f, x)
    with pytest.raises(KeyError):
        out.sum().backward()
    out.sum().backward()
    assert x.grad.tolist() == tg.grad(x.exp().tanh().sum(), x)[0].tolist()


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda x: checkpoint(3, x), tg.DTypeError, "checkpoint: function is a int, which cannot be called"),
        (lambda x: checkpoint_sequential([tg.exp], 2, x), tg.ShapeError, "1 functions cannot be put in 2 segments"),
        (lambda x: checkpoint_sequential([tg.exp], 0, x), tg.ShapeError, "1 functions cannot be put in 0 segments"),
        (lambda x: checkpoint_sequential([tg.exp], 1.0, x), tg.DTypeError, r"segments must be an int, got 1\.0"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call(leaf([1.0]))


# Sequences


@pytest.mark.parametrize("segments", [1, 2, 3, 5])
def test_checkpoint_sequential(segments):
    runs = []

    def layer(number):
        def f(t):
            runs.append(number)
            return (t * (number + 1.0)).tanh()

        return f

    layers = [layer(n) for n in range(5)]
    x = leaf([0.3, 0.7])

    def straight():
        h = x
        for f in layers:
            h = f(h)
        return h.sum()

    expected = outcome(straight, x)
    del runs[:]
    assert outcome(lambda: checkpoint_sequential(layers, segments, x, use_reentrant=False).sum(), x) == expected
    again = runs[5:]
    assert sorted(again) == list(range(5 // segments * (segments - 1)))


# Depth, leaks


def test_deep_graphs_and_many_checkpoints():
    out = run("""
import sys
import numpy as np
import tensorgrad as tg
x = tg.tensor([0.5], dtype=np.float64, requires_grad=True)
def long(t):
    for _ in range(10_000):
        t = t * 1.0001
    return t
sys.setrecursionlimit(200)
tg.func.checkpoint(long, x).backward()
print(abs(x.grad.item() / 1.0001**10_000 - 1) < 1e-9)
h = x
for _ in range(3_000):
    h = tg.func.checkpoint(tg.tanh, h)
h.backward()
del h
print("done")
""")
    assert out.split() == ["True", "done"]


def test_graphs_die_with_their_last_tensor():
    gc.collect()
    gc.disable()
    try:
        for use in (lambda y: None, lambda y: y.backward(), lambda y: y.backward(retain_graph=True)):
            x = leaf([0.3, 0.7])
            h = x * 2.0
            kept = tg.ones(2, dtype=np.float64)
            y = checkpoint(lambda t, c: checkpoint(tg.tanh, t * c).exp(), h, kept)
            h += y  # `h` and `kept` are younger than the checkpoint now
            kept += y
            loss = (h * kept).sum()
            died = [weakref.ref(t) for t in (x, h, y, kept, loss)]
            use(loss)
            del x, h, y, kept, loss
            assert [r() for r in died] == [None] * 5
    finally:
        gc.enable()


# Memory


@pytest.mark.parametrize("depth", [40])
def test_the_memory_of_a_deep_network(depth, capsys):
    """The peak of a training step, as NumPy and Python tell it to tracemalloc, without and with checkpoints."""
    tg.manual_seed(0)
    layers = [nn.Conv2d(3, 16, 3, padding=1)]
    for _ in range(depth - 1):
        layers += [nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1)]
    net, x = nn.Sequential(*layers), tg.randn(16, 3, 32, 32)

    def step(segments):
        out = checkpoint_sequential(net, segments, x) if segments else net(x)
        (out * out).mean().backward()
        found = [p.grad.data for p in net.parameters()]
        for p in net.parameters():
            p.grad = None
        return found

    peaks, gradients = {}, {}
    for segments in (0, 8):
        tg.empty_cache()  # blocks that are kept for later count as allocated
        tracemalloc.start()
        try:
            gradients[segments] = step(segments)
            peaks[segments] = tracemalloc.get_traced_memory()[1] / 1e6
        finally:
            tracemalloc.stop()
    with capsys.disabled():
        print(
            f"\n{depth} convolutions of 16 channels, batch 16, 32x32: {peaks[0]:.0f} MB at the peak of a step, "
            f"{peaks[8]:.0f} MB in 8 segments"
        )
    assert all(np.array_equal(a, b) for a, b in zip(gradients[0], gradients[8], strict=True))
    assert peaks[8] < peaks[0] / 2.8
