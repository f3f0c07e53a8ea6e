"""docs/operations.md is what `make docs` writes today, and every kink of an operation is told there."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tensorgrad.primitive import Primitive
from tests.op_table import KINKS, ROWS, document, public_operations
from tests.test_ops import rules_of, syntax_of

ROOT = Path(__file__).parents[1]
STALE = "docs/operations.md is not what the code says: run `make docs`"

# What a rule calls, or divides by, where its slope jumps or is infinite somewhere.
CHOICES = {"where", "sign", "no_slope", "abs", "lt", "le", "gt", "ge", "relu_grad", "to_index", "share_of_ties"}
CHOICES |= {"_to_ties", "_to_winners", "put_back"}

# Operations whose rules choose or divide without a kink, and why there is none.
SMOOTH = {
    "addbmm": "beta, a number, is asked whether it is 0, no value is",
    "addmm": "beta, a number, is asked whether it is 0, no value is",
    "addmv": "beta, a number, is asked whether it is 0, no value is",
    "addr": "beta, a number, is asked whether it is 0, no value is",
    "asinh": "divides by sqrt(input**2 + 1), which is never 0",
    "atan": "divides by 1 + input**2, which is never 0",
    "baddbmm": "beta, a number, is asked whether it is 0, no value is",
    "embedding": "chooses by row numbers, and divides by counts",
    "local_response_norm": "the base of the power is at least k",
    "masked_fill": "chooses by a mask",
    "mse_loss": "divides by the sum of the weights",
}


def test_the_file_is_what_the_code_says():
    assert document.PATH.read_bytes() == document.text().encode(), STALE


def test_another_process_with_other_hashes_writes_the_same_bytes(tmp_path):
    path = tmp_path / "operations.md"
    environment = {**os.environ, "PYTHONHASHSEED": "4321"}
    subprocess.run([sys.executable, "-m", "tests.op_table.document", path], cwd=ROOT, env=environment, check=True)
    assert path.read_bytes() == document.PATH.read_bytes(), STALE
    assert [p.name for p in tmp_path.iterdir()] == ["operations.md"]


def test_every_operation_has_one_row_with_as_many_cells_as_columns():
    lines = [line for line in document.text().splitlines() if line.startswith("| `")]
    names = [line.split("`")[1] for line in lines]
    assert sorted(names) == sorted(document.operations())
    assert set(public_operations()) <= set(names)
    for line in lines:
        assert line.replace("\\|", "").count("|") == len(document.COLUMNS) + 1
        assert line.count("`") % 2 == 0


def test_kinks_are_those_of_operations_and_told():
    names = {name.removeprefix("F.") for name in public_operations()}
    assert sorted(set(KINKS) - names) == []
    table = document.text()
    for told in KINKS.values():
        assert document.plain(told[:1].upper() + told[1:].rstrip(".")) in table


def choices(primitive):
    """What the rules of a primitive call or divide by where a slope may jump or be infinite."""
    for part in (part for rule in rules_of(primitive) for tree in syntax_of(rule) for part in ast.walk(tree)):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in CHOICES:
            yield part.func.id
        elif isinstance(part, ast.BinOp) and isinstance(part.op, ast.Div):
            names = {name.id for name in ast.walk(part.right) if isinstance(name, ast.Name)}
            yield from names & {*primitive.inputs, *primitive.outputs}


@pytest.mark.parametrize("name, operation", document.operations().items(), ids=document.operations())
def test_an_operation_whose_slope_may_jump_has_its_kink_told(name, operation):
    rows = [row for row in ROWS if row.op is operation]
    used = {primitive for row in rows for primitive in document.recorded_by(row) or []}
    found = {primitive.name: sorted(chosen) for primitive in used if (chosen := {*choices(primitive)})}
    told = name.removeprefix("F.") in KINKS
    assert not found or told != (name in SMOOTH), found
    assert found or name not in SMOOTH, "no reason is asked for"


def test_a_primitive_that_chooses_is_seen():
    operations = document.operations()
    assert isinstance(operations["maximum"], Primitive)
    assert {*choices(operations["maximum"])} == {"where", "lt", "gt"}
    assert {*choices(operations["log"])} == {"input"}
    assert {*choices(operations["sin"])} == set()
