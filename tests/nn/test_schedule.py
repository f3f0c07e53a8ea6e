"""Learning-rate schedules."""

import itertools
import json
import math
import re

import pytest

import nn
import tensorgrad as tg
from nn.optim import SGD, Adam
from nn.schedule import LRScheduler, OneCycleLR


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
