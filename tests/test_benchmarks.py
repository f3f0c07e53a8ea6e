"""The parts of `python -m benchmarks` that could quietly give wrong figures."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import instrument, run, table, worker
from benchmarks.layers import LAYERS
from benchmarks.models import MODELS
from benchmarks.stats import Goal, Row, better, grown, pair_ratios
from tensorgrad import nn
from tests.parity import tally

ROOT = Path(__file__).parents[1]
RESULT = {
    "machine": {"cpu": "a CPU", "cores": 2, "system": "Linux", "python": "3.12", "load": None, "time": "today"},
    "libraries": {
        "tensorgrad": {"version": "0.1", "numpy": "2.4", "blas": "openblas 0.3"},
        "torch": {"version": "2.13.0", "cpu": "AVX512"},
    },
    "settings": {"threads": [2], "pairs": 3, "seconds": 0.3},
    "only": "only vgg6",
}


def sample():
    row = Row("train VGG-6", "ms", 2, 80.0, 100.0, 90.25, ratios=[0.9, 0.8, 1.0], goal=Goal(1.0))
    row.memory = {"ours": 50e6, "contiguous": 100e6, "channels_last": 200e6}
    return row


def result_of(*rows):
    return RESULT | {"rows": [row.to_json() for row in rows]}


def test_a_ratio_is_taken_within_each_pair_and_its_median_counts():
    # The machine became four times slower on the way: the ratio of the medians would say 1, the pairs say 2.
    assert pair_ratios([2, 4, 8], [1, 2, 4]) == [2, 2, 2]
    assert sample().ratio == 0.9
    with pytest.raises(ValueError, match="2 measurements against 1"):
        pair_ratios([1, 2], [1])


def test_the_better_format_is_the_one_with_the_smaller_median():
    assert better({"contiguous": [1, 9, 9], "channels_last": [5, 5, 5]}) == "channels_last"
    row = Row("", "ms", 1)
    run.fill(row, {"ours": [2, 2, 2], "contiguous": [1, 9, 9], "channels_last": [5, 4, 8]}, 1e3)
    assert (row.ours, row.contiguous, row.channels_last) == (2000, 9000, 5000)
    assert row.ratios == [0.4, 0.5, 0.25]


def test_goals_are_held_against_the_figure_they_name():
    assert sample().is_met is True
    assert Row("", "ms", 1, ratios=[1.01], goal=Goal(1.0)).is_met is False
    assert Row("", "ms", 1, ours=120.0, ratios=[9.0], goal=Goal(150, "ours")).is_met is True
    assert Row("", "ms", 1, goal=Goal(1.0)).is_met is None
    assert Row("", "ms", 1, ratios=[0.5]).is_met is None


def test_memory_is_against_the_smaller_of_both_formats():
    assert sample().memory_ratio == 0.5
    assert Row("", "MB", 1, memory={"ours": 1.0}).memory_ratio is None


def test_a_graph_that_grows_in_time_or_in_memory_is_noticed():
    first = Row("", "µs", 1, ours=4.0, memory={"ours": 1000})
    assert grown(first, Row("", "µs", 1, ours=8.0, memory={"ours": 1000})) == 2
    assert grown(first, Row("", "µs", 1, ours=4.0, memory={"ours": 3000})) == 3


def test_rows_survive_json():
    rows = [sample(), Row("not measured", "ms", 1, error="it broke")]
    again = [Row.from_json(row) for row in json.loads(json.dumps(result_of(*rows)))["rows"]]
    assert again == rows
    saved = result_of(*rows)["rows"][0]
    assert (saved["ratio"], saved["min"], saved["max"], saved["pairs"]) == (0.9, 0.8, 1.0, 3)


def test_the_table_has_every_figure_in_its_column():
    lines = table.text(
        result_of(sample(), Row("conv", "ms", 2, 1.5, 12.0, other="MyGrad", ratios=[0.125]))
    ).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("---"))
    assert lines[0].startswith("a CPU, 2 cores")
    assert any("threads: 2 for both; 3 pairs" in line for line in lines)
    assert "A part only: only vgg6" in lines
    assert lines[start - 1].split() == list(table.HEADINGS[1:])
    assert lines[start + 1].split("  ")[0] == "train VGG-6"
    cells = ["ms", "80.0", "100", "90.2", "0.90", "0.80", "1.00", "0.50", "<=", "1", "yes", "3", "2"]
    assert lines[start + 1].split()[2:] == cells
    assert "MyGrad 12.0" in lines[start + 2]
    ends = [line.rindex(" ") for line in lines[start + 1 : start + 3]]
    assert ends[0] == ends[1]  # aligned to the right


@pytest.mark.parametrize(
    "value, shown", [(None, "-"), (0, "0"), (0.0123, "0.012"), (1.234, "1.23"), (99.99, "100.0"), (12345.6, "12,346")]
)
def test_figures(value, shown):
    assert table.figure(value) == shown


def test_failures_and_disturbances_are_told_below_the_table():
    rows = [sample() for _ in range(3)]
    rows[0].error, rows[1].foreign_share, rows[2].idle_share = "Traceback ...\nValueError: no", 0.4, 0.1
    said = "\n".join(table.remarks(rows))
    assert "FAILED: ValueError: no" in said
    assert "other programs used 40% of the machine" in said
    assert "should have been idle used 10%" in said
    assert table.remarks([sample()]) == []


def test_markdown_goes_to_its_place_in_the_page():
    made = table.markdown(result_of(sample()))
    assert len({line.count("|") for line in made.splitlines() if line.startswith("|")}) == 1
    page = "before\n<!-- table: bench -->\nold\n<!-- end of table -->\nafter\n"
    once = table.put(page, "bench", made)
    assert once.startswith("before\n")
    assert once.endswith("\nafter\n")
    assert "old" not in once
    assert table.put(once, "bench", made) == once
    with pytest.raises(ValueError, match="0 places"):
        table.put(page, "layers", made)
    documented = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    for place in ("bench", "avx512"):
        assert "new" in table.put(documented, place, "new")


def test_json_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "runs" / "bench.json"
    table.save(path, {"rows": [1]})
    with pytest.raises(TypeError, match="not JSON serializable"):
        table.save(path, {"rows": [1, object()]})

    def fails(source, target):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="the disk is full"):
        table.save(path, {"rows": [2]})
    assert json.loads(path.read_text()) == {"rows": [1]}
    assert os.listdir(path.parent) == ["bench.json"]


def test_the_resnets_are_those_of_nn_models():
    for name, model in (("resnet20", nn.models.resnet20), ("resnet18", nn.models.resnet18)):
        with nn.meta():
            described, ours = MODELS[name].build(nn), model()
        shapes = [{key: value.shape for key, value in m.state_dict().items()} for m in (described, ours)]
        assert shapes[0] == shapes[1]


COUNTS = {"mlp": 235146, "lecture": 20490, "lenet5": 61706, "vgg6": 307498, "resnet20": 269722, "resnet18": 11689512}


def count(model):
    return sum(int(np.prod(p.shape)) for p in model.parameters())


def test_the_models_have_the_known_numbers_of_parameters():
    with nn.meta():
        assert {name: count(described.build(nn)) for name, described in MODELS.items()} == COUNTS


@pytest.mark.parity
def test_the_models_are_the_same_in_both_libraries():
    import torch

    for described in MODELS.values():
        with nn.meta():
            ours = described.build(nn)
        with torch.device("meta"):
            theirs = described.build(torch.nn)
        shapes = [{k: tuple(v.shape) for k, v in model.state_dict().items()} for model in (ours, theirs)]
        assert shapes[0] == shapes[1]
        assert count(ours) == count(theirs)
        tally.count("models")


def test_layers_have_names_of_their_own():
    assert len({layer.title for layer in LAYERS}) == len(LAYERS)


def test_a_worker_answers_and_tells_what_went_wrong():
    with run.Worker("tensorgrad", 1) as one:
        assert one.ask("info")["numpy"] == np.__version__
        one.ask("prepare", key="a", task={"kind": "scalars", "graph": "fan"}, warmup=1)
        answer = one.ask("measure", key="a", seconds=0.01, least=3)
        assert answer["runs"] >= 3
        assert 0 < answer["seconds"] < 1
        with pytest.raises(run.Failure, match="no kind of task"):
            one.ask("prepare", key="b", task={"kind": "unknown"}, warmup=1)
        assert one.ask("peak")["bytes"] >= 0
        assert one.ask("finish", key="a") == {}


def test_a_library_that_is_missing_is_told_with_the_way_to_install_it(monkeypatch):
    monkeypatch.setattr(run, "Worker", missing_worker)
    row = run.conv_rows(run.Settings())[0]
    assert (row.note, row.error, row.ours) == ("not installed: pip install mygrad", "", None)


def missing_worker(library, threads):
    raise run.Missing(run.INSTALL["mygrad"])


def test_the_times_of_a_turn_leave_out_its_first_run():
    calls = []
    assert len(worker.times(lambda: calls.append(1), 0, least=3)) == 3
    assert len(calls) == 4


@pytest.mark.parametrize(
    "name, args, flops",
    [
        ("matmul", [(2, 3), (3, 5)], 60),
        ("matmul", [(7, 1, 2, 3), (4, 3, 5)], 60 * 28),
        ("matmul", [(3,), (3,)], 6),
        ("tensordot", [(2, 3, 4), (3, 4, 5), ([1, 2], [0, 1])], 2 * 2 * 12 * 5),
        ("einsum", ["ij,jk->ik", (2, 3), (3, 5)], 60),
    ],
)
def test_operations_of_a_product(name, args, flops):
    arrays = [np.empty(a) if type(a) is tuple and type(a[0]) is int else a for a in args]
    assert instrument.product_flops(name, arrays) == flops


def test_bytes_of_arguments():
    x = np.zeros((2, 3), np.float32)
    assert instrument.array_bytes([x, (x, [x[0]]), np.bool_, None, "text", 3, slice(2)]) == 24 + 24 + 12


def test_a_function_is_timed_without_what_it_calls():
    clock = instrument.Clock()
    inner = clock.timed("elementwise", "inner")(lambda: sum(range(200_000)))
    outer = clock.timed("pooling", "outer")(lambda: inner())
    outer()
    assert clock.costs == {}
    clock.is_on = True
    outer()
    inner()
    # Called from pooling, the inner function's work is pooling's.
    assert set(clock.costs) == {("pooling", "outer"), ("pooling", "inner"), ("elementwise", "inner")}
    assert clock.costs["pooling", "outer"].seconds < clock.costs["pooling", "inner"].seconds


def test_timers_are_put_where_the_arithmetic_is():
    def changed(source, module):
        return ast.unparse(ast.fix_missing_locations(instrument._Rewrite(module).visit(ast.parse(source))))

    kernel = changed("def f(a, b):\n    return np.matmul(a, b) + a @ b", "tensorgrad.kernels.winograd")
    assert "@__timed__('columns and transforms', 'kernels.winograd.f')" in kernel
    assert "__product_matmul__(a, b) + __product_matmul__(a, b)" in kernel
    op = changed(
        "@primitive\ndef _f(x):\n    pass\ndef f(x):\n    pass\n_f.defvjps(lambda g: g, None)", "tensorgrad.ops.pool"
    )
    assert op.count("__timed__") == 2
    assert "(lambda g: g), None)" in op


def test_the_profile_divides_a_whole_step():
    command = [sys.executable, "-m", "benchmarks.profile", "mlp", "--steps", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    kinds = [line for line in done.stdout.splitlines() if "%" in line][: done.stdout.count("\n")]
    assert any(line.startswith("GEMM") and "GFLOP/s" in line for line in kinds)
    assert any(line.startswith("graph and Python") for line in kinds)
