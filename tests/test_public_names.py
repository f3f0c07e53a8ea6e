"""`__all__` is what is importable; every public name is documented; nothing else leaks out."""

import importlib
import importlib.resources
import importlib.util
import inspect
import re
import types

import numpy as np
import pytest

import tensorgrad as tg

PLACES = [
    "nn.models",
    "nn.utils",
    "nn.text",
    "tensorgrad",
    "nn",
    "nn.functional",
    "nn.init",
    "nn.optim",
    "nn.schedule",
    "nn.data",
    "nn.io",
    "nn.train",
]
PLACES += ["tensorgrad.viz", "tensorgrad.check", "tensorgrad.files", "tensorgrad.func", "tensorgrad.nn"]
PLACES += ["tensorgrad.random", "tensorgrad.linalg", "tensorgrad.autograd"]
# Where a list of names is demanded; the others may do without, if their modules define only what is theirs.
LISTED = [
    "tensorgrad",
    "nn",
    "nn.functional",
    "nn.data",
    "nn.train",
    "tensorgrad.viz",
    "tensorgrad.check",
    "tensorgrad.linalg",
    "tensorgrad.autograd",
    "tensorgrad.func",
    "tensorgrad.nn",
]


def there(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


places = pytest.mark.parametrize("place", [p for p in PLACES if there(p)])
listed = pytest.mark.parametrize("place", [p for p in LISTED if there(p)])


def public(module):
    """Names that `import module` offers without underscore."""
    return {name for name in vars(module) if not name.startswith("_")}


def submodules(module):
    """Modules below a package become its attributes when they are imported, whoever imports them."""
    return {
        name
        for name, value in vars(module).items()
        if isinstance(value, types.ModuleType) and value.__name__ == f"{module.__name__}.{name}"
    }


def order(name):
    kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return kind, [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


@listed
def test_all_is_sorted_and_without_doubles(place):
    """In ruff's order: constants, classes, the rest; numbers count as numbers (int8 before int16)."""
    names = importlib.import_module(place).__all__
    assert list(names) == sorted(set(names), key=order)


@listed
def test_all_is_what_is_importable(place):
    module = importlib.import_module(place)
    names = set(module.__all__)
    missing = {name for name in names if not hasattr(module, name)}
    assert not missing, f"in __all__ but not there: {missing}"
    extra = public(module) - names - submodules(module)
    if not module.__file__.endswith("__init__.py"):
        # A plain module has its own imports, `np` or `Any`; it is held to list all that is ours.
        extra = {
            n for n in extra if getattr(getattr(module, n), "__module__", "x").split(".")[0] in ("tensorgrad", "nn")
        }
    assert not extra, f"importable but not in __all__: {extra}"
    assert not {name for name in names if name.startswith("_")}


@listed
def test_a_star_import_works(place):
    namespace = {}
    exec(f"from {place} import *", namespace)
    assert set(namespace) - {"__builtins__"} == set(importlib.import_module(place).__all__)


@places
def test_every_module_has_a_docstring_of_its_subject(place):
    module = importlib.import_module(place)
    if module.__file__.endswith("__init__.py") and place != "tensorgrad":
        return  # names only
    assert module.__doc__


def exported(place):
    module = importlib.import_module(place)
    names = getattr(module, "__all__", None)
    if names is None:
        names = [
            n for n, v in vars(module).items() if getattr(v, "__module__", None) == place and not n.startswith("_")
        ]
    return {name: getattr(module, name) for name in names}


@places
def test_every_public_callable_has_a_docstring(place):
    bare = []
    for name, value in exported(place).items():
        if isinstance(value, types.ModuleType) or not callable(value):
            continue
        if not (value.__doc__ or "").strip() or (
            isinstance(value, type) and value.__doc__ in {base.__doc__ for base in value.__mro__[1:]}
        ):
            bare.append(name)
    assert not bare, f"{place}: without a docstring: {bare}"


@places
def test_every_public_method_has_a_docstring(place):
    bare = []
    for name, value in exported(place).items():
        if not isinstance(value, type):
            continue
        for attribute, member in vars(value).items():
            function = member.fget if isinstance(member, property) else member
            function = getattr(function, "__func__", function)
            if not attribute.startswith("_") and inspect.isfunction(function) and not inspect.getdoc(member):
                inherited = any(getattr(getattr(b, attribute, None), "__doc__", None) for b in value.__mro__[1:])
                if not inherited and function.__name__ != "forward":
                    bare.append(f"{name}.{attribute}")
    assert not bare, f"{place}: without a docstring: {bare}"


@places
def test_docstrings_are_sentences_not_signatures(place):
    odd = []
    for name, value in exported(place).items():
        text = (getattr(value, "__doc__", None) or "").strip()
        ours = getattr(value, "__module__", "") != "numpy"  # finfo and iinfo are NumPy's
        if callable(value) and not isinstance(value, types.ModuleType) and text and ours:
            first = text.split("\n\n")[0]
            if not re.search(r"[.:]$", first) or re.match(rf"{re.escape(name)}\(", first):
                odd.append((name, first[:60]))
    assert not odd, f"{place}: {odd}"


@places
def test_public_names_say_where_they_are_from(place):
    """No name of somebody else's library is passed on (`np`, `Any`, `Sequence`)."""
    foreign = []
    for name, value in exported(place).items():
        source = getattr(value, "__module__", None) or getattr(value, "__name__", "")
        if callable(value) and source.split(".")[0] not in ("tensorgrad", "nn"):
            foreign.append((name, source))
    if place == "tensorgrad":
        foreign = [(n, s) for n, s in foreign if not (isinstance(getattr(tg, n), type) and s == "numpy")]
    assert not foreign, f"{place}: {foreign}"


def test_methods_of_tensor_are_the_functions():
    """One operation, one meaning: `x.f(...)` and `tg.f(x, ...)` have the same parameters, in the same order."""
    different = []
    for name in sorted(set(dir(tg.Tensor)) & set(tg.__all__)):
        function = getattr(tg, name)
        method = getattr(tg.Tensor, name)
        if not callable(function) or not callable(method) or isinstance(function, type) or name == "grad":
            continue
        if name == "where":
            continue  # x.where(condition, other): the tensor is not the first argument of the function
        ours = list(inspect.signature(method).parameters.values())[1:]
        theirs = list(inspect.signature(function).parameters.values())[1:]
        if [(p.name, p.kind, p.default) for p in ours] != [(p.name, p.kind, p.default) for p in theirs]:
            if any(p.kind is p.VAR_POSITIONAL for p in ours + theirs):
                continue  # x.reshape(2, 3), x.permute(1, 0)
            different.append((name, [str(p) for p in ours], [str(p) for p in theirs]))
    assert not different, "\n".join(map(str, different))


def test_both_packages_say_that_they_are_typed():
    """Without the file `py.typed` type checkers take everything in an installed package as Any."""
    assert [p for p in ("tensorgrad", "nn") if not importlib.resources.files(p).joinpath("py.typed").is_file()] == []


def test_the_version_is_told():
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", tg.__version__)


def test_unknown_names_raise_attribute_errors():
    with pytest.raises(AttributeError, match=r"tensorgrad.*no attribute 'no_such_name'"):
        tg.no_such_name  # noqa: B018
    assert not hasattr(tg, "__path_to_nowhere__")


def test_errors_are_also_the_built_in_errors():
    assert issubclass(tg.ShapeError, ValueError)
    assert issubclass(tg.DTypeError, TypeError)
    assert issubclass(tg.GradientError, RuntimeError)
    assert issubclass(tg.LabelError, IndexError)
    assert issubclass(tg.LinAlgError, np.linalg.LinAlgError)
    assert issubclass(tg.LinAlgError, RuntimeError)
    assert issubclass(tg.FileFormatError, ValueError)
    for name in tg.__all__:
        value = getattr(tg, name)
        if isinstance(value, type) and issubclass(value, Exception):
            assert issubclass(value, tg.TensorgradError)


def test_methods_that_draw_and_weigh():
    x = tg.tensor([[-1.0, 2.0]])
    assert x.prelu(tg.tensor([0.25])).tolist() == [[-0.25, 2.0]]
    drawn = tg.tensor([0.0, 1.0]).bernoulli(generator=np.random.default_rng(0))
    assert drawn.tolist() == [0.0, 1.0]
    assert tg.tensor([0.0, 1.0]).multinomial(3, replacement=True).tolist() == [1, 1, 1]
