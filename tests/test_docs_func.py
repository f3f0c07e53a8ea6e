"""docs/func.md does what it says: its Python runs, in order and in one go, and prints what is shown below it."""

import re
from pathlib import Path

from tensorgrad import func

PATH = Path(__file__).parents[1] / "docs" / "func.md"
TEXT = PATH.read_text()
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


def test_the_python_blocks_run_and_print_what_is_shown(capsys):
    namespace = {"__name__": "func"}
    blocks = list(BLOCK.finditer(TEXT))
    assert len(blocks) == TEXT.count("```python") == 3
    for block in blocks:
        code, shown = block.groups()
        line = TEXT[: block.start(1)].count("\n")
        exec(compile("\n" * line + code, PATH, "exec"), namespace)
        assert capsys.readouterr().out == (shown or "")


def test_every_function_is_told():
    assert [name for name in func.__all__ if f"`{name}" not in TEXT and f".{name}" not in TEXT] == []
