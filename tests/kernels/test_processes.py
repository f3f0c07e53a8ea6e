"""Helper processes: the same bits as threads, errors and warnings that arrive, what is killed or forked, the end."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from pathlib import Path
from types import FunctionType

import numpy as np
import pytest

import tensorgrad as tg
from benchmarks import models
from tensorgrad import nn
from tensorgrad.kernels import buffers, elementwise, logistic, parcel, processes, threads

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="helper processes need Linux")
F = nn.functional


@pytest.fixture
def sent(monkeypatch):
    """Two processes help, with nearly all jobs; the list gets a name for each job that was sent."""
    names = []
    share = processes.Helpers.share

    def noted(self, work, count, helpers):
        done = share(self, work, count, helpers)
        if done:
            names.append(work.__qualname__)
        return done

    monkeypatch.setattr(threads, "_chosen", 3)
    monkeypatch.setattr(processes.Helpers, "share", noted)
    monkeypatch.setattr(processes, "SMALL", 1)
    monkeypatch.setattr(processes, "LARGE", 1)
    tg.set_helpers("processes")
    wait_for_helpers()
    names.clear()
    yield names
    tg.set_helpers("threads")
    assert processes._helpers.processes == []


def in_a_program(text, **how):
    surroundings = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(text)],
        capture_output=True, text=True, env=surroundings, timeout=60, check=False, **how,
    )  # fmt: skip


def weights_after(name, steps=2):
    tg.manual_seed(0)
    model = models.MODELS[name]
    rng = np.random.default_rng(0)
    net = model.build(nn)
    x = tg.tensor(rng.standard_normal(model.input).astype(np.float32))
    target = rng.integers(0, model.classes, model.input[0])
    optimiser = nn.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    for _ in range(steps):
        optimiser.zero_grad()
        F.cross_entropy(net(x), target).backward()
        optimiser.step()
    return [p.detach().numpy().copy() for p in net.parameters()]


@pytest.mark.parametrize("name", ["mlp", "lecture", "lenet5", "vgg6", "resnet20"])
def test_a_model_is_trained_to_the_same_bits(sent, name):
    got = weights_after(name)
    assert sent
    tg.set_helpers("threads")
    threads.set_num_threads(1)
    for a, b in zip(got, weights_after(name), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("images", [1, 3, 16])
@pytest.mark.parametrize(
    ("channels", "kernel", "stride", "groups"),
    [((16, 16), 3, 1, 1), ((8, 24), 5, 1, 1), ((16, 32), 3, 2, 1), ((32, 32), 1, 1, 1), ((16, 16), 3, 1, 16)],
)
def test_convolutions_have_the_same_bits(sent, images, channels, kernel, stride, groups):
    def both():
        rng = np.random.default_rng(1)
        x = tg.tensor(rng.standard_normal((images, channels[0], 56, 48)).astype(np.float32), requires_grad=True)
        weight = rng.standard_normal((channels[1], channels[0] // groups, kernel, kernel)).astype(np.float32)
        w = tg.tensor(weight, requires_grad=True)
        out = F.max_pool2d(F.relu(F.conv2d(x, w, stride=stride, padding=kernel // 2, groups=groups)), 2)
        (out * out).sum().backward()
        return [a.detach().numpy().copy() for a in (out, x.grad, w.grad)]

    got = both()
    assert sent or images < 16
    tg.set_helpers("threads")
    threads.set_num_threads(1)
    for a, b in zip(got, both(), strict=True):
        np.testing.assert_array_equal(a, b)


# Jobs of their own. Only functions of tensorgrad's modules are sent, so these are made as if they stood in one.


def job(body, **names):
    """A function of `body`, the lines of a chunk, that closes over `names`, as if it stood in `threads`."""
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    text = f"def make({', '.join(names)}):\n    def work(number):\n{lines}\n    return work"
    space = dict(vars(threads))
    exec(text, space)
    return space["make"](**names)


AWAITED = """
is_first = os.getpid() != mine or not here.any()
(here if os.getpid() == mine else came)[number % 64] = 1
end = perf_counter() + 60
while is_first and (came.sum() < helpers or not here.any()) and perf_counter() < end: pass
"""


def job_with_help(body, helpers=1, **names):
    """A job whose first chunks wait until the caller and so many helpers are in theirs."""
    came, here = (buffers.zeros((64,), np.int64) for _ in range(2))
    return job(AWAITED + body, came=came, here=here, helpers=helpers, mine=os.getpid(), **names)


def wait_for_helpers():
    """Until all have started."""
    out = buffers.zeros((8,), np.int64)
    threads.run(job_with_help("out[number] = os.getpid()", helpers=2, out=out), 8, writes=(out,))
    assert {process.pid for process in processes._helpers.processes} <= set(out.tolist()), "helpers do not start"


def test_helpers_take_part_and_what_they_write_is_there(sent):
    out = buffers.zeros((64,), np.int64)
    threads.run(job_with_help("out[number] = os.getpid()", out=out), 64, writes=(out,))
    assert len(set(out.tolist())) > 1
    assert set(out.tolist()) <= {os.getpid(), *[p.pid for p in processes._helpers.processes]}


@pytest.mark.parametrize(
    ("raised", "expected", "text"),
    [
        ("ValueError('in chunk')", ValueError, "in chunk"),
        ("queue.Empty('told')", RuntimeError, "Empty in a helper process: told"),
    ],
)
def test_an_error_of_a_helper_arrives(sent, raised, expected, text):
    out = buffers.zeros((8,))
    work = job_with_help(f"if os.getpid() != mine: raise {raised}", out=out)
    with pytest.raises(expected, match=text):
        threads.run(work, 8, writes=(out,))
    threads.run(job("out[number] = number", out=out), 8, writes=(out,))
    np.testing.assert_array_equal(out, range(8))


def test_what_is_not_seen_by_helpers_can_be_read_but_not_written(sent):
    out, own = buffers.zeros((8,)), np.arange(8.0)
    threads.run(job_with_help("out[number] = own[number]", out=out, own=own), 8, writes=(out,))
    np.testing.assert_array_equal(out, own)
    work = job_with_help("if os.getpid() != mine: own[number] = 1", own=own)
    with pytest.raises(ValueError, match="read-only"):
        threads.run(work, 8, writes=(out,))


@pytest.mark.parametrize("count", [8, 1000])  # sent within the job, and copied
def test_a_job_that_comes_again_reads_what_there_is_now(sent, count):
    out, own, shared = buffers.zeros((8,)), np.zeros(count), buffers.zeros((8,))
    for value in range(1, 20):
        own[...], shared[...] = value, 10 * value
        threads.run(job_with_help("out[number] = own[number] + shared[number]", out=out, own=own, shared=shared), 8,
                    writes=(out,))  # fmt: skip
        np.testing.assert_array_equal(out, 11 * value)
    assert len(sent) == 19


def test_functions_of_elements(sent):
    """Some are made by a decorator: their name and module are another function's."""

    def values_and_gradients():
        found = []
        for name in ("sigmoid", "tanh", "silu", "gelu", "erf", "exp", "relu", "leaky_relu", "softplus"):
            x = tg.tensor(np.linspace(-3, 3, 1 << 19, dtype=np.float32), requires_grad=True)
            y = getattr(F if hasattr(F, name) else tg, name)(x)
            y.sum().backward()
            found += [y.detach().numpy().copy(), x.grad.numpy().copy()]
        return found

    got = values_and_gradients()
    assert len(sent) > 9
    tg.set_helpers("threads")
    for a, b in zip(got, values_and_gradients(), strict=True):
        np.testing.assert_array_equal(a, b)


RANDOM = ("rand", "dropout", "bernoulli", "multinomial", "normal", "poisson", "gumbel", "rrelu", "permutation")
SETTINGS = ("set_", "seed", "cache", "printoptions", "default", "save", "load", "empty")


@pytest.mark.slow
def test_public_functions_give_the_same_bits(sent):
    """All that take one array or two: values and gradients, or the error."""
    draw = np.random.default_rng(0)
    arrays = draw.standard_normal((2, 600, 500)).astype(np.float32)
    functions = {
        (module.__name__, name): getattr(module, name)
        for module in (tg, F)
        for name in module.__all__
        if not any(word in name for word in RANDOM + SETTINGS)
        and callable(getattr(module, name))
        and not isinstance(getattr(module, name), type)
    }
    calls = [(name, count) for name in functions for count in (1, 2)]

    def outcome(name, count):
        inputs = [tg.tensor(array, requires_grad=True) for array in arrays[:count]]
        try:
            results = functions[name](*inputs)
            results = [r for r in (results if isinstance(results, (tuple, list)) else [results]) if tg.is_tensor(r)]
            if results and results[0].requires_grad:
                (results[0] * 1.5).sum().backward()
        except Exception as error:  # the same is to come from both
            return repr(error)
        return [t.numpy().copy() for t in [*(r.detach() for r in results), *(x.grad for x in inputs)] if t is not None]

    got = {call: outcome(*call) for call in calls}
    assert len(sent) > 200
    tg.set_helpers("threads")
    threads.set_num_threads(1)
    computed = 0
    for call in calls:
        expected = outcome(*call)
        if isinstance(expected, str):
            assert got[call] == expected, call
        else:
            computed += 1
            for a, b in zip(got[call], expected, strict=True):
                np.testing.assert_array_equal(a, b, err_msg=str(call))
    assert computed > 200


def test_functions_arrive_as_they_are():
    """By their name, if a module has them by it; else as their code, with what they close over and all defaults."""
    packer = parcel.Packer(None, 0, 0)

    def made(x, y=2, *, z=3):
        return x, y, z, closed_over

    closed_over = 4
    made = FunctionType(made.__code__, vars(parcel), "made", made.__defaults__, made.__closure__)
    made.__kwdefaults__ = {"z": 3}
    arrived = parcel.unpacked(packer.packed(made))
    assert arrived(1) == (1, 2, 3, 4)
    assert arrived(1, z=0) == (1, 2, 0, 4)
    assert parcel.unpacked(packer.packed(elementwise.bounded)) is elementwise.bounded
    assert parcel.unpacked(packer.packed(logistic.sigmoid)) is not logistic.sigmoid
    assert parcel.unpacked(packer.packed(logistic.sigmoid)).__globals__ is vars(elementwise)
    with pytest.raises(parcel.Unfit):
        packer.packed(test_functions_arrive_as_they_are)


def test_what_cannot_be_sent_is_done_by_threads(sent):
    out = buffers.zeros((8,))
    threads.run(lambda number: out.__setitem__(number, number), 8, writes=(out,))  # a function of this module
    large = np.ones(1 << 20)
    threads.run(job("out[number] += large[number]", out=out, large=large), 8, writes=(out,))
    assert sent == []
    np.testing.assert_array_equal(out, np.arange(8) + 1)


def test_floating_point_errors_of_a_helper(sent):
    out = buffers.zeros((8,), np.float32)
    body = "if os.getpid() != mine: out[number : number + 1] += out[:1] + 3e38 + 3e38"
    with pytest.warns(RuntimeWarning, match="overflow encountered in a helper process"):
        threads.run(job_with_help(body, out=out), 8, writes=(out,))
    out[...] = 0
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("error")
        threads.run(job_with_help(body, out=out), 8, writes=(out,))
    out[...] = 0
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        threads.run(job_with_help(body, out=out), 8, writes=(out,))


def test_killed_helpers_are_replaced(sent):
    out = buffers.zeros((8,))
    add = job("out[number] += 1", out=out)
    threads.run(add, 8, writes=(out,))
    before = [process.pid for process in processes._helpers.processes]
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    for process in processes._helpers.processes:
        process.wait()
    for _ in range(2 * processes.CHECKED):
        threads.run(add, 8, writes=(out,))
    np.testing.assert_array_equal(out, 1 + 2 * processes.CHECKED)
    assert not set(before) & {process.pid for process in processes._helpers.processes}


def test_a_helper_that_dies_in_the_midst_of_a_job(sent):
    out = buffers.zeros((8,))
    work = job_with_help("if os.getpid() != mine: os.kill(os.getpid(), 9)", out=out)
    with pytest.raises(RuntimeError, match="a helper process ended in the midst of a job"):
        threads.run(work, 8, writes=(out,))
    threads.run(job_with_help("out[number] = number", out=out), 8, writes=(out,))
    np.testing.assert_array_equal(out, range(8))


def test_an_interrupt_ends_a_job_and_nobody_writes_any_more(sent):
    out = buffers.zeros((4000,))
    work = job("perf = perf_counter()\nwhile perf_counter() < perf + 0.01: pass\nout[number] = 1", out=out)
    threads.run(job("out[number] = 0", out=out), 8, writes=(out,))
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.4)
    try:
        with pytest.raises(KeyboardInterrupt):
            threads.run(work, 4000, writes=(out,))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    done = out.sum()
    time.sleep(0.1)
    assert 0 < done < 4000
    assert out.sum() == done
    threads.run(job("out[number] = 2", out=out), 4000, writes=(out,))
    assert (out == 2).all()


HELPERS_TAKE = "if os.getpid() != mine:\n    end = perf_counter() + {}\n    while perf_counter() < end: pass\n"


def test_another_exception_of_a_handler_waits_for_the_helpers_too(sent):
    class LateError(Exception):
        pass

    def handler(number, frame):
        raise LateError

    out = buffers.zeros((4,))
    body = (
        "if os.getpid() != mine:\n    end = perf_counter() + 1\n    while perf_counter() < end: pass\nout[number] += 1"
    )
    before = signal.signal(signal.SIGALRM, handler)
    try:
        for _ in range(3):
            out[...] = 0
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(LateError):
                threads.run(job_with_help(body, out=out), 4, writes=(out,))
            done = out.sum()
            other = buffers.zeros((4,))
            threads.run(job("other[number] += 1", other=other), 4, writes=(other,))
            assert (other == 1).all()
            assert out.sum() == done
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_processes_are_changed_after_the_job_of_another_thread(sent):
    out = buffers.zeros((6,))
    body = HELPERS_TAKE.format(0.5) + "out[number] += 1"
    thread = threading.Thread(target=threads.run, args=(job_with_help(body, out=out), 6), kwargs={"writes": (out,)})
    thread.start()
    time.sleep(0.2)
    tg.set_helpers("threads")
    thread.join()
    np.testing.assert_array_equal(out, 1)


def test_so_many_helpers_have_room():
    assert processes.FLAGS < processes.OWN
    assert processes.OWN + processes.EACH * processes.MOST <= processes.JOB // 8


def test_no_more_processes_can_be_started(sent, monkeypatch):
    def fails(*args, **kwargs):
        raise OSError("no more")

    monkeypatch.setattr(subprocess, "Popen", fails)
    monkeypatch.setattr(threads, "_chosen", 4)
    out = buffers.zeros((8,))
    threads.run(job("out[number] += 1", out=out), 8, writes=(out,))  # by those there are
    processes._helpers.stop()
    threads.run(job("out[number] += 1", out=out), 8, writes=(out,))  # by threads
    np.testing.assert_array_equal(out, 2)


def test_helpers_that_cannot_start_are_given_up(sent, monkeypatch):
    monkeypatch.setattr(processes, "_path", lambda: ["/nowhere"])
    monkeypatch.setattr(processes, "CHECKED", 1)
    processes._helpers.stop()
    out, jobs = buffers.zeros((8,)), 0

    def work():
        threads.run(job("out[number] += 1", out=out), 8, writes=(out,))
        time.sleep(0.01)

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        while tg.get_helpers() == "processes" and jobs < 5000:
            work()
            jobs += 1
    assert [str(w.message) for w in told] == ["helper processes end as soon as they start: threads take their place"]
    assert processes._helpers.processes == []
    np.testing.assert_array_equal(out, jobs)


def test_arrays_keep_the_order_of_their_axes(sent):
    x = np.asfortranarray(np.random.default_rng(0).standard_normal((300, 400)).astype(np.float32))
    shared = [tg.tensor(x), tg.tensor(x.T), tg.tensor(x[:, ::-1])]
    sums = [t.sum(1).numpy() for t in shared]
    tg.set_helpers("threads")
    for a, total, b in zip(shared, sums, (x, x.T, x[:, ::-1]), strict=True):
        own = tg.tensor(b)
        assert a.numpy().strides == own.numpy().strides
        np.testing.assert_array_equal(total, own.sum(1).numpy())


@pytest.mark.filterwarnings("ignore:This process")
def test_a_forked_child_has_memory_of_its_own(sent):
    x = tg.tensor(np.full((3, 5 << 20), 1.0, np.float32))  # of 60 MB, and more than is copied at a time with the next
    y = tg.tensor(np.full((3, 5 << 20), 2.0, np.float32))
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        x.data[...] = 7
        z = tg.relu(x) + y
        told = f"{z.numpy().min()} {z.numpy().max()} {tg.get_helpers()}"
        os.write(writing, told.encode())
        os._exit(0)
    x.data[1] = 3
    os.waitpid(pid, 0)
    assert os.read(reading, 100) == b"9.0 9.0 threads"
    os.close(reading)
    os.close(writing)
    assert (x.numpy()[0] == 1).all()
    assert (x.numpy()[1] == 3).all()
    assert ((tg.relu(x) + y).numpy()[2] == 3).all()


def test_arrays_outlive_the_helpers(sent):
    x = tg.tensor(np.arange(1 << 18, dtype=np.float32))
    y = tg.relu(x)
    tg.set_helpers("threads")
    tg.empty_cache()
    others = [tg.relu(x) * 2 for _ in range(4)]
    np.testing.assert_array_equal(y.numpy(), x.numpy())
    tg.set_helpers("processes")
    others += [tg.relu(x) * 3 for _ in range(4)]
    np.testing.assert_array_equal(y.numpy(), x.numpy())
    del others


def test_an_idle_helper_sleeps(sent):
    out = buffers.zeros((8,))
    threads.run(job_with_help("out[number] = 1", out=out), 8, writes=(out,))

    def ticks():
        stats = [Path(f"/proc/{p.pid}/stat").read_text().split() for p in processes._helpers.processes]
        return sum(int(s[13]) + int(s[14]) for s in stats)

    before = ticks()
    time.sleep(0.5)
    assert ticks() - before <= 5  # hundredths of a second


@pytest.mark.parametrize(
    "end", ["", "import os; os._exit(0)", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
)
def test_helpers_end_with_the_program(end):
    done = in_a_program(f"""
        import numpy as np, tensorgrad as tg, time
        tg.set_helpers("processes")
        tg.set_num_threads(2)
        x = tg.tensor(np.ones((2000, 2000), np.float32))
        for _ in range(20):
            y = tg.relu(x) * 2
        from tensorgrad.kernels import processes
        print("pids", *[p.pid for p in processes._helpers.processes], flush=True)
        {end}
    """)
    pids = [int(pid) for pid in re.search("pids(.*)", done.stdout)[1].split()]
    assert pids
    assert done.stderr == ""
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}/fd/0").exists() for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_another_kind_is_an_error():
    with pytest.raises(tg.ShapeError, match="'nonsense'"):
        tg.set_helpers("nonsense")
    assert tg.get_helpers() == "threads"
