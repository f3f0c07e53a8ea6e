"""Learning-rate schedules."""

import itertools
import json
import math
import re

import pytest

import nn
import tensorgrad as tg
from nn.optim import SGD, Adam
from nn.schedule import (
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from tests.parity import tally


def make(kind=Adam, groups=1, **settings):
    return kind([{"params": [nn.Parameter([1.0])]} for _ in range(groups)], **settings)


def test_one_cycle_goes_up_and_down():
    opt = make()
    schedule = OneCycleLR(opt, max_lr=0.1, total_steps=100)
    rates, betas = [opt.param_groups[0]["lr"]], [opt.param_groups[0]["betas"]]
    for _ in range(99):
        schedule.step()
        assert schedule.get_last_lr() == [opt.param_groups[0]["lr"]]
        rates.append(opt.param_groups[0]["lr"])
        betas.append(opt.param_groups[0]["betas"])
    assert rates[0] == pytest.approx(0.1 / 25)
    assert rates[29] == pytest.approx(0.1)
    assert rates[99] == pytest.approx(0.1 / 25 / 1e4)
    assert rates[:30] == sorted(rates[:30])
    assert rates[29:] == sorted(rates[29:], reverse=True)
    assert betas[0] == (0.95, 0.999)
    assert betas[29] == (pytest.approx(0.85), 0.999)
    assert betas[99] == (pytest.approx(0.95), 0.999)


def test_the_momentum_of_sgd_is_cycled_or_left():
    opt = make(SGD, momentum=0.5)
    OneCycleLR(opt, 0.1, 10, cycle_momentum=False).step()
    assert opt.param_groups[0]["momentum"] == 0.5
    schedule = OneCycleLR(opt, 0.1, 10, base_momentum=0.7, max_momentum=0.8)
    assert opt.param_groups[0]["momentum"] == pytest.approx(0.8)
    schedule.step()
    schedule.step()
    assert opt.param_groups[0]["momentum"] == pytest.approx(0.7)


def test_each_group_has_its_own_peak():
    opt = make(groups=2)
    schedule = OneCycleLR(opt, [0.1, 1.0], epochs=2, steps_per_epoch=5, pct_start=0.5)
    for _ in range(4):
        schedule.step()
    assert schedule.get_last_lr() == pytest.approx([0.1, 1.0])
    assert schedule.base_lrs == pytest.approx([0.004, 0.04])


@pytest.mark.parity
@pytest.mark.parametrize(
    "total, pct, strategy, three, kind",
    list(itertools.product([1, 2, 7, 100], [0.0, 0.3, 0.5, 0.99], ["cos", "linear"], [False, True], ["Adam", "SGD"])),
)
def test_one_cycle_is_pytorchs(total, pct, strategy, three, kind):
    torch = pytest.importorskip("torch")
    settings = {"lr": 0.1} if kind == "Adam" else {"lr": 0.1, "momentum": 0.9}
    opt = make(getattr(nn.optim, kind), **settings)
    other = getattr(torch.optim, kind)([torch.nn.Parameter(torch.ones(1))], **settings)
    options = {"total_steps": total, "pct_start": pct, "anneal_strategy": strategy, "three_phase": three}
    options |= {"div_factor": 10.0, "final_div_factor": 100.0, "base_momentum": 0.8, "max_momentum": 0.9}
    try:
        theirs = torch.optim.lr_scheduler.OneCycleLR(other, 0.5, **options)
    except ZeroDivisionError:
        OneCycleLR(opt, 0.5, **options)  # a phase of no steps: PyTorch fails, here it is passed over
        tally.count("passed over")
        return
    ours = OneCycleLR(opt, 0.5, **options)
    for step in range(total + 1):
        group, twin = opt.param_groups[0], other.param_groups[0]
        for key in ("lr", "betas", "momentum"):
            if key in group:
                assert group[key] == pytest.approx(twin[key], rel=1e-12, abs=1e-15), (step, key)
        if step == total:
            break
        other.step()
        try:
            theirs.step()
        except ZeroDivisionError:
            break
        ours.step()
    tally.count("schedules")


@pytest.mark.parametrize("at", [0, 1, 13, 39])
@pytest.mark.parametrize("optimiser_first", [True, False])
def test_a_resumed_schedule_goes_on(at, optimiser_first):  # T46
    def run(schedule, opt, steps):
        for _ in range(steps):
            yield opt.param_groups[0]["lr"], opt.param_groups[0]["betas"]
            schedule.step()

    opt = make()
    schedule = OneCycleLR(opt, 0.1, 40)
    list(run(schedule, opt, at))
    state, opt_state = json.loads(json.dumps(schedule.state_dict())), opt.state_dict()
    straight = list(run(schedule, opt, 40 - at))
    twin = make(lr=7)
    if optimiser_first:
        twin.load_state_dict(opt_state)
    other = OneCycleLR(twin, 0.3, 77)
    other.load_state_dict(state)
    if not optimiser_first:
        twin.load_state_dict(opt_state)
    assert list(run(other, twin, 40 - at)) == straight
    assert other.last_epoch == 40


def test_a_state_of_another_schedule_is_refused():
    class Constant(LRScheduler):
        def get_lr(self):
            return self.base_lrs

    constant = Constant(make(lr=0.2))
    constant.step()
    assert constant.get_last_lr() == [0.2]
    assert constant.state_dict() == {"base_lrs": [0.2], "last_epoch": 1, "_last_lr": [0.2]}
    with pytest.raises(
        nn.StateError, match="OneCycleLR: the state holds _last_lr, base_lrs, last_epoch; this schedule"
    ):
        OneCycleLR(make(), 0.1, 10).load_state_dict(constant.state_dict())


def test_a_step_beyond_the_end_is_refused_and_changes_nothing():
    opt = make()
    schedule = OneCycleLR(opt, 0.1, 3)
    for _ in range(3):
        schedule.step()
    rate = opt.param_groups[0]["lr"]
    for _ in range(2):
        with pytest.raises(tg.ShapeError, match="OneCycleLR: step 4 of a schedule of 3 steps"):
            schedule.step()
    assert (opt.param_groups[0]["lr"], schedule.last_epoch) == (rate, 3)


@pytest.mark.parametrize(
    "create, error, text",
    [
        (
            lambda: OneCycleLR(make(), 0.1),
            tg.ShapeError,
            "OneCycleLR: the number of steps must be a positive int: give",
        ),
        (lambda: OneCycleLR(make(), 0.1, 0), tg.ShapeError, "got 0, None and None"),
        (lambda: OneCycleLR(make(), 0.1, epochs=3), tg.ShapeError, "got None, 3 and None"),
        (
            lambda: OneCycleLR(make(), 0.1, 9, pct_start=2),
            tg.ShapeError,
            "pct_start must be a share from 0 to 1, got 2",
        ),
        (
            lambda: OneCycleLR(make(), 0.1, 9, anneal_strategy="exp"),
            tg.ShapeError,
            "must be 'cos' or 'linear', got 'exp'",
        ),
        (lambda: OneCycleLR(make(), [0.1, 0.2], 9), tg.ShapeError, "max_lr has 2 values, the optimiser 1 groups"),
        (
            lambda: OneCycleLR(nn.Linear(1, 1), 0.1, 9),
            tg.DTypeError,
            "OneCycleLR: optimizer is a Linear, not an Optimizer",
        ),
        (lambda: LRScheduler(3), tg.DTypeError, "LRScheduler: optimizer is a int, not an Optimizer"),
        (lambda: LRScheduler(make()), NotImplementedError, "LRScheduler: has no get_lr method"),
    ],
)
def test_wrong_arguments_are_refused(create, error, text):
    with pytest.raises(error, match=re.escape(text)):
        create()


def test_an_optimiser_without_momentum_cannot_cycle_it():
    class Plain(nn.optim.Optimizer):
        pass

    opt = Plain([nn.Parameter([1.0])], {"lr": 0.1})
    with pytest.raises(tg.ShapeError, match="OneCycleLR: Plain has no momentum to cycle: pass cycle_momentum=False"):
        OneCycleLR(opt, 0.1, 9)
    OneCycleLR(opt, 0.1, 9, cycle_momentum=False).step()
    assert 0 < opt.param_groups[0]["lr"] < math.inf


# Schedules by formula


def half(step):
    return 1 / (1 + step / 2)


def warm_up(module, opt):
    """Warm-up, then a cosine, then steps: `module` is `nn.schedule` or `torch.optim.lr_scheduler`."""
    parts = [module.LinearLR(opt, 0.1, total_iters=4), module.CosineAnnealingLR(opt, 9, eta_min=0.01)]
    return module.SequentialLR(opt, [*parts, module.StepLR(opt, 3, 0.5)], milestones=[4, 15])


MAKERS = {
    "step": lambda m, opt: m.StepLR(opt, 3),
    "step, gamma": lambda m, opt: m.StepLR(opt, 1, gamma=0.9),
    "milestones": lambda m, opt: m.MultiStepLR(opt, [3, 10, 10, 30], 0.5),
    "exponential": lambda m, opt: m.ExponentialLR(opt, 0.9),
    "cosine": lambda m, opt: m.CosineAnnealingLR(opt, 50),
    "cosine, short": lambda m, opt: m.CosineAnnealingLR(opt, 7, eta_min=0.02),
    "cosine, one step": lambda m, opt: m.CosineAnnealingLR(opt, 1),
    "linear": lambda m, opt: m.LinearLR(opt),
    "linear, down": lambda m, opt: m.LinearLR(opt, 1.0, 0.25, total_iters=20),
    "lambda": lambda m, opt: m.LambdaLR(opt, half),
    "lambdas": lambda m, opt: m.LambdaLR(opt, [half, lambda step: 0.9**step]),
    "warm-up": warm_up,
    "from the start the second": lambda m, opt: m.SequentialLR(
        opt, [m.LinearLR(opt), m.ExponentialLR(opt, 0.9)], milestones=[0]
    ),
    "one-cycle last": lambda m, opt: m.SequentialLR(
        opt, [m.LinearLR(opt), m.OneCycleLR(opt, 0.3, 60, cycle_momentum=False)], milestones=[5]
    ),
}
makers = pytest.mark.parametrize("name", MAKERS)


def rates(opt):
    return [group["lr"] for group in opt.param_groups]


def two_groups(kind=Adam):
    return kind([{"params": [nn.Parameter([1.0])], "lr": lr} for lr in (0.1, 0.02)])


@pytest.mark.parity
@makers
@pytest.mark.filterwarnings("ignore:The epoch parameter:UserWarning")
def test_fifty_steps_of_schedules_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    opt = two_groups(SGD)
    other = torch.optim.SGD([{"params": [torch.nn.Parameter(torch.ones(1))], "lr": lr} for lr in (0.1, 0.02)])
    ours, theirs = MAKERS[name](nn.schedule, opt), MAKERS[name](torch.optim.lr_scheduler, other)
    for step in range(50):
        assert rates(opt) == pytest.approx(rates(other), rel=1e-9, abs=1e-12), step
        assert ours.get_last_lr() == pytest.approx(theirs.get_last_lr(), rel=1e-9, abs=1e-12)
        assert ours.last_epoch == theirs.last_epoch
        other.step()
        ours.step()
        theirs.step()
    tally.count("schedules")


@pytest.mark.parity
def test_two_schedules_at_once_are_pytorchs():
    torch = pytest.importorskip("torch")
    opt, other = make(SGD, lr=0.1), torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
    pairs = [
        (module.LinearLR(o, total_iters=6), module.ExponentialLR(o, 0.9))
        for module, o in ((nn.schedule, opt), (torch.optim.lr_scheduler, other))
    ]
    for _ in range(50):
        assert rates(opt) == pytest.approx(rates(other), rel=1e-12)
        other.step()
        for schedule in (*pairs[0], *pairs[1]):
            schedule.step()
    tally.count("schedules")


PLATEAUS = [
    {"patience": 2},
    {"mode": "max", "factor": 0.5, "patience": 1, "threshold": 0.1},
    {"patience": 0, "threshold_mode": "abs", "threshold": 0.05, "cooldown": 3, "min_lr": [0.01, 0.0001]},
    {"mode": "max", "threshold_mode": "abs", "patience": 3, "eps": 1e-3},
]


@pytest.mark.parity
@pytest.mark.parametrize("settings", PLATEAUS)
def test_fifty_steps_of_a_plateau_are_pytorchs(settings):
    torch = pytest.importorskip("torch")
    opt = two_groups(SGD)
    other = torch.optim.SGD([{"params": [torch.nn.Parameter(torch.ones(1))], "lr": lr} for lr in (0.1, 0.02)])
    ours, theirs = ReduceLROnPlateau(opt, **settings), torch.optim.lr_scheduler.ReduceLROnPlateau(other, **settings)
    for step in range(50):
        metric = math.cos(step / 5) / (1 + step / 20)
        ours.step(tg.tensor(metric))
        theirs.step(torch.tensor(metric))
        assert rates(opt) == pytest.approx(rates(other), rel=1e-12), step
        assert (ours.num_bad_epochs, ours.best) == (theirs.num_bad_epochs, pytest.approx(theirs.best))
    tally.count("schedules")


def test_steps_and_milestones():
    opt = make(lr=1.0)
    schedule = StepLR(opt, 2, gamma=0.5)
    seen = []
    for _ in range(5):
        seen += rates(opt)
        schedule.step()
    assert seen == [1, 1, 0.5, 0.5, 0.25]
    opt = make(lr=1.0)
    schedule = MultiStepLR(opt, [3, 1, 3], gamma=0.5)
    seen = []
    for _ in range(5):
        seen += rates(opt)
        schedule.step()
    assert seen == [1, 0.5, 0.5, 0.125, 0.125]


def test_warm_up_then_a_cosine():
    opt = make(lr=1.0)
    schedule = SequentialLR(opt, [LinearLR(opt, 0.25, total_iters=3), CosineAnnealingLR(opt, 4)], milestones=[3])
    seen = []
    for _ in range(8):
        seen += rates(opt)
        schedule.step()
    assert seen == pytest.approx([0.25, 0.5, 0.75, 1, math.cos(math.pi / 8) ** 2, 0.5, math.sin(math.pi / 8) ** 2, 0])


def test_a_rate_set_by_hand_stays():
    opt = make(lr=1.0)
    schedule = ExponentialLR(opt, 0.5)
    opt.param_groups[0]["lr"] = 8.0
    schedule.step()
    assert rates(opt) == [4]


@makers
@pytest.mark.parametrize("at", [0, 1, 4, 17])
def test_a_resumed_schedule_by_formula_goes_on(name, at):  # T46
    def run(schedule, opt, steps):
        for _ in range(steps):
            yield rates(opt)
            schedule.step()

    opt = two_groups()
    schedule = MAKERS[name](nn.schedule, opt)
    list(run(schedule, opt, at))
    state, opt_state = json.loads(json.dumps(schedule.state_dict())), opt.state_dict()
    straight = list(run(schedule, opt, 20))
    for optimiser_first in (True, False):
        twin = two_groups()
        if optimiser_first:
            twin.load_state_dict(opt_state)
        other = MAKERS[name](nn.schedule, twin)
        other.load_state_dict(state)
        if not optimiser_first:
            twin.load_state_dict(opt_state)
        assert list(run(other, twin, 20)) == straight


@pytest.mark.parametrize("settings", PLATEAUS)
def test_a_resumed_plateau_goes_on(settings):  # T46
    def run(schedule, opt, start):
        for step in range(start, start + 15):
            schedule.step(math.cos(step / 5))
            yield rates(opt)

    opt = two_groups()
    schedule = ReduceLROnPlateau(opt, **settings)
    list(run(schedule, opt, 0))
    state = json.loads(json.dumps(schedule.state_dict()))
    straight = list(run(schedule, opt, 15))
    twin = two_groups()
    other = ReduceLROnPlateau(twin, "min" if settings.get("mode") == "max" else "max")
    other.load_state_dict(state)
    assert list(run(other, twin, 15)) == straight


def test_what_a_callable_object_remembers_is_saved():
    class Counting:
        calls = 0

        def __call__(self, step):
            self.calls += 1
            return 1 / self.calls

    opt = make()
    schedule = LambdaLR(opt, Counting())
    schedule.step()
    twin = LambdaLR(make(), Counting())
    twin.load_state_dict(json.loads(json.dumps(schedule.state_dict())))
    schedule.step()
    twin.step()
    assert twin.get_last_lr() == schedule.get_last_lr() == pytest.approx([1e-3 / 3])
    assert LambdaLR(make(), half).state_dict()["lr_lambdas"] == [None]


OTHER = make()


@pytest.mark.parametrize(
    "create, error, text",
    [
        (lambda o: StepLR(o, 0), tg.ShapeError, "StepLR: step_size must be a positive int, got 0"),
        (
            lambda o: CosineAnnealingLR(o, 2.5),
            tg.ShapeError,
            "T_max must be a positive int, got 2.5",
        ),
        (lambda o: LinearLR(o, 0), tg.ShapeError, "LinearLR: start_factor must be above 0 and at most 1, got 0"),
        (lambda o: LinearLR(o, end_factor=2), tg.ShapeError, "LinearLR: end_factor must be from 0 to 1, got 2"),
        (lambda o: LinearLR(o, total_iters=0), tg.ShapeError, "LinearLR: total_iters must be a positive int, got 0"),
        (
            lambda o: LambdaLR(o, [half, half]),
            tg.ShapeError,
            "lr_lambda has 2 values, the optimiser 1 groups",
        ),
        (lambda o: LambdaLR(3, half), tg.DTypeError, "LambdaLR: optimizer is a int, not an Optimizer"),
        (lambda o: ReduceLROnPlateau(o, "up"), tg.ShapeError, "mode must be 'min' or 'max', got 'up'"),
        (lambda o: ReduceLROnPlateau(o, factor=1), tg.ShapeError, "factor must be below 1, got 1"),
        (lambda o: ReduceLROnPlateau(o, threshold_mode=""), tg.ShapeError, "must be 'rel' or 'abs', got ''"),
        (lambda o: ReduceLROnPlateau(o, min_lr=[0, 0]), tg.ShapeError, "min_lr has 2 values, the optimiser 1 groups"),
        (lambda o: SequentialLR(o, [StepLR(o, 1)], [3]), tg.ShapeError, "1 schedules have 0 milestones between them"),
        (
            lambda o: SequentialLR(o, [StepLR(o, 1)] * 3, [3, 2]),
            tg.ShapeError,
            "SequentialLR: milestones must rise, got [3, 2]",
        ),
        (
            lambda o: SequentialLR(o, [StepLR(OTHER, 1)], []),
            tg.ShapeError,
            "SequentialLR: schedule 0 is of another optimiser",
        ),
        (
            lambda o: SequentialLR(o, [ReduceLROnPlateau(o)], []),
            tg.DTypeError,
            "SequentialLR: schedule 0 is a ReduceLROnPlateau, which cannot be one of a sequence",
        ),
    ],
)
def test_wrong_arguments_of_schedules_by_formula_are_refused(create, error, text):
    with pytest.raises(error, match=re.escape(text)):
        create(make())


def test_a_failing_step_changes_nothing():
    def fail(step):
        return 1 / (2 - step)

    opt = make()
    schedule = SequentialLR(opt, [StepLR(opt, 1), LambdaLR(opt, fail)], milestones=[1])
    for _ in range(2):
        schedule.step()
    before = rates(opt)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            schedule.step()
        assert (rates(opt), schedule.last_epoch) == (before, 2)
