"""The README does what it says: its Python runs, in order and in one go, and prints what is shown below it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


def test_the_python_blocks_run_and_print_what_is_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "readme"}
    blocks = list(BLOCK.finditer(TEXT))
    assert len(blocks) == TEXT.count("```python") == 10
    for block in blocks:
        code, shown = block.groups()
        line = TEXT[: block.start(1)].count("\n")
        exec(compile("\n" * line + code, ROOT / "README.md", "exec"), namespace)
        assert capsys.readouterr().out == (shown or "")
    assert {path.name for path in tmp_path.iterdir()} == {
        "first.dot",
        "model.safetensors",
        "net.svg",
        "run.safetensors",
    }


def test_the_spelling_that_is_not_supported_is_not():
    assert "`import tensorgrad.nn.functional` is not one of them" in TEXT
    with pytest.raises(ModuleNotFoundError, match=r"tensorgrad\.nn"):
        __import__("tensorgrad.nn.functional")


def test_what_it_points_to_exists():
    links = re.findall(r"\]\(([^)]+)\)", TEXT) + re.findall(r'src="([^"]+)"', TEXT)
    rows = re.findall(r"^\| (`.*?) \|", TEXT, re.MULTILINE)
    places = [place for row in rows for place in re.findall(r"`(.*?)`", row)]
    assert len(links) >= 8
    assert len(places) >= 12
    for name in [*links, *places]:
        assert (ROOT / name).exists() or (ROOT / "tensorgrad" / name).exists(), name


def test_its_commands_exist():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    used = re.findall(r"(?:`|^    )make ([a-z-]+)", TEXT, re.MULTILINE)
    assert {"demo", "test"} <= set(used) <= set(targets)
    for module in re.findall(r"-m examples\.(\w+)", TEXT):
        assert any((ROOT / "examples" / file).exists() for file in (f"{module}.py", f"{module}/__main__.py"))
