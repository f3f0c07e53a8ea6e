"""Who may import whom, read from the source with `ast`. Imports point one way:

    errors, files, kernels <- dtypes, random, scopes <- modes <- node <- rules <- primitive <- graph <- ops
        <- arrays, inquiry, printing <- creation <- sampling <- numpy_door, methods, casts, fills, linalg <- tensor
        <- func, check, viz <- autograd <- tensorgrad/__init__
        and        tensorgrad <- nn

Each module may import those to its left; `kernels`, `ops`, `numpy_door`, `func`, `check`, `viz` and `autograd` are
packages, whose modules may import each other, without a cycle. A direction that is not allowed here is a question about
the design: answer it there, not here.
"""

import ast
import importlib
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]

# Each line may import the lines above it. Names in one line must not import each other.
ORDER = [
    {"errors", "files", "kernels"},
    {"dtypes", "random", "scopes"},
    {"settings", "modes"},
    {"node"},
    {"rules"},
    {"primitive"},
    {"graph"},
    {"ops"},
    {"arrays", "inquiry", "printing"},
    {"creation"},
    {"sampling"},
    {"numpy_door", "methods", "casts", "fills", "linalg"},
    {"tensor"},
    {"func", "check", "viz"},
    {"autograd"},
    {"__init__"},
]
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}
PACKAGES = {"kernels", "ops", "numpy_door", "func", "check", "viz", "autograd"}

# Imports for annotations alone (`if TYPE_CHECKING:`) may point the other way, but only these do.
TYPING_ONLY = {
    ("modes", "node"),
    ("modes", "primitive"),
    ("node", "primitive"),
    ("node", "rules"),
    ("rules", "primitive"),
    ("ops", "tensor"),
    ("creation", "tensor"),
    ("sampling", "tensor"),
    ("casts", "tensor"),
    ("fills", "tensor"),
}

# What is not from the standard library, and who may import it.
THIRD_PARTY = {
    "numpy": lambda module: True,
    "graphviz": lambda module: module.startswith("tensorgrad.viz"),
    "safetensors": lambda module: module.startswith("nn."),
    "threadpoolctl": lambda module: module.startswith("tensorgrad.kernels"),
    "tqdm": lambda module: module.startswith("nn.train"),
    "pooch": lambda module: module == "nn.data.published",
    # an optional extra, which no other modules import
    "matplotlib": lambda module: module in ("nn.train.flow", "nn.train.plots"),
}

# Imports inside functions, each with its reason.
INSIDE_FUNCTIONS: dict[tuple[str, str], str] = {
    ("tensorgrad.viz.render", "graphviz"): "most programs draw nothing, and text forms need no Graphviz",
    ("nn.data.published", "pooch"): "an optional extra, needed only when files are downloaded",
}


class Import(NamedTuple):
    module: str  # where it stands: "tensorgrad.ops.conv"
    target: str  # what it names: "tensorgrad.kernels.conv", "numpy", "tensorgrad.errors.ShapeError"
    line: int
    typing: bool  # under `if TYPE_CHECKING:`
    function: str  # the function it stands in, or ""

    def __str__(self):
        return f"{self.module}:{self.line} imports {self.target}"


def name_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def sources(package):
    return sorted((ROOT / package).rglob("*.py"))


def imports_in(path):
    """Every import of a file, with what it names in full."""
    module = name_of(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = []

    def visit(node, typing, function):
        if isinstance(node, ast.Import):
            found.extend(Import(module, alias.name, node.lineno, typing, function) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            found.extend(
                Import(module, f"{base}.{alias.name}" if alias.name != "*" else base, node.lineno, typing, function)
                for alias in node.names
            )
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            function = getattr(node, "name", "lambda")
        for child in ast.iter_child_nodes(node):
            inside = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) and child in node.body
            visit(child, typing or inside, function)

    visit(ast.parse(path.read_text(encoding="utf-8")), False, "")
    return found


MODULES = {name_of(path): path for package in ("tensorgrad", "nn") for path in sources(package)}
IMPORTS = [i for path in MODULES.values() for i in imports_in(path) if i.target != "__future__"]
IMPORTS = [i for i in IMPORTS if not i.target.startswith("__future__")]


def module_of(target):
    """The module that an import of `target` loads: the longest prefix that is a file of ours, or the target itself."""
    parts = target.split(".")
    for count in range(len(parts), 0, -1):
        if ".".join(parts[:count]) in MODULES:
            return ".".join(parts[:count])
    return target


def part_of(module):
    """The part of tensorgrad a module belongs to: "tensorgrad.ops.conv" to "ops", "tensorgrad" to "__init__"."""
    return module.split(".")[1] if "." in module else "__init__"


def listed(imports):
    return "\n".join(map(str, imports))


def test_every_module_has_a_place_in_the_order():
    parts = {part_of(name) for name in MODULES if name.split(".")[0] == "tensorgrad"} - {"nn"}
    assert parts <= set(RANK), f"new parts of tensorgrad, give them a place in ORDER: {parts - set(RANK)}"
    assert {p for p in parts if (ROOT / "tensorgrad" / p).is_dir()} <= PACKAGES


def test_imports_of_tensorgrad_point_one_way():
    wrong = []
    for i in IMPORTS:
        target = module_of(i.target)
        if not i.module.startswith("tensorgrad") or i.module == "tensorgrad.nn" or not target.startswith("tensorgrad"):
            continue
        source, goal = part_of(i.module), part_of(target)
        if i.typing:
            fine = source == goal or RANK[goal] < RANK[source] or (source, goal) in TYPING_ONLY
        elif source == goal:
            fine = source in PACKAGES or source == "__init__"
        else:
            fine = RANK[goal] < RANK[source]
        if not fine:
            wrong.append(i)
    assert not wrong, listed(wrong)


def test_a_package_is_not_imported_by_its_own_modules():
    """`from . import saved` is fine, `from . import gradcheck` (a function of the package) or `from .. import exp` is a
    cycle in waiting."""
    wrong = []
    for i in IMPORTS:
        target = module_of(i.target)
        if i.module != target and i.module.startswith(target + ".") and MODULES[target].name == "__init__.py":
            wrong.append(i)
    assert not wrong, listed(wrong)


def test_there_are_no_cycles_at_run_time():
    graph = {name: set() for name in MODULES}
    for i in IMPORTS:
        target = module_of(i.target)
        if not i.typing and target in MODULES and target != i.module:
            graph[i.module].add(target)
    # nn stands on tensorgrad; tensorgrad/nn.py, which nobody imports, on nn.
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))


def test_types_are_the_only_reason_to_import_upwards():
    used = {
        (part_of(i.module), part_of(module_of(i.target)))
        for i in IMPORTS
        if i.typing and i.module.startswith("tensorgrad") and module_of(i.target).startswith("tensorgrad")
    }
    upwards = {(a, b) for a, b in used if a != b and RANK[b] >= RANK[a]}
    assert upwards == TYPING_ONLY, "TYPING_ONLY lists other edges than there are"


def test_kernels_import_numpy_and_the_standard_library_alone():
    wrong = []
    for i in IMPORTS:
        if i.module.startswith("tensorgrad.kernels"):
            top = i.target.split(".")[0]
            if not (
                top in ("numpy", "threadpoolctl")
                or top in sys.stdlib_module_names
                or i.target.startswith("tensorgrad.kernels.")
            ):
                wrong.append(i)
    assert not wrong, listed(wrong)


def test_operations_never_import_tensor_or_the_walk():
    wrong = [
        i
        for i in IMPORTS
        if i.module.startswith("tensorgrad.ops")
        and not i.typing
        and part_of(module_of(i.target)) in ("tensor", "graph", "creation", "numpy_door")
        and module_of(i.target).startswith("tensorgrad")
    ]
    assert not wrong, listed(wrong)


def test_nothing_in_tensorgrad_imports_nn_but_its_alias():
    wrong = [i for i in IMPORTS if i.module != "tensorgrad.nn" and i.module.startswith("tensorgrad")]
    wrong = [i for i in wrong if i.target.split(".")[0] == "nn" or module_of(i.target) == "tensorgrad.nn"]
    assert not wrong, listed(wrong)


def test_the_alias_is_three_lines():
    body = ast.parse((ROOT / "tensorgrad" / "nn.py").read_text()).body
    assert [type(node) for node in body] == [ast.Expr, ast.ImportFrom, ast.ImportFrom]
    assert {i.target for i in IMPORTS if i.module == "tensorgrad.nn"} == {"nn", "nn.__all__"}


def test_nn_stands_on_tensorgrads_public_names():
    public = set(importlib.import_module("tensorgrad").__all__)
    wrong = []
    for i in IMPORTS:
        if i.module.split(".")[0] != "nn" or i.target.split(".")[0] != "tensorgrad" or i.target == "tensorgrad":
            continue
        name = i.target.split(".")[1]
        if name not in public or name == "nn" or len(i.target.split(".")) > 2:
            wrong.append(i)
    for name, path in MODULES.items():
        if name.split(".")[0] != "nn":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            of_tg = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "tg"
            if of_tg and (node.attr not in public or node.attr == "nn"):
                wrong.append(f"{name}:{node.lineno} uses tg.{node.attr}")
    assert not wrong, listed(wrong)


def test_nn_uses_no_private_attribute_of_tensors_and_nodes():
    from tensorgrad.node import Node, TensorBase

    private = {n for n in (*TensorBase.__slots__, *Node.__slots__) if n.startswith("_")} - {"__weakref__"}
    wrong = []
    for name, path in MODULES.items():
        if name.split(".")[0] == "nn":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                of_self = (
                    isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
                )
                if isinstance(node, ast.Attribute) and node.attr in private and not of_self:
                    wrong.append(f"{name}:{node.lineno} uses .{node.attr}")
    assert not wrong, listed(wrong)


def test_nn_imports_itself_relatively():
    """`from nn.module import Module` beside `from .module import Module` works, until somebody renames the package."""
    wrong = []
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            absolute = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            absolute += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            if name.split(".")[0] == "nn" and any(target.split(".")[0] == "nn" for target in absolute):
                wrong.append(f"{name}:{node.lineno}")
    assert not wrong, listed(wrong)


def test_functional_data_and_files_do_not_know_modules():
    """What others may want without layers: functions, data sets, files, initial values."""
    wrong = [
        i
        for i in IMPORTS
        if i.module.startswith(("nn.functional", "nn.data", "nn.io", "nn.init", "nn.errors"))
        and module_of(i.target) in ("nn", "nn.module", "nn.container", "nn.optim")
    ]
    assert not wrong, listed(wrong)


def test_only_known_libraries_are_imported_and_only_where_they_belong():
    wrong = []
    for i in IMPORTS:
        top = i.target.split(".")[0]
        if top in ("tensorgrad", "nn") or top in sys.stdlib_module_names:
            continue
        if top not in THIRD_PARTY and (i.module, top) not in INSIDE_FUNCTIONS:
            wrong.append(f"{i}: not a known library")
        elif top in THIRD_PARTY and not THIRD_PARTY[top](i.module):
            wrong.append(f"{i}: {top} does not belong there")
    assert not wrong, listed(wrong)


def test_imports_stand_at_the_top():
    inside = {(i.module, i.target.split(".")[0]): i for i in IMPORTS if i.function}
    wrong = [i for key, i in inside.items() if key not in INSIDE_FUNCTIONS]
    assert not wrong, listed(wrong)
    stale = {key for key in INSIDE_FUNCTIONS if key[0] in MODULES} - set(inside)
    assert not stale, f"no longer needed in INSIDE_FUNCTIONS: {stale}"


def test_nothing_is_imported_by_name_at_run_time():
    """`importlib.import_module`, `__import__`, `sys.modules`: only for `tg.nn`, which cannot be imported with tg.

    And for the functions of a job that another process of ours has packed.
    """
    allowed = {("tensorgrad", "__getattr__"), ("tensorgrad.kernels.parcel", "_names_in")}
    wrong = []
    for name, path in MODULES.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        owner = {}
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                for node in ast.walk(function):
                    owner[node] = function.name
        for node in ast.walk(tree):
            text = ast.unparse(node) if isinstance(node, (ast.Call, ast.Attribute)) else ""
            dynamic = isinstance(node, ast.Call) and ("import_module" in text.split("(")[0] or "__import__" in text)
            if (dynamic or text == "sys.modules") and (name, owner.get(node, "")) not in allowed:
                wrong.append(f"{name}:{node.lineno}: {text[:60]}")
    assert not wrong, listed(wrong)


def test_the_product_never_imports_its_oracle_or_its_tests():
    for top in ("torch", "tests", "pytest", "benchmarks", "examples", "pickle"):
        wrong = [i for i in IMPORTS if i.target.split(".")[0] == top]
        assert not wrong, listed(wrong)


def test_no_module_of_nn_imports_the_optional_plots():
    wrong = [i for i in IMPORTS if module_of(i.target) == "nn.train.plots"]
    assert not wrong, listed(wrong)


def test_star_imports_are_the_aliases_alone():
    wrong = []
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names) and name != "tensorgrad.nn":
                wrong.append(f"{name}:{node.lineno}")
    assert not wrong, listed(wrong)


def test_importing_tensorgrad_does_not_import_nn():
    from tests.engine.tools import run

    out = run(
        "import sys, tensorgrad as tg\n"
        "print([m for m in sys.modules if m == 'nn' or m.startswith('nn.') or m in ('torch', 'matplotlib', 'tqdm')])\n"
        "from tensorgrad import nn\n"
        "assert 'matplotlib' not in sys.modules\n"
        "import nn as other, nn.functional as F\n"
        "from tensorgrad.nn import functional\n"
        "assert F is functional is tg.nn.functional, 'two copies'\n"
        "assert tg.nn.Linear is other.Linear is nn.Linear\n"
    )
    assert out.strip() == "[]"


def test_importing_tensorgrad_imports_numpy_and_threadpoolctl_alone_from_outside():
    from tests.engine.tools import run

    code = """
import sys, numpy.random
before = set(sys.modules)
import tensorgrad
tops = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(tops - set(sys.stdlib_module_names) - {"tensorgrad", "numpy", "threadpoolctl"}))
"""
    assert run(code).strip() == "[]"
