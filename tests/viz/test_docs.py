"""docs/pictures.md does what it says."""

import re
from dataclasses import fields
from pathlib import Path

from benchmarks import pictures
from tensorgrad import viz
from tensorgrad.viz import render
from tensorgrad.viz.boxes import DECADES
from tensorgrad.viz.collapse import CARDS, LIMIT
from tensorgrad.viz.measure import SMALL, TEXT, TITLE
from tensorgrad.viz.options import CHOICES
from tensorgrad.viz.view import NOTEBOOK_NODES

TEXT_OF_DOCS = (Path(__file__).parents[2] / "docs" / "pictures.md").read_text()


def test_its_program_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"^```python\n(.*?)^```", TEXT_OF_DOCS, re.MULTILINE | re.DOTALL)
    namespace = {}
    exec(code, namespace)
    assert (tmp_path / "net.svg").read_text().startswith("<svg")
    assert namespace["view"].recorded


def test_its_tables_name_every_option_and_every_suffix():
    rows = re.findall(r"^\| (`[a-z`, ]+) \| (.*?) \|", TEXT_OF_DOCS, re.MULTILINE)
    named = [name for cell, _ in rows for name in re.findall(r"`(\w+)`", cell)]
    assert set(named) - {"view"} == {field.name for field in fields(viz.Options)} - {"view"}
    choices = {name: values for cell, values in rows for name in re.findall(r"`(\w+)`", cell)}
    for name, allowed in CHOICES.items():
        assert all(f'`"{value}"`' in TEXT_OF_DOCS for value in allowed), name
        if name != "view":
            assert re.findall(r'"(\w+)"', choices[name]) == list(allowed)
    assert set(re.findall(r'"net(\.\w+)"', TEXT_OF_DOCS)) == {*render.DRAWN, *render.WRITTEN}


def test_its_numbers_are_those_of_the_code():
    for said in (
        f"more than {LIMIT:,} cards",
        f"about {CARDS} cards",
        f"text above {NOTEBOOK_NODES:,} boxes",
        f"letters are at least {min(SMALL, TEXT, TITLE):.0f} pixels high",
    ):
        assert said in TEXT_OF_DOCS
    assert DECADES == 6
    assert "over six powers of ten" in TEXT_OF_DOCS


def test_the_times_come_from_a_command_that_runs(monkeypatch, capsys):
    monkeypatch.setattr(pictures, "REPEATS", 1)
    pictures.main((30,))
    table = [line.split("|") for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    heads = [line.split("|") for line in TEXT_OF_DOCS.splitlines() if line.startswith("| graph")]
    assert table[0] == heads[0]
    assert table[2][1:3] == [" LeNet-5, recorded ", " 15 "]
    assert table[-1][1] == " 30 operations "
    assert {len(row) for row in table} == {len(heads[0])}
