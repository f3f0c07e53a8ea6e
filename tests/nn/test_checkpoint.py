"""Checkpoints: what was saved comes back to the last bit, damage is refused, a killed process leaves a whole one."""

import copy
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
from nn.data import DataLoader, RandomShift
from nn.errors import MissingFileError, StateError
from nn.io import load_metadata
from nn.train import checkpoint as module
from nn.train import hold_interrupt, load_checkpoint, previous_checkpoint, save_checkpoint
from tensorgrad import nn

ROOT = Path(__file__).parents[2]
X = np.random.default_rng(0).standard_normal((50, 1, 6, 6)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 3, 50)
OPTIMIZERS = {
    "SGD": lambda params: nn.optim.SGD(params, lr=0.1),
    "SGD momentum": lambda params: nn.optim.SGD(params, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "Adam": lambda params: nn.optim.Adam(params, lr=0.01),
    "AdamW": lambda params: nn.optim.AdamW(params, lr=0.01),
    "RMSprop": lambda params: nn.optim.RMSprop(params, lr=0.01, momentum=0.9, centered=True),
}


class Run:
    """A small training run with everything that has a state, the default generator (in the second dropout) too."""

    def __init__(self, make="Adam", frozen=False, seed=0):
        init, drop, order, change = np.random.default_rng(seed).spawn(4)
        tg.manual_seed(seed)
        self.net = nn.Sequential(
            nn.Conv2d(1, 2, 3, generator=init),
            nn.BatchNorm2d(2),
            nn.Flatten(),
            nn.Dropout(0.2, generator=drop),
            nn.Dropout(0.2),
            nn.Linear(32, 3, generator=init),
        )
        if frozen:
            self.net[0].weight.requires_grad_(False)
        self.optimizer = OPTIMIZERS[make](self.net.parameters())
        self.loader = DataLoader(
            X, Y, batch_size=8, shuffle=True, generator=order, transform=RandomShift(1, generator=change)
        )
        self.schedule = nn.schedule.OneCycleLR(
            self.optimizer, max_lr=0.05, epochs=3, steps_per_epoch=7, cycle_momentum=make != "SGD"
        )
        self.losses = []
        self.parts = {
            "model": self.net, "optimizer": self.optimizer, "schedule": self.schedule, "loader": self.loader,
            "drop": drop, "order": order, "change": change,
        }  # fmt: skip

    def steps(self, stop, after=lambda: None):
        """Train until `stop` steps are done in all; `after` is called after each."""
        while len(self.losses) < stop:
            for x, y in self.loader:
                loss = nn.functional.cross_entropy(self.net(x), y)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                self.schedule.step()
                self.losses.append(loss.item())
                after()
                if len(self.losses) == stop:
                    break
        return self

    def result(self):
        state = {name: tensor.data.tobytes() for name, tensor in self.net.state_dict().items()}
        return self.losses, state, repr(self.optimizer.state_dict()), [rng.random() for rng in self.generators()]

    def generators(self):
        return [part for part in self.parts.values() if isinstance(part, np.random.Generator)]


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize("at", [0, 1, 3, 6, 7, 10, 14, 20])
def test_t46_a_run_goes_on_to_the_same_bits_from_wherever_it_was_saved(tmp_path, make, at):
    """T46: before the first step, in an epoch, after its last batch."""
    undisturbed = Run(make).steps(21).result()
    first = Run(make).steps(at)
    save_checkpoint(tmp_path / "c.safetensors", first.parts, {"losses": first.losses})
    other = Run(make, seed=5)  # every state differs from the saved one
    checkpoint = load_checkpoint(tmp_path / "c.safetensors")
    checkpoint.restore(other.parts)
    other.losses = checkpoint.progress["losses"]
    assert other.steps(21).result() == undisturbed


def test_t46_frozen_parameters_stay_frozen_and_equal(tmp_path):
    undisturbed = Run(frozen=True).steps(21).result()
    save_checkpoint(tmp_path / "c", (first := Run(frozen=True).steps(9)).parts, {"losses": first.losses})
    other = Run(frozen=True, seed=2)
    (checkpoint := load_checkpoint(tmp_path / "c")).restore(other.parts)
    other.losses = checkpoint.progress["losses"]
    assert other.steps(21).result() == undisturbed


S = nn.schedule
SCHEDULES = {
    "StepLR": lambda o: S.StepLR(o, 3),
    "MultiStepLR": lambda o: S.MultiStepLR(o, [2, 5]),
    "ExponentialLR": lambda o: S.ExponentialLR(o, 0.9),
    "CosineAnnealingLR": lambda o: S.CosineAnnealingLR(o, 9),
    "LinearLR": lambda o: S.LinearLR(o, 0.1, total_iters=4),
    "LambdaLR": lambda o: S.LambdaLR(o, lambda epoch: 0.95**epoch),
    "OneCycleLR": lambda o: S.OneCycleLR(o, max_lr=0.1, total_steps=12),
    "ReduceLROnPlateau": lambda o: S.ReduceLROnPlateau(o, patience=1),
    "SequentialLR": lambda o: S.SequentialLR(o, [S.LinearLR(o, 0.1, total_iters=4), S.CosineAnnealingLR(o, 6)], [4]),
}


@pytest.mark.parametrize("at", [0, 1, 4, 6])
@pytest.mark.parametrize("make", SCHEDULES)
def test_t46_every_schedule_goes_on_with_the_same_rates(tmp_path, make, at):
    def run():
        optimizer = nn.optim.SGD([nn.Parameter(np.zeros(2, np.float32))], lr=0.1, momentum=0.9)
        return {"optimizer": optimizer, "schedule": SCHEDULES[make](optimizer)}

    def rates(parts, steps):
        found = []
        for step in steps:
            parts["schedule"].step(*[1.0] * (make == "ReduceLROnPlateau"))
            found.append([step, dict(parts["optimizer"].param_groups[0], params=None)])
        return found

    expected = rates(run(), range(10))
    first, other = run(), run()
    rates(other, range(3))
    rates(first, range(at))
    save_checkpoint(tmp_path / "c", first)
    load_checkpoint(tmp_path / "c").restore(other)
    assert repr(rates(other, range(at, 10))) == repr(expected[at:])


def test_saving_disturbs_nothing(tmp_path):
    run = Run()
    run.steps(21, lambda: save_checkpoint(tmp_path / "c", run.parts))
    assert run.result() == Run().steps(21).result()


def test_progress_comes_back_as_it_was(tmp_path):
    progress = {
        "epoch": 3, "best": float("inf"), "lr": 0.1, "big": 2**200, "text": 'é"\n', "none": None, "yes": True,
        "rows": [{"a": 1.0}, {}], "pair": (1, (2, [3])), "a/b": np.arange(3), "a": {"b": np.float32(0.1)},
        "numbers": {0: "int", "0": "str"}, "empty": np.zeros((0, 3)), "scalar": np.array(5, np.int8),
    }  # fmt: skip
    save_checkpoint(tmp_path / "c", {}, progress)
    found = load_checkpoint(tmp_path / "c").progress
    assert repr(found) == repr(progress)
    assert found["a"]["b"].dtype == np.float32
    assert found["scalar"].dtype == np.int8
    assert found["pair"][1] == (2, [3])


def test_the_same_state_gives_the_same_bytes_and_nothing_in_it_is_a_pickle(tmp_path):
    for name in ("a", "b"):
        save_checkpoint(tmp_path / name, Run().steps(4).parts, {"epoch": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert json.loads(load_metadata(tmp_path / "a")["state"])[0] == "dict"


def test_two_generations_are_kept(tmp_path):
    path = tmp_path / "run.safetensors"
    for number in range(4):
        save_checkpoint(path, {}, {"number": number})
    assert previous_checkpoint(path) == tmp_path / "run.previous.safetensors"
    assert load_checkpoint(path).progress == {"number": 3}
    assert load_checkpoint(previous_checkpoint(path)).progress == {"number": 2}
    assert len(list(tmp_path.iterdir())) == 2


def test_two_generations_are_kept_without_hard_links(tmp_path, monkeypatch):
    def refuse(*paths):
        raise OSError("no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    test_two_generations_are_kept(tmp_path)


def test_a_write_that_fails_leaves_both_as_they_were(tmp_path, monkeypatch):
    path = tmp_path / "c.safetensors"
    for number in range(2):
        save_checkpoint(path, {}, {"number": number})

    def full(*arguments):
        raise OSError("the disk is full")

    monkeypatch.setattr(module, "save_file", full)
    with pytest.raises(OSError, match="the disk is full"):
        save_checkpoint(path, {}, {"number": 2})
    assert load_checkpoint(path).progress == {"number": 1}
    assert load_checkpoint(previous_checkpoint(path)).progress["number"] in (0, 1)
    assert len(list(tmp_path.iterdir())) == 2


def test_every_changed_byte_and_every_truncation_is_refused(tmp_path, record_property):
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, {"rng": np.random.default_rng(0)}, {"a": np.arange(5), "text": "x"})
    content = path.read_bytes()
    refused = 0
    for place in range(len(content)):
        for changed in (content[:place], content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]):
            path.write_bytes(changed)
            try:
                progress = load_checkpoint(path).progress
            except tg.FileFormatError:
                refused += 1
            else:  # a byte of white space, or of a name that nobody reads
                assert repr(progress) == repr({"a": np.arange(5), "text": "x"})
    assert refused >= 2 * len(content) - 10
    record_property("samples", {"damaged checkpoints": 2 * len(content), "of them refused": refused})


def test_a_damaged_checkpoint_names_the_one_before_and_never_takes_its_place(tmp_path):
    path = tmp_path / "c.safetensors"
    for number in range(2):
        save_checkpoint(path, {}, {"number": number, "a": np.arange(100)})
    damaged = bytearray(path.read_bytes())
    damaged[-9] ^= 4
    path.write_bytes(damaged)
    with pytest.raises(tg.FileFormatError) as caught:
        load_checkpoint(path)
    assert str(caught.value) == (
        f"{path}: damaged: its content does not have the sha256 that it was written with; "
        f"the checkpoint before it is whole: {tmp_path / 'c.previous.safetensors'}"
    )
    assert path.read_bytes() == damaged
    save_checkpoint(path, {}, {"number": 2})
    assert load_checkpoint(previous_checkpoint(path)).progress["number"] == 0
    path.unlink()
    with pytest.raises(MissingFileError, match=r"no such file; the checkpoint before it is whole: .*c\.previous"):
        load_checkpoint(path)
    with pytest.raises(MissingFileError, match=r"nowhere: there is no such file$"):
        load_checkpoint(tmp_path / "nowhere")


def test_a_file_of_weights_is_no_checkpoint(tmp_path):
    nn.save(nn.Linear(2, 2), tmp_path / "m.safetensors")
    with pytest.raises(tg.FileFormatError, match=r"is a safetensors file, but not a checkpoint of a training run$"):
        load_checkpoint(tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda parts: parts.pop("loader"), "the checkpoint holds change, drop, loader, model"),
        (
            lambda parts: parts.update(model=nn.Sequential(nn.Linear(3, 2))),
            "model: Sequential.load_state_dict: the state does not fit",
        ),
        (lambda parts: parts.update(drop=np.random.Generator(np.random.MT19937())), "drop: the state is of a PCG64"),
        (lambda parts: parts.update(loader=DataLoader(X[:9], Y[:9], batch_size=8)), "loader: DataLoader: the state's"),
        (lambda parts: parts.update(loader=DataLoader(X, Y, batch_size=9)), "loader: DataLoader: the state has batch"),
        (
            lambda parts: parts.update(optimizer=nn.optim.SGD([nn.Parameter(np.zeros(2, np.float32))])),
            "optimizer: SGD: group 0 of the state has 6 parameters, the optimiser's 1",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused_and_all_stay_as_they_were(tmp_path, change, text):
    save_checkpoint(tmp_path / "c", Run().steps(3).parts)
    run = Run(seed=8).steps(4)
    change(run.parts)

    def states():
        return repr([copy.deepcopy(module._state_of(name, part)) for name, part in run.parts.items()])

    before, default = states(), tg.default_generator().bit_generator.state
    with pytest.raises(StateError, match=re.escape(text)):
        load_checkpoint(tmp_path / "c").restore(run.parts)
    assert states() == before
    assert tg.default_generator().bit_generator.state == default


@pytest.mark.parametrize(
    ("parts", "progress", "text"),
    [
        ({"f": print}, {}, "'f' is a builtin_function_or_method, expected a NumPy Generator or something with"),
        ({}, {"path": [Path("x")]}, "progress/path/0 is a PosixPath; a checkpoint holds arrays, numbers, strings"),
        ({}, {"d": {1.5: 2}}, "progress/d: key 1.5 is no string and no integer"),
        ({}, {"d": {True: 2}}, "progress/d: key True is no string and no integer"),
    ],
)
def test_what_a_checkpoint_cannot_hold_is_refused_and_nothing_written(tmp_path, parts, progress, text):
    with pytest.raises(tg.DTypeError, match=re.escape(f"save_checkpoint: {text}")):
        save_checkpoint(tmp_path / "c", parts, progress)
    assert not list(tmp_path.iterdir())


SAVING = """
import sys
import numpy as np
from nn.train import save_checkpoint
path, first = sys.argv[1], int(sys.argv[2])
for number in range(first, first + 1_000_000):
    if number == first + 3:
        print("saving", flush=True)
    save_checkpoint(path, {"rng": np.random.default_rng(number)}, {"number": number, "a": np.full(30_000, number)})
"""


def killed_while_saving(folder, kills):
    """Kill a process with -9 while it does nothing but save; each time both files that are there must be whole."""
    path, last, moments = folder / "c.safetensors", 0, random.Random(0)
    for _ in range(kills):
        program = subprocess.Popen(
            [sys.executable, "-c", SAVING, path, str(last)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        with program:
            assert program.stdout.readline() == "saving\n"
            time.sleep(moments.uniform(0, 0.1))
            program.send_signal(signal.SIGKILL)
        assert program.returncode == -signal.SIGKILL
        numbers = []
        for file in (path, previous_checkpoint(path)):
            checkpoint = load_checkpoint(file)
            numbers.append(checkpoint.progress["number"])
            np.testing.assert_array_equal(checkpoint.progress["a"], np.full(30_000, numbers[-1]))
            checkpoint.restore({"rng": (rng := np.random.default_rng())})
            assert rng.random() == np.random.default_rng(numbers[-1]).random()
        assert numbers[0] - numbers[1] in (0, 1)  # 0: killed between the two renames
        assert numbers[0] >= last + 2  # the third save was over when it said so
        last = numbers[0] + 1
    return last


def test_kill_9_at_10_random_moments_leaves_whole_checkpoints(tmp_path, record_property):
    assert killed_while_saving(tmp_path, 10) > 20
    record_property("samples", {"kills while saving": 10})


@pytest.mark.slow
def test_kill_9_at_100_random_moments_leaves_whole_checkpoints(tmp_path, record_property):
    assert killed_while_saving(tmp_path, 100) > 200
    record_property("samples", {"kills while saving": 100})


def test_hold_interrupt_notes_the_first_ctrl_c_and_lets_the_second_through():
    before = signal.getsignal(signal.SIGINT)
    with hold_interrupt() as interrupt:
        assert not interrupt.requested
        signal.raise_signal(signal.SIGINT)
        assert interrupt.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
