"""Optimisers: their steps, what they refuse, groups, and going on from a saved state."""

import copy
import gc
import math
import pickle
import re
import tracemalloc

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn.optim import SGD, Adam, AdamW, RMSprop
from nn.optim.pieces import PIECE
from tests.parity import tally

# Every setting that changes the arithmetic, alone and together.
SETTINGS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("Adam", {}),
    ("Adam", {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-5}),
    ("Adam", {"lr": 0.02, "betas": (0.3, 0.5), "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.02}),
    ("AdamW", {"lr": 0.02, "weight_decay": 0.3}),
    ("Adam", {"lr": 0.02, "betas": (0.8, 0.5), "amsgrad": True}),
    ("AdamW", {"lr": 0.02, "betas": (0.8, 0.5), "amsgrad": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.02, "alpha": 0.9, "eps": 1e-5, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.003, "momentum": 0.9}),
    ("RMSprop", {"lr": 0.01, "alpha": 0.3, "eps": 0.1, "centered": True}),
    ("RMSprop", {"lr": 0.003, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1, "momentum": 0.5, "centered": True}),
]
IDS = [f"{name} {' '.join(f'{k}={v}' for k, v in settings.items())}" for name, settings in SETTINGS]


def make(kind, **settings):
    rng = np.random.default_rng(0)
    params = [nn.Parameter(rng.standard_normal(shape).astype(np.float32)) for shape in [(3, 4), (4,), ()]]
    return params, getattr(nn.optim, kind)(params, **settings)


def take_step(params, opt, number):
    """One step on a loss that is not quadratic, with data that differs from step to step."""
    rng = np.random.default_rng(number)
    x = tg.tensor(rng.standard_normal((5, 3)).astype(np.float32))
    opt.zero_grad()
    loss = tg.tanh(x @ params[0] + params[1] * params[2]).sum() + (params[0] * params[0]).sum() * 0.1
    loss.backward()
    opt.step()
    return loss.item()


# Steps


def reference(
    kind, p, g, state, lr=None, momentum=0, dampening=0, nesterov=False, betas=(0.9, 0.999), eps=1e-8, **rest
):
    """The formulas of the papers on one float64 number, written without looking at the code under test."""
    lr = {"RMSprop": 1e-2}.get(kind, 1e-3) if lr is None else lr
    decay = rest.get("weight_decay", 0.01 if kind == "AdamW" else 0)
    state["t"] = t = state.get("t", 0) + 1
    if kind == "AdamW":
        p = p - lr * decay * p
    else:
        g = g + decay * p
    if kind == "SGD":
        if not momentum:
            return p - lr * g
        state["v"] = momentum * state["v"] + (1 - dampening) * g if "v" in state else g
        return p - lr * (g + momentum * state["v"] if nesterov else state["v"])
    if kind == "RMSprop":
        alpha = rest.get("alpha", 0.99)
        state["v"] = alpha * state.get("v", 0) + (1 - alpha) * g**2
        variance = state["v"]
        if rest.get("centered"):
            state["m"] = alpha * state.get("m", 0) + (1 - alpha) * g
            variance = variance - state["m"] ** 2
        step = g / (math.sqrt(variance) + eps)
        if momentum:
            step = state["b"] = momentum * state.get("b", 0) + step
        return p - lr * step
    state["m"] = betas[0] * state.get("m", 0) + (1 - betas[0]) * g
    v = state["v"] = betas[1] * state.get("v", 0) + (1 - betas[1]) * g**2
    if rest.get("amsgrad"):
        v = state["top"] = max(v, state.get("top", 0))
    return p - lr * (state["m"] / (1 - betas[0] ** t)) / (math.sqrt(v / (1 - betas[1] ** t)) + eps)


@pytest.mark.parametrize("kind, settings", SETTINGS, ids=IDS)
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_steps_follow_the_published_formulas(kind, settings, dtype, tolerance):
    p = nn.Parameter(np.array([1.5], dtype))
    opt = getattr(nn.optim, kind)([p], **settings)
    expected, state = 1.5, {}
    for number in range(30):
        gradient = math.cos(number) * 2 + expected
        p.grad = tg.tensor(np.array([gradient], dtype))
        opt.step()
        expected = reference(kind, expected, gradient, state, **settings)
        assert p.item() == pytest.approx(expected, rel=tolerance, abs=tolerance)
    assert p.dtype == dtype


@pytest.mark.parity
@pytest.mark.parametrize("kind, settings", SETTINGS, ids=IDS)
def test_fifty_steps_are_pytorchs_to_rounding(kind, settings):
    torch = pytest.importorskip("torch")
    params, opt = make(kind, **settings)
    twins = [torch.nn.Parameter(torch.tensor(p.data)) for p in params]
    other = getattr(torch.optim, kind)(twins, **settings)
    for number in range(50):
        take_step(params, opt, number)
        x = torch.tensor(np.random.default_rng(number).standard_normal((5, 3)).astype(np.float32))
        other.zero_grad()
        (torch.tanh(x @ twins[0] + twins[1] * twins[2]).sum() + (twins[0] * twins[0]).sum() * 0.1).backward()
        other.step()
        for p, q in zip(params, twins, strict=True):
            np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=2e-5, atol=2e-6, err_msg=f"step {number}")
    tally.count("trajectories")


def test_centred_rmsprop_stays_finite_when_the_gradient_stays_the_same():
    p = nn.Parameter(np.linspace(0.1, 7, 50, dtype=np.float32))
    opt = RMSprop([p], alpha=0.5, centered=True)
    p.grad = p.detach().clone()
    for _ in range(100):
        opt.step()
    assert np.isfinite(p.data).all()


@pytest.mark.parametrize("kind, settings", SETTINGS, ids=IDS)
def test_steps_lead_downhill(kind, settings):
    params, opt = make(kind, **settings)
    losses = [take_step(params, opt, 0) for _ in range(20)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_maximize_goes_the_other_way_and_leaves_the_gradient(kind):
    up, down = nn.Parameter([1.0, -2.0]), nn.Parameter([-1.0, 2.0])
    for p, sign in ((up, 1), (down, -1)):
        opt = getattr(nn.optim, kind)([p], lr=0.1, weight_decay=0.1, maximize=sign == 1)
        p.grad = tg.tensor([3.0, 4.0])
        opt.step()
        assert p.grad.tolist() == [3, 4]
    assert up.tolist() == [-value for value in down.tolist()]
    assert up.tolist()[0] > 1


@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_steps_keep_memory_dtype_and_gradient(kind):
    p = nn.Parameter([1.0, 2.0])
    opt = getattr(nn.optim, kind)([p], lr=np.float64(0.1), weight_decay=np.float64(0.1))
    memory = p.data
    p.grad = tg.tensor([1.0, 1.0])
    opt.step()
    assert p.data is memory
    assert p.dtype == np.float32
    assert p.grad.tolist() == [1, 1]
    assert p.requires_grad
    assert all(value.dtype == np.float32 for value in opt.state[p].values() if isinstance(value, np.ndarray))


# One value, pieces with a rest, rows of which few make a piece, one long row, and none at all.
SHAPES = [(), (1,), (2 * PIECE + 5,), (3, PIECE // 2 + 1), (PIECE, 3), (1, PIECE + 1), (0, 3)]


@pytest.mark.parametrize("kind, settings", SETTINGS, ids=IDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pieces_step_as_the_whole_bit_for_bit(kind, settings, dtype, monkeypatch):
    rng = np.random.default_rng(0)
    values = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
    gradients = [[rng.standard_normal(shape).astype(dtype) for shape in SHAPES] for _ in range(3)]

    def trained(lay):
        params = [nn.Parameter(value) for value in values]
        opt = getattr(nn.optim, kind)(params, **settings)
        for step in gradients:
            for p, g in zip(params, step, strict=True):
                p.grad = tg.from_numpy(lay(g))
            opt.step()
        return [p.data for p in params] + [v for p in params for v in opt.state[p].values()]

    in_pieces, other_order = trained(lambda g: g), trained(lambda g: np.array(g, order="F"))
    monkeypatch.setattr("nn.optim.pieces.PIECE", 1 << 40)
    for whole, *others in zip(trained(lambda g: g), in_pieces, other_order, strict=True):
        for other in others:
            np.testing.assert_array_equal(whole, other)


@pytest.mark.parametrize("kind, settings", SETTINGS, ids=IDS)
def test_a_step_takes_room_for_a_piece_only(kind, settings):
    p = nn.Parameter(np.ones(64 * PIECE, np.float32))
    opt = getattr(nn.optim, kind)([p], **settings)
    p.grad = tg.ones(p.shape)
    opt.step()
    tracemalloc.start()
    try:
        opt.step()
        assert tracemalloc.get_traced_memory()[1] < 5 * PIECE * p.data.itemsize
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind, settings", [("SGD", {"lr": 0.1, "momentum": 0.9}), ("SGD", {"lr": 0.1}), ("Adam", {})])
def test_a_step_between_forward_and_backward_is_noticed(kind, settings):  # T11
    layer = nn.Linear(2, 2)
    opt = getattr(nn.optim, kind)(layer.parameters(), **settings)
    layer(tg.ones(1, 2)).sum().backward()
    x = tg.ones(1, 2, requires_grad=True)
    late = layer(x).sum()
    opt.step()
    with pytest.raises(tg.GradientError, match=r"linear: its weight, .* was changed in place"):
        late.backward()


def test_parameters_without_a_gradient_and_frozen_ones_are_passed_over():  # T46
    used, unused, frozen = (nn.Parameter([1.0]) for _ in range(3))
    opt = SGD([used, unused, frozen], lr=1, momentum=0.5, weight_decay=0.5)
    (used * frozen).sum().backward()
    frozen.requires_grad_(False)
    opt.step()
    assert (used.item(), unused.item(), frozen.item()) == (-0.5, 1, 1)
    assert list(opt.state) == [used]


def test_a_closure_is_evaluated_with_gradients():
    p = nn.Parameter([2.0])
    opt = SGD([p], lr=0.25)

    def closure():
        opt.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with tg.no_grad():
        assert opt.step(closure).item() == 4
    assert p.item() == 1
    assert opt.step() is None


def test_gradients_are_dropped_or_zeroed():
    params, opt = make("SGD", lr=0.1)
    take_step(params, opt, 0)
    opt.zero_grad(set_to_none=False)
    assert params[1].grad.tolist() == [0, 0, 0, 0]
    opt.zero_grad()
    assert params[1].grad is None


def train(seed, steps):
    """Train a small network with every kind of layer on eight images; the losses, and the weights as bytes."""
    tg.manual_seed(seed)
    net = nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Dropout(0.1), nn.Linear(36, 8)),
    )
    opt = Adam(net.parameters(), lr=0.01)
    schedule = nn.schedule.OneCycleLR(opt, 0.03, steps)
    images, labels = np.random.default_rng(0).standard_normal((8, 1, 6, 6)).astype(np.float32), np.arange(8)
    losses = []
    for _ in range(steps):
        loss = nn.CrossEntropyLoss()(net(images), labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
        schedule.step()
        losses.append(loss.item())
    return losses, b"".join(tensor.data.tobytes() for tensor in net.state_dict().values())


def test_a_network_learns_and_repeats_bit_for_bit():
    losses, weights = train(0, 40)
    assert losses[-1] < 0.1 < 1.5 < losses[0]
    assert train(0, 40) == (losses, weights)
    assert train(1, 40)[1] != weights


def test_training_leaves_no_cycles():
    def alive():
        return sum(issubclass(type(item), tg.Tensor) for item in gc.get_objects())

    train(0, 2)
    gc.collect()
    before = alive()
    gc.disable()
    try:
        train(0, 20)
        assert alive() == before
    finally:
        gc.enable()


# Groups


def test_groups_have_settings_of_their_own():
    slow, fast = nn.Parameter([0.0]), nn.Parameter([0.0])
    opt = SGD([{"params": [slow]}, {"params": fast, "lr": 1}], lr=0.1)
    for p in (slow, fast):
        p.grad = tg.tensor([1.0])
    opt.step()
    assert (slow.item(), fast.item()) == (pytest.approx(-0.1), -1)
    opt.param_groups[0]["lr"] = 2
    opt.step()
    assert slow.item() == pytest.approx(-2.1)
    late = nn.Parameter([0.0])
    opt.add_param_group({"params": [late], "momentum": 0.9})
    assert [len(group["params"]) for group in opt.param_groups] == [1, 1, 1]
    assert opt.param_groups[2]["lr"] == 0.1
    assert repr(opt) == (
        "SGD(\n"
        "  (0): 1 parameters, lr=2, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False, maximize=False\n"
        "  (1): 1 parameters, lr=1, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False, maximize=False\n"
        "  (2): 1 parameters, lr=0.1, momentum=0.9, dampening=0.0, weight_decay=0.0, nesterov=False, maximize=False\n"
        ")"
    )


def in_turns(kind, settings, opt):
    """(number of a step, the settings from it on): the defaults, others, the defaults, and the others once more."""
    for number in range(24):
        now = settings if number // 6 % 2 else {}
        opt.param_groups[0].update({**opt.defaults, **now})
        yield number, now


def small_gradient(number, value):
    """Of about 0.02, so that a buffer that starts elsewhere than at 0 shows, also in the mean of squares."""
    return 0.01 * (2 * np.cos(number + np.arange(value.size)).reshape(value.shape) + value)


@pytest.mark.parametrize("kind, settings", SETTINGS, ids=IDS)
def test_settings_changed_between_steps_hold_from_then_on(kind, settings):
    p = nn.Parameter(np.array(1.5))
    opt = getattr(nn.optim, kind)([p])
    expected, state = 1.5, {}
    for number, now in in_turns(kind, settings, opt):
        gradient = float(small_gradient(number, np.array(expected)))
        p.grad = tg.tensor(np.array(gradient))
        opt.step()
        expected = reference(kind, expected, gradient, state, **now)
        assert p.item() == pytest.approx(expected, rel=1e-12, abs=1e-12), f"step {number}"


@pytest.mark.parity
@pytest.mark.parametrize("kind, settings", SETTINGS, ids=IDS)
def test_settings_changed_between_steps_hold_as_in_pytorch(kind, settings):
    """Where PyTorch has no buffer for a setting that comes late, it is given zeros, as if it had come at the start."""
    torch = pytest.importorskip("torch")
    late = ("momentum_buffer", "grad_avg", "max_exp_avg_sq") if kind != "SGD" else ()
    p, twin = nn.Parameter(np.linspace(-1, 2, 5)), torch.nn.Parameter(torch.linspace(-1, 2, 5, dtype=torch.float64))
    opt, other = getattr(nn.optim, kind)([p]), getattr(torch.optim, kind)([twin])
    usual = {key: other.defaults[key] for key in opt.defaults}
    other.param_groups[0].update(lr=opt.defaults["lr"])
    for number, now in in_turns(kind, settings, opt):
        other.param_groups[0].update({**usual, "lr": opt.defaults["lr"], **now})
        if number:
            for key in late:
                other.state[twin].setdefault(key, torch.zeros_like(twin))
        gradient = small_gradient(number, p.data)
        p.grad, twin.grad = tg.tensor(gradient), torch.tensor(gradient)
        opt.step()
        other.step()
        np.testing.assert_allclose(p.data, twin.detach().numpy(), rtol=1e-12, atol=1e-13, err_msg=f"step {number}")
    tally.count("trajectories")


P = nn.Parameter([1.0])


@pytest.mark.parametrize(
    "create, error, text",
    [
        (lambda: SGD([], lr=0.1), tg.ShapeError, "SGD: there is no parameter to optimise: params is empty"),
        (lambda: Adam(P), tg.DTypeError, "Adam: params must be an iterable of tensors or groups, got one Parameter"),
        (lambda: Adam({"params": [P]}), tg.DTypeError, "got one dict"),
        (lambda: Adam([P, 3]), tg.DTypeError, "Adam: parameter 1 is a int, expected a Tensor"),
        (lambda: Adam([{"params": [P]}, [P]]), tg.DTypeError, "Adam: a group must be a dict with 'params', got list"),
        (lambda: SGD([P * 2]), tg.GradientError, "SGD: parameter 0 is the result of mul; only leaves"),
        (lambda: SGD([P, P]), tg.ShapeError, "SGD: parameter 1 is parameter 0 once more"),
        (lambda: SGD([{"params": [P]}, {"params": [P]}]), tg.ShapeError, "SGD: parameter 1 is parameter 0 once more"),
        (lambda: SGD([P], lr=-0.1), tg.ShapeError, "SGD: lr must be a number that is not negative, got -0.1"),
        (lambda: SGD([P], lr=math.nan), tg.ShapeError, "SGD: lr must be a number that is not negative, got nan"),
        (lambda: SGD([P], momentum=-1), tg.ShapeError, "SGD: momentum must be a number that is not negative, got -1"),
        (lambda: SGD([P], weight_decay=-1), tg.ShapeError, "SGD: weight_decay must be a number that is not negative"),
        (
            lambda: SGD([P], nesterov=True),
            tg.ShapeError,
            "SGD: nesterov needs a momentum above 0 and no dampening, got",
        ),
        (lambda: Adam([P], eps=-1), tg.ShapeError, "Adam: eps must be a number that is not negative, got -1"),
        (lambda: RMSprop([P], alpha=-1), tg.ShapeError, "RMSprop: alpha must be a number that is not negative, got -1"),
        (lambda: Adam([P], betas=(0.9, 1)), tg.ShapeError, "Adam: betas[1] must be at least 0 and below 1, got 1"),
        (lambda: Adam([P], betas=(0.9,)), tg.ShapeError, "Adam: betas must be two numbers, got (0.9,)"),
        (lambda: Adam([P], betas=0.9), tg.ShapeError, "Adam: betas must be two numbers, got 0.9"),
        (lambda: Adam([P], betas=None), tg.ShapeError, "Adam: betas must be two numbers, got None"),
        (lambda: Adam([P], betas="ab"), tg.ShapeError, "Adam: betas must be two numbers, got 'ab'"),
        (lambda: Adam([P], betas=("a", 0.9)), tg.ShapeError, "Adam: betas[0] must be at least 0 and below 1, got 'a'"),
        (lambda: Adam([P], lr="x"), tg.ShapeError, "Adam: lr must be a number that is not negative, got 'x'"),
        (lambda: SGD([P], lr=None), tg.ShapeError, "SGD: lr must be a number that is not negative, got None"),
        (lambda: SGD([P], lr=True), tg.ShapeError, "SGD: lr must be a number that is not negative, got True"),
        (lambda: SGD([P], dampening="x"), tg.ShapeError, "SGD: dampening must be a number, got 'x'"),
        (lambda: SGD([P], momentum=[1]), tg.ShapeError, "SGD: momentum must be a number that is not negative, got [1]"),
        (lambda: RMSprop([P], alpha=None), tg.ShapeError, "RMSprop: alpha must be a number that is not negative, got"),
        (
            lambda: SGD([{"params": [P], "lr": -1}]),
            tg.ShapeError,
            "SGD: lr must be a number that is not negative, got -1",
        ),
        (lambda: nn.optim.Optimizer([P], {}), NotImplementedError, "Optimizer: has no _update method"),
    ],
)
def test_wrong_arguments_are_refused(create, error, text):
    P.grad = tg.tensor([1.0])
    with pytest.raises(error, match=re.escape(text)):
        create().step()


# State


@pytest.mark.parametrize("kind, settings", SETTINGS, ids=IDS)
@pytest.mark.parametrize("at", [0, 1, 4])
@pytest.mark.parametrize("through", [lambda state: state, lambda state: pickle.loads(pickle.dumps(state))])
def test_a_resumed_run_is_bit_equal(kind, settings, at, through):  # T46
    params, opt = make(kind, **settings)
    frozen = nn.Parameter([1.0], requires_grad=False)
    opt.add_param_group({"params": [frozen], "lr": 0.5})
    for number in range(at):
        take_step(params, opt, number)
    weights, state = [p.data.copy() for p in params], through(opt.state_dict())
    straight = [take_step(params, opt, number) for number in range(at, at + 5)]

    twins = [nn.Parameter(array) for array in weights]
    other = getattr(nn.optim, kind)([{"params": twins, "lr": 9.0}, {"params": [nn.Parameter([1.0])]}])
    other.load_state_dict(state)
    assert [take_step(twins, other, number) for number in range(at, at + 5)] == straight
    for p, q in zip(params, twins, strict=True):
        assert p.data.tobytes() == q.data.tobytes()
    assert other.param_groups[1]["lr"] == 0.5


def test_the_state_has_pytorchs_layout():
    params, opt = make("Adam")
    assert opt.state_dict()["state"] == {}
    take_step(params, opt, 0)
    state = opt.state_dict()
    assert list(state["state"]) == [0, 1, 2]
    assert list(state["state"][0]) == ["step", "exp_avg", "exp_avg_sq"]
    settings = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0}
    settings |= {"amsgrad": False, "maximize": False}
    assert state["param_groups"] == [{**settings, "params": [0, 1, 2]}]


def test_the_state_is_a_snapshot_and_may_be_loaded_more_than_once():
    params, opt = make("SGD", lr=0.1, momentum=0.9)
    take_step(params, opt, 0)
    state = opt.state_dict()
    kept = copy.deepcopy(state)
    for _ in range(2):
        opt.load_state_dict(state)
        take_step(params, opt, 1)
    for number in range(3):
        assert (state["state"][number]["momentum_buffer"] == kept["state"][number]["momentum_buffer"]).all()


def test_a_state_that_does_not_fit_is_refused_whole():
    params, opt = make("Adam")
    take_step(params, opt, 0)
    before = opt.state_dict()
    state = copy.deepcopy(before)
    state["state"][1]["exp_avg"] = np.zeros((7,), np.float32)
    state["param_groups"][0]["lr"] = 5
    text = "Adam: exp_avg of parameter 1 has shape (7,) in the state, the parameter (4,)"
    with pytest.raises(nn.StateError, match=re.escape(text)):
        opt.load_state_dict(state)
    assert opt.param_groups[0]["lr"] == 1e-3
    assert (opt.state[params[0]]["exp_avg"] == before["state"][0]["exp_avg"]).all()
    with pytest.raises(nn.StateError, match="Adam: group 0 of the state has 3 parameters, the optimiser's 2"):
        Adam(params[:2]).load_state_dict(before)
    with pytest.raises(nn.StateError, match="Adam: the state has 1 groups, the optimiser 2"):
        Adam([{"params": params[:2]}, {"params": params[2:]}]).load_state_dict(before)
    with pytest.raises(nn.StateError, match="Adam: the state remembers a parameter 9, which is in no group"):
        opt.load_state_dict({**before, "state": {9: {}}})


OTHERS = [
    ("SGD", "Adam", "'momentum', 'dampening', 'nesterov', which Adam does not have"),
    ("SGD", "AdamW", "'momentum', 'dampening', 'nesterov', which AdamW does not have"),
    ("SGD", "RMSprop", "'dampening', 'nesterov', which RMSprop does not have"),
    ("Adam", "SGD", "'betas', 'eps', 'amsgrad', which SGD does not have"),
    ("Adam", "RMSprop", "'betas', 'amsgrad', which RMSprop does not have"),
    ("AdamW", "SGD", "'betas', 'eps', 'amsgrad', which SGD does not have"),
    ("AdamW", "RMSprop", "'betas', 'amsgrad', which RMSprop does not have"),
    ("RMSprop", "SGD", "'alpha', 'eps', 'centered', which SGD does not have"),
    ("RMSprop", "Adam", "'alpha', 'momentum', 'centered', which Adam does not have"),
    ("RMSprop", "AdamW", "'alpha', 'momentum', 'centered', which AdamW does not have"),
]


@pytest.mark.parametrize("steps", [0, 1])
@pytest.mark.parametrize("kind, other, text", OTHERS)
def test_the_state_of_another_optimiser_is_refused_whole(kind, other, text, steps):
    params, opt = make(kind, lr=5)
    twins, taker = make(other)
    for number in range(steps):
        take_step(params, opt, number)
        take_step(twins, taker, number)
    before = repr(taker.state_dict())
    with pytest.raises(nn.StateError, match=re.escape(f"{other}: group 0 of the state has {text}")):
        taker.load_state_dict(opt.state_dict())
    assert repr(taker.state_dict()) == before
    take_step(twins, taker, 1)


def test_adam_and_adamw_take_each_others_state():
    params, opt = make("Adam", lr=0.5)
    take_step(params, opt, 0)
    _, taker = make("AdamW")
    taker.load_state_dict(opt.state_dict())
    assert repr(taker.state_dict()) == repr(opt.state_dict())


def without(key):
    return lambda state: state["param_groups"][0].pop(key)


def setting(key, value):
    return lambda state: state["param_groups"][0].update({key: value})


def remembering(key, value):
    return lambda state: state["state"][1].update({key: value})


@pytest.mark.parametrize(
    "kind, change, text",
    [
        ("Adam", without("betas"), "group 0 of the state has no 'betas'"),
        ("SGD", without("maximize"), "group 0 of the state has no 'maximize'"),
        ("SGD", setting("fancy", 1), "group 0 of the state has 'fancy', which SGD does not have"),
        ("SGD", setting("lr", "x"), "group 0 of the state: lr must be a number that is not negative, got 'x'"),
        ("SGD", setting("nesterov", True), "group 0 of the state: nesterov needs a momentum above 0 and no dampening"),
        ("Adam", setting("betas", ("a", 0.9)), "group 0 of the state: betas[0] must be at least 0 and below 1, got"),
        ("Adam", setting("params", None), "group 0 of the state: 'params' must be a list of numbers, got None"),
        ("Adam", setting("params", [0, 1, 1]), "the groups of the state name a parameter twice: [0, 1, 1]"),
        ("Adam", setting("params", ["a", "b", "c"]), "group 0 of the state: 'params' must be a list of numbers, got"),
        ("AdamW", setting("decoupled_weight_decay", False), "whose weight decay works in another way"),
        ("Adam", remembering("exp_avg", 0.5), "exp_avg of parameter 1 must be an array, got 0.5"),
        ("Adam", remembering("exp_avg", [0] * 4), "exp_avg of parameter 1 must be an array, got [0, 0, 0, 0]"),
        ("Adam", remembering("exp_avg", None), "exp_avg of parameter 1 must be an array, got None"),
        ("Adam", remembering("exp_avg", np.array(0.5)), "exp_avg of parameter 1 has shape () in the state, the param"),
        ("Adam", remembering("exp_avg", np.float64(0.5)), "exp_avg of parameter 1 has shape () in the state, the"),
        ("Adam", remembering("exp_avg_sq", np.zeros(4, int)), "exp_avg_sq of parameter 1 has dtype int64 in the state"),
        ("Adam", remembering("max_exp_avg_sq", np.zeros(4, bool)), "max_exp_avg_sq of parameter 1 has dtype bool in"),
        ("Adam", remembering("step", -1), "step of parameter 1 must be a whole number that is not negative, got -1"),
        ("Adam", remembering("step", 1.5), "step of parameter 1 must be a whole number that is not negative, got 1.5"),
        ("Adam", remembering("step", math.inf), "step of parameter 1 must be a whole number that is not negative, got"),
        ("Adam", remembering("step", "2"), "step of parameter 1 must be a whole number that is not negative, got '2'"),
        ("Adam", remembering("step", None), "step of parameter 1 must be a whole number that is not negative, got No"),
        ("Adam", remembering("step", np.ones(2)), "step of parameter 1 must be a whole number that is not negative"),
        ("RMSprop", remembering("momentum_buffer", 0.5), "momentum_buffer of parameter 1 must be an array, got 0.5"),
        ("RMSprop", remembering("grad_avg", [0]), "grad_avg of parameter 1 must be an array, got [0]"),
        ("Adam", lambda state: state["state"].update({1: None}), "the state of parameter 1 must be a dict, got None"),
        ("Adam", lambda state: state.update(state=None), "the state of the parameters must be a dict, got NoneType"),
        ("Adam", lambda state: state.update(param_groups=None), "param_groups of the state must be a list, got None"),
        ("Adam", lambda state: state.update(param_groups=[3]), "group 0 of the state must be a dict, got int"),
    ],
)
def test_a_state_of_another_kind_is_refused_whole(kind, change, text):
    params, opt = make(kind)
    take_step(params, opt, 0)
    before = repr(opt.state_dict())
    state = opt.state_dict()
    state["param_groups"][0]["lr"] = 9.0
    change(state)
    with pytest.raises(nn.StateError, match=re.escape(text)) as error:
        opt.load_state_dict(state)
    assert str(error.value).startswith(f"{kind}: ")
    assert repr(opt.state_dict()) == before


def test_no_state_at_all_is_refused():
    with pytest.raises(nn.StateError, match="SGD: the state must be a dict, got NoneType"):
        SGD([P]).load_state_dict(None)


def test_buffers_are_cast_to_the_dtype_of_the_parameter_and_copied():
    params, opt = make("Adam")
    take_step(params, opt, 0)
    state = opt.state_dict()
    state["state"][0].update(exp_avg=np.full((3, 4), 0.1), exp_avg_sq=tg.full((3, 4), 0.2), step=np.float32(3))
    opt.load_state_dict(state)
    held = opt.state[params[0]]
    assert held["exp_avg"].dtype == held["exp_avg_sq"].dtype == np.float32
    assert held["exp_avg_sq"] is not state["state"][0]["exp_avg_sq"].data
    assert type(held["step"]) is int
    assert held["step"] == 3
    take_step(params, opt, 1)
    assert params[0].dtype == np.float32


def test_an_optimiser_of_ones_own_remembers_what_it_likes():
    class Own(nn.optim.Optimizer):
        def _update(self, parameter, gradient, group, state):
            state.update(count=state.get("count", 0.0) + 0.5, told="yes", velocity=gradient.copy())

    p = nn.Parameter([1.0, 2.0])
    p.grad = tg.ones(2)
    opt = Own([p], {"lr": 1.0})
    opt.step()
    other = Own([nn.Parameter([1.0, 2.0])], {"lr": 1.0})
    other.load_state_dict(opt.state_dict())
    assert repr(other.state_dict()) == repr(opt.state_dict())


@pytest.mark.parity
@pytest.mark.parametrize("kind, settings", SETTINGS, ids=IDS)
def test_pytorchs_state_is_taken_and_gone_on_from(kind, settings):
    torch = pytest.importorskip("torch")
    twins = [torch.nn.Parameter(torch.tensor(p.data, dtype=torch.float64)) for p in make(kind)[0]]
    other = getattr(torch.optim, kind)(twins, **settings)
    torch.optim.lr_scheduler.OneCycleLR(other, 0.1, 100, cycle_momentum=False)  # which notes its rates in the groups

    def gradients(number):
        return [small_gradient(number, twin.detach().numpy()) for twin in twins]

    for number in range(4):
        for twin, gradient in zip(twins, gradients(number), strict=True):
            twin.grad = torch.tensor(gradient)
        other.step()
    params = [nn.Parameter(twin.detach().numpy()) for twin in twins]
    opt = getattr(nn.optim, kind)(params)
    opt.load_state_dict(other.state_dict())
    for number in range(4, 8):
        for p, twin, gradient in zip(params, twins, gradients(number), strict=True):
            p.grad, twin.grad = tg.tensor(gradient), torch.tensor(gradient)
        opt.step()
        other.step()
        for p, twin in zip(params, twins, strict=True):
            np.testing.assert_allclose(p.data, twin.detach().numpy(), rtol=1e-12, atol=1e-13, err_msg=f"step {number}")
    tally.count("states")


def test_a_state_that_lacks_parts_is_refused():
    params, opt = make("Adam")
    take_step(params, opt, 0)
    state = opt.state_dict()
    for given, text in [
        ({}, "Adam: the state has no 'state', 'param_groups'"),
        ({"state": {}}, "Adam: the state has no 'param_groups'"),
        ({"state": {}, "param_groups": [{"lr": 5}]}, "Adam: group 0 of the state has no 'params'"),
    ]:
        with pytest.raises(nn.StateError, match=re.escape(text)):
            opt.load_state_dict(given)
    assert repr(opt.state_dict()) == repr(state)


def test_model_and_optimiser_are_copied_together():
    params, opt = make("AdamW")
    take_step(params, opt, 0)
    twins, other = copy.deepcopy((params, opt))
    assert take_step(twins, other, 1) == take_step(params, opt, 1)
    assert all((p.data == q.data).all() and p is not q for p, q in zip(params, twins, strict=True))


def test_adamw_is_adam_with_decay_apart():
    assert issubclass(AdamW, Adam)
    assert AdamW([P]).defaults["weight_decay"] == 0.01
