"""Every entry of PyTorch's own database of operations that we have, on PyTorch's own sample calls.

A sample agrees; or is refused or differs, by an entry of `database/differences.py`; or cannot be put to us. The table
of all entries goes to runs/parity-database.md.
"""

from collections import Counter

import numpy as np
import pytest
import torch

import tensorgrad as tg
from tests.parity import tally
from tests.parity.database.agreement import Differs, Unanswered, compare, compare_forms
from tests.parity.database.calls import ENTRIES, MISSING, spellings
from tests.parity.database.differences import (
    ALLOWED,
    DRAWN,
    KNOWN,
    PLACES,
    REFUSED,
    settled,
)
from tests.parity.database.samples import Call, NotHeld, samples

pytestmark = [
    pytest.mark.parity,
    # Whether arithmetic may warn is tested in test_op_corners.py.
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning"),
]

OURS = (tg.TensorgradError, TypeError, OverflowError)  # what a call is refused with
MOST = 100  # samples of an entry and dtype; of more, so many are chosen by lot, and all are run as slow tests
QUICK = [torch.float64, torch.float32, torch.int64, torch.uint8, torch.bool]
OTHERS = [torch.int8, torch.int16, torch.int32]


def cases(dtypes):
    return [
        pytest.param(name, dtype, id=f"{name}-{str(dtype).removeprefix('torch.')}")
        for name, entry in ENTRIES.items()
        for dtype in dtypes
        if dtype in entry.dtypes
    ]


@pytest.mark.parametrize("name, dtype", cases(QUICK))
def test_samples(name, dtype, record_property):
    drawn = samples(name, dtype)
    few = len(drawn) <= MOST
    numbers = range(len(drawn)) if few else np.random.default_rng(0).choice(len(drawn), MOST, replace=False)
    check(name, dtype, drawn, numbers, record_property)


@pytest.mark.slow
@pytest.mark.parametrize("name, dtype", cases(QUICK + OTHERS))
def test_all_samples(name, dtype, record_property):
    drawn = samples(name, dtype)
    if len(drawn) <= MOST and dtype in QUICK:
        pytest.skip("all of them are in test_samples")
    check(name, dtype, drawn, range(len(drawn)), record_property)


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if entry.error_inputs_func])
def test_errors(name):
    """What the database says that PyTorch refuses raises one of our errors, unless `ALLOWED` says that it need not."""
    faults = []
    for number, wrong in enumerate(ENTRIES[name].error_inputs("cpu")):
        try:
            call = Call(wrong.sample_input, torch.float32)
        except NotHeld:
            continue
        if not refuses(ENTRIES[name].op, call.theirs, (Exception,)):
            continue  # the error is one of another build of PyTorch
        raised = refuses(spellings(ENTRIES[name])[0], call.ours, OURS)
        if raised == bool(reason(ALLOWED, name, call)):
            faults.append(f"{number}: {'raises' if raised else 'no error'}, PyTorch's: {wrong.error_regex}")
    assert not faults, "\n".join(faults)


def refuses(function, arguments, errors):
    try:
        function(*arguments[0], **arguments[1])
    except errors:
        return True
    return False


def test_what_differs_is_in_the_database(record_property):
    record_property("missing", MISSING)
    assert {*REFUSED, *KNOWN, *ALLOWED, *DRAWN, *PLACES} <= {*ENTRIES}


def check(name, dtype, drawn, numbers, record_property):
    """Judge the samples, hand on the counts for the table, and fail for every one that does not agree as it should."""
    outcomes, told, faults, met = Counter(), Counter(), [], set()
    ways = spellings(ENTRIES[name])
    for number in map(int, numbers):
        agreed = []
        try:
            call = Call(drawn[number], dtype)
            met.add(reason(KNOWN, name, call))
            outcome, why = judge(name, call, ways[number % len(ways)], agreed)
        except NotHeld as error:
            outcome, why = "not held", str(error)
        except Differs as error:
            outcome, why = "faults", None
            faults.append(f"{number}, {drawn[number]}: {error}")
        outcomes.update([outcome, *agreed])
        told.update([why] if why else [])
        tally.count(*[order for order in agreed if order in tally.ALL])
    ran = {"entry": name, "dtype": str(dtype), "ran": len(numbers), "of": len(drawn)}
    record_property("database", {**ran, "outcomes": dict(outcomes), "told": dict(told)})
    assert not faults, "\n".join([f"{len(faults)} of {len(drawn)} samples differ", *faults[:20]])
    assert met <= {None, *told}, f"no longer differs: {met - {None, *told}}"


def judge(name, call, ours, agreed):
    """What became of a sample, and a sentence why if it did not just pass; `agreed` gets the orders that agree."""
    refused, known = reason(REFUSED, name, call), reason(KNOWN, name, call)
    if refused:
        try:
            ours(*call.ours[0], **call.ours[1])
        except OURS:
            return "refused", refused
        raise Differs(f"is no longer refused: {refused}")
    comparison = compare_forms if name in DRAWN and DRAWN[name](call) else compare
    try:
        comparison(call, ENTRIES[name], ours, lambda result, x: settled(name, call, x)(result), agreed.append)
    except Unanswered as error:
        return ("passed" if agreed else "unanswered"), str(error).partition("\n")[0]
    except (Differs, *OURS, ArithmeticError, LookupError, ValueError) as error:
        if known:
            return "differs", known
        raise Differs(f"{type(error).__name__}: {error}") from error
    return "passed", None


def reason(entries, name, call):
    """The sentence of the first entry that is about a call, or None."""
    return next((why for holds, why in entries.get(name, []) if holds(call)), None)
