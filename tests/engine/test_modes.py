"""T40: modes hold for the code inside them, and for no other thread, task, generator or caller, whatever is raised."""

import asyncio
import contextvars
import threading

import pytest

import tensorgrad as tg

from .tools import leaf

MODES = [(tg.no_grad, False), (tg.enable_grad, True)]
opposite = {tg.no_grad: tg.enable_grad, tg.enable_grad: tg.no_grad}


@pytest.fixture(params=MODES, ids=["no_grad", "enable_grad"])
def mode(request):
    """A mode, whether it records, and the other mode around the test."""
    kind, records = request.param
    with opposite[kind]():
        yield kind, records
        assert tg.is_grad_enabled() is not records, "the mode leaked"


def test_calls_are_recorded_by_default_and_not_under_no_grad():
    a = leaf([1.0])
    assert tg.is_grad_enabled()
    assert (a * 2.0).requires_grad
    with tg.no_grad():
        assert not tg.is_grad_enabled()
        b = a * 2.0
        assert not b.requires_grad
        assert b.grad_fn is None
        with tg.enable_grad():
            assert (a * 2.0).requires_grad
            with tg.no_grad():
                assert not (a * 2.0).requires_grad
            assert (a * 2.0).requires_grad
        assert not (a * 2.0).requires_grad
    assert (a * 2.0).requires_grad


def test_leaves_made_under_no_grad_keep_what_they_were_asked():
    with tg.no_grad():
        a = tg.ones(2, requires_grad=True)
    assert a.requires_grad
    assert (a * 2.0).requires_grad


def test_backward_works_under_no_grad():
    a = leaf([2.0])
    loss = a * a
    with tg.no_grad():
        loss.backward()
    assert a.grad.item() == 4.0


def test_a_block_inside_a_block(mode):
    kind, records = mode
    with kind():
        with kind():
            assert tg.is_grad_enabled() is records
        assert tg.is_grad_enabled() is records


def test_an_exception_restores(mode):
    kind, records = mode
    seen = []

    def fails():
        with kind():
            seen.append(tg.is_grad_enabled())
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fails()
    assert seen == [records]
    assert tg.is_grad_enabled() is not records


def test_an_exception_in_an_operation_restores(mode):
    kind, records = mode
    with pytest.raises(tg.ShapeError, match="broadcast"), kind():
        tg.ones(2) + tg.ones(3)
    assert tg.is_grad_enabled() is not records


@pytest.mark.parametrize("parentheses", [True, False])
def test_as_a_decorator(mode, parentheses):
    kind, records = mode

    def f(x, *, y=2):
        """Its own text."""
        return tg.is_grad_enabled(), x, y

    wrapped = kind()(f) if parentheses else kind(f)
    assert wrapped(1, y=3) == (records, 1, 3)
    assert wrapped.__name__ == "f"
    assert wrapped.__doc__ == "Its own text."
    assert tg.is_grad_enabled() is not records
    assert wrapped(1) == (records, 1, 2)


@pytest.mark.parametrize("parentheses", [True, False])
def test_a_decorated_function_that_raises(mode, parentheses):
    kind, records = mode

    def f():
        raise KeyError("mine")

    wrapped = kind()(f) if parentheses else kind(f)
    with pytest.raises(KeyError, match="mine"):
        wrapped()
    assert tg.is_grad_enabled() is not records


def test_a_decorated_function_that_calls_itself(mode):
    kind, records = mode

    @kind()
    def f(n):
        inner = [] if n == 0 else f(n - 1)
        return [tg.is_grad_enabled(), *inner]

    assert f(5) == [records] * 6


def test_as_a_decorator_of_methods(mode):
    kind, records = mode

    class Model:
        @kind()
        def plain(self):
            return tg.is_grad_enabled()

        @classmethod
        @kind()
        def of_class(cls):
            return tg.is_grad_enabled()

        @staticmethod
        @kind()
        def static():
            return tg.is_grad_enabled()

    assert [Model().plain(), Model.of_class(), Model.static()] == [records] * 3


def test_one_instance_may_be_used_many_times_and_inside_itself(mode):
    kind, records = mode
    once = kind()
    for _ in range(3):
        with once:
            assert tg.is_grad_enabled() is records
            with opposite[kind](), once:
                assert tg.is_grad_enabled() is records
            assert tg.is_grad_enabled() is records
        assert tg.is_grad_enabled() is not records


# Generator functions: the mode holds in the generator's lines and never between them


@pytest.mark.parametrize("parentheses", [True, False])
def test_generator_functions(mode, parentheses):
    kind, records = mode

    def numbers(n):
        for i in range(n):
            yield i, tg.is_grad_enabled()
        return "done"

    wrapped = kind()(numbers) if parentheses else kind(numbers)
    seen = []
    iterator = wrapped(3)
    assert tg.is_grad_enabled() is not records
    for i, enabled in iterator:
        seen.append((i, enabled))
        assert tg.is_grad_enabled() is not records
    assert seen == [(0, records), (1, records), (2, records)]


def test_generators_return_values(mode):
    kind, records = mode

    @kind()
    def inner():
        yield tg.is_grad_enabled()
        return "done"

    def outer():
        result = yield from inner()
        yield result, tg.is_grad_enabled()

    assert list(outer()) == [records, ("done", not records)]


def test_generators_send(mode):
    kind, records = mode

    @kind()
    def echo():
        got = []
        while len(got) < 3:
            got.append((yield len(got), tg.is_grad_enabled()))
        return got

    iterator = echo()
    assert next(iterator) == (0, records)
    assert iterator.send("a") == (1, records)
    assert tg.is_grad_enabled() is not records
    assert iterator.send("b") == (2, records)
    with pytest.raises(StopIteration) as stop:
        iterator.send("c")
    assert stop.value.value == ["a", "b", "c"]


def test_generators_throw(mode):
    kind, records = mode
    seen = []

    @kind()
    def stubborn():
        while True:
            try:
                yield "value"
            except KeyError as error:
                seen.append((str(error), tg.is_grad_enabled()))

    iterator = stubborn()
    next(iterator)
    assert iterator.throw(KeyError("mine")) == "value"
    assert tg.is_grad_enabled() is not records
    assert seen == [("'mine'", records)]
    with pytest.raises(ValueError, match="another"):
        iterator.throw(ValueError("another"))
    assert tg.is_grad_enabled() is not records


def test_generators_close_runs_the_last_lines_in_the_mode(mode):
    kind, records = mode
    seen = []

    @kind()
    def careful():
        try:
            yield 1
        finally:
            seen.append(tg.is_grad_enabled())

    iterator = careful()
    next(iterator)
    iterator.close()
    assert seen == [records]
    assert tg.is_grad_enabled() is not records
    assert list(iterator) == []


def test_generators_that_raise(mode):
    kind, records = mode

    @kind()
    def failing():
        yield 1
        raise KeyError("mine")

    iterator = failing()
    next(iterator)
    with pytest.raises(KeyError, match="mine"):
        next(iterator)
    assert tg.is_grad_enabled() is not records


def test_generators_that_are_left_half_way(mode):
    kind, records = mode

    @kind()
    def endless():
        while True:
            yield tg.is_grad_enabled()

    iterator = endless()
    assert next(iterator) is records
    del iterator
    assert tg.is_grad_enabled() is not records


def test_two_generators_in_turn(mode):
    kind, records = mode

    @kind()
    def one():
        while True:
            yield tg.is_grad_enabled()

    @opposite[kind]()
    def other():
        while True:
            yield tg.is_grad_enabled()

    for a, b, _ in zip(one(), other(), range(3), strict=False):
        assert a is records
        assert b is not records
        assert tg.is_grad_enabled() is not records


def test_a_block_inside_a_generator_left_in_another_context():
    """A reset by token would raise "created in a different Context"."""

    def careful():
        with tg.no_grad():
            yield tg.is_grad_enabled()

    iterator = careful()
    first, second = contextvars.copy_context(), contextvars.copy_context()
    assert first.run(next, iterator) is False
    second.run(iterator.close)
    assert tg.is_grad_enabled()


def test_a_training_loop_in_a_generator_under_no_grad_is_still_recorded_outside():
    a = leaf([1.0])

    @tg.no_grad()
    def batches():
        for _ in range(3):
            yield a * 2.0

    for batch in batches():
        assert not batch.requires_grad
        assert (a * batch).requires_grad


# Coroutines: either served, or refused when decorated; never silently without effect


def test_coroutine_functions_are_served_or_refused(mode):
    kind, records = mode

    async def f():
        before = tg.is_grad_enabled()
        await asyncio.sleep(0)
        return before, tg.is_grad_enabled()

    try:
        wrapped = kind()(f)
    except TypeError:
        return
    assert asyncio.run(wrapped()) == (records, records)


def test_asynchronous_generator_functions_are_served_or_refused(mode):
    kind, records = mode

    async def f():
        yield tg.is_grad_enabled()
        await asyncio.sleep(0)
        yield tg.is_grad_enabled()

    try:
        wrapped = kind()(f)
    except TypeError:
        return

    async def collect():
        return [item async for item in wrapped()]

    assert asyncio.run(collect()) == [records, records]


# Threads and tasks


def test_a_new_thread_records_whatever_its_maker_does():
    seen = []
    with tg.no_grad():
        thread = threading.Thread(target=lambda: seen.append(tg.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_threads_do_not_disturb_each_other():
    a = leaf([1.0])
    inside, checked = threading.Event(), threading.Event()
    seen = {}

    def quiet():
        with tg.no_grad():
            inside.set()
            checked.wait(10)
            seen["quiet"] = (a * 2.0).requires_grad
        seen["quiet after"] = (a * 2.0).requires_grad

    thread = threading.Thread(target=quiet)
    thread.start()
    inside.wait(10)
    seen["main"] = (a * 2.0).requires_grad
    checked.set()
    thread.join()
    assert seen == {"main": True, "quiet": False, "quiet after": True}


def test_one_instance_shared_by_threads():
    shared = tg.no_grad()
    inside, left = threading.Event(), threading.Event()
    seen = {}

    def other():
        with tg.no_grad():
            with shared:
                inside.set()
                left.wait(10)
            seen["other in its own no_grad"] = tg.is_grad_enabled()
        seen["other after"] = tg.is_grad_enabled()

    def main():
        thread = threading.Thread(target=other)
        thread.start()
        inside.wait(10)
        with shared:
            left.set()
            thread.join()
        seen["main after"] = tg.is_grad_enabled()

    contextvars.copy_context().run(main)
    assert seen == {"other in its own no_grad": False, "other after": True, "main after": True}


def test_one_decorated_generator_run_by_two_threads():
    @tg.no_grad()
    def endless():
        while True:
            yield tg.is_grad_enabled()

    iterator = endless()
    seen = []

    def step():
        seen.append((next(iterator), tg.is_grad_enabled()))

    for _ in range(4):
        thread = threading.Thread(target=step)
        thread.start()
        thread.join()
        step()
    assert seen == [(False, True)] * 8


def test_tasks_do_not_disturb_each_other():
    a = leaf([1.0])

    async def quiet():
        with tg.no_grad():
            for _ in range(5):
                await asyncio.sleep(0)
                assert not (a * 2.0).requires_grad
        return tg.is_grad_enabled()

    async def loud():
        for _ in range(5):
            await asyncio.sleep(0)
            assert (a * 2.0).requires_grad
            with tg.enable_grad():
                await asyncio.sleep(0)
        return tg.is_grad_enabled()

    async def main():
        return await asyncio.gather(quiet(), loud(), quiet(), loud())

    assert asyncio.run(main()) == [True] * 4


def test_one_instance_shared_by_tasks():
    shared = tg.no_grad()

    async def nested():
        with tg.no_grad():
            await asyncio.sleep(0)
            with shared:
                for _ in range(3):
                    await asyncio.sleep(0)
            return tg.is_grad_enabled()

    async def plain(steps):
        with shared:
            for _ in range(steps):
                await asyncio.sleep(0)
        return tg.is_grad_enabled()

    async def main():
        return await asyncio.gather(plain(1), nested(), plain(3), nested(), plain(6))

    assert asyncio.run(main()) == [True, False, True, False, True]


def test_backward_in_several_threads_at_once():
    """Each thread's graph and leaves are its own; nothing global takes part in a walk."""
    results, errors = {}, []

    def work(number):
        try:
            a = leaf([float(number)])
            for _ in range(50):
                x = a
                for _ in range(20):
                    x = x * 1.0 + a * 0.0
                x.backward()
            results[number] = a.grad.item()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert results == dict.fromkeys(range(6), 50.0)


# named_scope


def test_scopes_nest_and_are_restored():
    a = leaf([1.0])
    with tg.named_scope("net"):
        assert (a * 2.0).grad_fn.scope == "net"
        with tg.named_scope("net.first"):
            assert (a * 2.0).grad_fn.scope == "net.first"
        assert (a * 2.0).grad_fn.scope == "net"
        with pytest.raises(tg.ShapeError, match="broadcast"), tg.named_scope("net.second"):
            tg.ones(2) + tg.ones(3)
        assert (a * 2.0).grad_fn.scope == "net"
        with tg.no_grad(), tg.enable_grad():
            assert (a * 2.0).grad_fn.scope == "net"
    assert (a * 2.0).grad_fn.scope == ""


def test_a_mode_changes_only_what_it_is_for():
    a = leaf([1.0])
    with tg.no_grad():
        with tg.named_scope("net"):
            assert not tg.is_grad_enabled()
        assert not tg.is_grad_enabled()
    with tg.named_scope("net"), tg.no_grad():
        pass
    assert (a * 2.0).requires_grad


def test_modes_left_out_of_order_by_generators():
    """Two generators hold no_grad, and the first to enter is the first to leave: neither sees the other go."""

    def held():
        with tg.no_grad():
            yield tg.is_grad_enabled()
            yield tg.is_grad_enabled()

    first, second = held(), held()
    assert [next(first), next(second)] == [False, False]
    first.close()
    assert next(second) is False
    second.close()
    assert tg.is_grad_enabled() is True
