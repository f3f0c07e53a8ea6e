"""What holds for every operation, tested on every row of `op_table`."""

import ast
import functools
import inspect
import itertools
import sys
from types import FunctionType

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.check import gradcheck, gradgradcheck
from tensorgrad.ops import reduce
from tensorgrad.primitive import Primitive
from tests.op_table import (
    F16,
    F32,
    F64,
    ROWS,
    TENSORS,
    arguments_of,
    as_tuple,
    draw,
    keyword_values,
    name_of,
    primitives,
    public_keyword_values,
    public_operations,
)

PRIMITIVES = primitives()
PUBLIC = public_operations()
# float64 leaves about ten digits in a difference; what has more than 40 values is looked at in random directions.
PRECISION = {"atol": 1e-8, "rtol": 1e-6, "max_elements": 40}

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
rows_with_gradients = pytest.mark.parametrize("row", [r for r in ROWS if r.wanted()], ids=lambda row: row.id)

# Memory layouts of the same values.
LAYOUTS = {
    "fortran": lambda a: np.array(a, order="F"),
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a,
    "sliced": lambda a: np.pad(a, 1)[(slice(1, -1),) * a.ndim] if a.ndim else a,
    "negative strides": lambda a: np.flip(np.flip(a).copy()) if a.ndim else a,
}


def leaves(row, values, requires_grad=True):
    """The values as a row takes them: those that get a gradient as leaves that share the arrays' memory."""
    inputs = list(values)
    for i in row.wanted():
        inputs[i] = tg.from_numpy(np.asarray(values[i]))
        inputs[i].requires_grad = requires_grad
    return inputs


def tensors_of(row, inputs):
    return [inputs[i] for i in row.wanted()]


def differentiable(results):
    return [r for r in as_tuple(results) if isinstance(r, tg.Tensor) and r.requires_grad]


def cotangents_for(outputs, seed=7):
    rng = np.random.default_rng(seed)
    return [draw(rng, out.shape, -1.1, 1.3).astype(out.dtype) for out in outputs]


def gradients(row, values, layout=None):
    """Results, cotangents and gradients as arrays; cotangents laid out by `layout`."""
    inputs = leaves(row, values)
    results = row.run(*inputs)
    outputs = differentiable(results)
    cotangents = cotangents_for(outputs)
    if not outputs:
        return results, [], [np.zeros(t.shape, t.dtype) for t in tensors_of(row, inputs)]
    laid = [tg.from_numpy(layout(g) if layout else g) for g in cotangents]
    found = tg.grad(outputs, tensors_of(row, inputs), laid, allow_unused=True)
    found = [
        np.zeros(t.shape, t.dtype) if g is None else g.data for g, t in zip(found, tensors_of(row, inputs), strict=True)
    ]
    return results, cotangents, found


# The table is complete


def test_every_primitive_has_a_row():
    with_rows = {row.op for row in ROWS}
    assert [name for name, primitive in PRIMITIVES.items() if primitive not in with_rows] == []


def test_every_keyword_of_a_primitive_takes_two_values_over_its_rows():
    assert [name for name, values in keyword_values(ROWS).items() if len(values) < 2] == []


# Keywords that take one value alone: another one, and why it is refused.
REFUSED = {("interpolate", "antialias"): (True, "filters against aliasing are not there; to ignore it would mislead")}


def test_every_keyword_of_a_public_function_takes_two_values_over_its_rows():
    missing = {key for key, values in public_keyword_values(ROWS).items() if len(values) < 2}
    assert sorted(missing - set(REFUSED)) == []
    assert sorted(set(REFUSED) - missing) == []


@pytest.mark.parametrize("name, keyword", REFUSED)
def test_keywords_of_one_value_refuse_another(name, keyword):
    value, _ = REFUSED[name, keyword]
    row = next(row for row in ROWS if row.op is PUBLIC[name] and row.call is None)
    with pytest.raises(tg.TensorgradError, match=f"^{row.name}: .*{keyword}={value!r}"):
        row.op(*row.values(), **{**row.params, keyword: value})


def test_every_public_operation_has_a_row():
    with_rows = {row.op for row in ROWS}
    assert [name for name, operation in PUBLIC.items() if operation not in with_rows] == []


OPTIONAL_TENSORS = {"weight", "bias", "pos_weight", "running_mean", "running_var"}
# Integers may also come as a number or a list, so that what is wrong with floats is their dtype or their shape.
LISTS_ARE_TAKEN = [
    ("cross_entropy", "target"),
    ("nll_loss", "target"),
    ("embedding", "input"),
    ("gather", "index"),
    ("movedim", "source"),
    ("select", "index"),
    ("F.one_hot", "tensor"),
]


def wrong_calls():
    """(name, parameter, value, arguments): each tensor of every public function in turn replaced by what is none."""
    for name, operation in PUBLIC.items():
        row = next(row for row in ROWS if row.op is operation)
        signature = inspect.signature(operation)
        given = zip(signature.parameters, row.values(), strict=True) if is_primitive(operation) else arguments_of(row)
        given = {k: tg.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in dict(given).items()}
        numbers = is_primitive(operation) or operation in (
            tg.add,
            tg.sub,
            tg.div,
            tg.bucketize,
            tg.isin,
            tg.scatter,
            tg.searchsorted,
            tg.where,
        )
        for key in signature.parameters:
            values = [[1.0, 2.0], "text"] if key in TENSORS | OPTIONAL_TENSORS else []
            if is_unary(operation) and operation is not tg.neg:
                values.remove([1.0, 2.0])  # called without any tensor, it is NumPy's function, which takes lists
            if operation is tg.logical_not:
                continue  # and so this one takes all that is true or false; "text" is tried below
            if key in TENSORS and signature.parameters[key].default is not None:
                values.append(None)
            if values and not numbers and (name, key) not in LISTS_ARE_TAKEN:
                values.append(3)
            for wrong in values:
                bound = inspect.BoundArguments(signature, {k: given[k] for k in signature.parameters})
                several = signature.parameters[key].kind is inspect.Parameter.VAR_POSITIONAL
                bound.arguments[key] = (wrong,) if several else wrong
                yield name, key, wrong, bound


def is_primitive(operation):
    return isinstance(operation, Primitive)


def is_unary(operation):
    return is_primitive(operation) and len(operation.inputs) == 1


def test_what_is_no_tensor_is_refused_by_name():
    tried = set()
    for name, key, wrong, bound in wrong_calls():
        with pytest.raises(tg.TensorgradError) as error:
            PUBLIC[name](*bound.args, **bound.kwargs)
        text = str(error.value)
        assert text.startswith(f"{'batch_norm' if name == 'native_batch_norm' else name.removeprefix('F.')}: "), text
        if (name, key) not in LISTS_ARE_TAKEN and key not in ("tensors", "operands"):
            assert isinstance(error.value, tg.DTypeError)
            assert f"{key} is " in text
            assert ("None" if wrong is None else type(wrong).__name__) in text
        tried.add(name)
    assert set(PUBLIC) - {"logical_not"} == tried


@pytest.mark.parametrize("name, key", LISTS_ARE_TAKEN)
def test_lists_of_integers_are_taken(name, key):
    row = next(row for row in ROWS if row.op is PUBLIC[name])
    given = arguments_of(row)
    expected = PUBLIC[name](**given)
    result = PUBLIC[name](**{**given, key: np.asarray(given[key]).tolist()})
    np.testing.assert_array_equal(*[r.data if isinstance(r, tg.Tensor) else r for r in (result, expected)])


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: tg.cat(None), "cat: tensors must be a list of tensors, got None"),
        (lambda: tg.stack("ab"), "stack: tensors must be a list of tensors, got 'ab'"),
        (lambda: tg.pad(tg.ones(2), 1), "pad: pad must be a tuple of ints, got 1"),
        (lambda: tg.nll_loss(tg.ones(2, 3), [[0], [1, 2]]), r"nll_loss: target is a list that is no array: \[\[0\], "),
        (lambda: tg.sub(tg.ones(2), [1], alpha=2), "sub: other is a list, not a tensor or an array"),
        (lambda: tg.exp(None), "exp: input is a NoneType, not a tensor, an array or a number"),
        (lambda: tg.neg("x"), "neg: input is a str, not a tensor, an array or a number"),
        (lambda: tg.neg([1.0]), "neg: input is a list, not a tensor, an array or a number"),
        (lambda: tg.exp([[1], [1, 2]]), "exp: input is a list, not a tensor, an array or a number"),
        (lambda: tg.sqrt(np.array(["a"])), "sqrt: input has dtype <U1, which tensors cannot have"),
        (lambda: tg.mul("a", "b"), "mul: input is a str, not a tensor, an array or a number"),
        (lambda: tg.clone(None), "clone: input is None, not a tensor or an array"),
        (lambda: tg.clone("x"), "clone: input is a str, not a tensor, an array or a number"),
        (lambda: tg.logical_not("text"), "logical_not: input is a str, not a tensor, an array or a number"),
        (lambda: tg.softmin(None, 0, dtype=tg.float32), "softmin: input is None, not a tensor or an array"),
    ],
)
def test_what_is_no_tensor_is_told(call, text):
    with pytest.raises(tg.DTypeError, match=f"^{text}"):
        call()


def test_ids_are_unique():
    assert len({row.id for row in ROWS}) == len(ROWS)


# Values


def check_results(row, results, expected, rtol=1e-10, atol=1e-12):
    results = as_tuple(results)
    assert len(results) == len(expected)
    for result, right in zip(results, expected, strict=True):
        array = result.data if isinstance(result, tg.Tensor) else result
        assert array.shape == np.shape(right)
        np.testing.assert_allclose(array, right, rtol=rtol, atol=atol)


@every_row
def test_forward_equals_the_reference(row):
    values = row.values()
    expected = row.expected(*values)
    inputs = [tg.from_numpy(v) if isinstance(v, np.ndarray) else v for v in values]
    for recorded in (True, False):
        for i in row.wanted():
            inputs[i].requires_grad = recorded
        results = as_tuple(row.run(*inputs))
        assert not inputs or all(isinstance(r, tg.Tensor) for r in results)
        check_results(row, results, expected)
        if not recorded:
            assert not differentiable(results)
    with tg.no_grad():
        for i in row.wanted():
            inputs[i].requires_grad = True
        results = as_tuple(row.run(*inputs))
        check_results(row, results, expected)
        unchanged = any(r is i for r in results for i in inputs)
        assert unchanged or not differentiable(results)


@every_row
def test_arrays_give_arrays(row):
    values = row.values()
    results = as_tuple(row.run(*values))
    assert all(isinstance(r, (np.ndarray, np.generic)) for r in results)
    check_results(row, results, row.expected(*values))


@rows_with_gradients
def test_gradcheck(row):
    function, inputs = as_function(row)
    if function(*inputs):
        assert gradcheck(function, inputs, **PRECISION)


@rows_with_gradients
def test_gradgradcheck(row):
    function, inputs = as_function(row)
    if function(*inputs):
        assert gradgradcheck(function, inputs, **PRECISION)


def as_function(row):
    """A row as a function of its tensors alone, giving its differentiable results in float64, and these tensors."""
    inputs = leaves(row, row.values())

    def function(*tensors):
        places = dict(zip(row.wanted(), tensors, strict=True))
        results = row.run(*[places.get(i, x) for i, x in enumerate(inputs)])
        return tuple(r for r in differentiable(results) if r.dtype == F64)

    return function, tensors_of(row, inputs)


# dtypes


def test_float16_is_refused_where_LAPACK_computes():
    rows = [row for row in ROWS if not row.half]
    assert rows
    for row in rows:
        halves = [np.asarray(v).astype(F16) if i in row.wanted() else v for i, v in enumerate(row.values())]
        with pytest.raises(TypeError if is_primitive(row.op) else tg.DTypeError, match="float16"):
            row.run(*leaves(row, halves))


@rows_with_gradients
@pytest.mark.parametrize("dtype, rtol", [(F32, 2e-5), (F16, 2e-2)], ids=["float32", "float16"])
def test_dtype_is_kept_T16(row, dtype, rtol):
    if dtype == F16 and not row.half:
        return  # see above
    values = [np.asarray(v).astype(dtype) if i in row.wanted() else v for i, v in enumerate(row.values())]
    wide = [v.astype(F64) if i in row.wanted() else v for i, v in enumerate(values)]
    results, _, found = gradients(row, values)
    right, _, found_wide = gradients(row, wide)
    if not row.mixed:
        assert {r.dtype for r in as_tuple(results) if r.dtype.kind == "f"} <= {dtype}
    assert {g.dtype for g in found} <= {dtype}
    for got, exact in zip([*as_tuple(results)], [*as_tuple(right)], strict=True):
        close(got.data, exact.data, rtol)
    for got, exact in zip(found, found_wide, strict=True):
        close(got, exact, rtol)


def close(got, exact, rtol):
    scale = np.max(np.abs(exact), initial=0.0) if exact.dtype != bool else 1
    np.testing.assert_allclose(got.astype(F64), exact.astype(F64), rtol=rtol, atol=rtol * scale)


@rows_with_gradients
@pytest.mark.parametrize("dtype", [F32, F16], ids=["float32", "float16"])
def test_dtype_is_kept_in_second_order_T16(row, dtype):
    if dtype == F16 and not row.half:
        return
    inputs = leaves(row, [np.asarray(v).astype(dtype) if i in row.wanted() else v for i, v in enumerate(row.values())])
    outputs = differentiable(row.run(*inputs))
    if not outputs:
        return
    cotangents = [tg.tensor(g, requires_grad=True) for g in cotangents_for(outputs)]
    first = tg.grad(outputs, tensors_of(row, inputs), cotangents, create_graph=True, allow_unused=True)
    first = [g for g in first if g is not None]
    assert {g.dtype for g in first} == {dtype}
    recorded = [g for g in first if g.requires_grad]
    wanted = [*tensors_of(row, inputs), *cotangents]
    second = tg.grad(recorded, wanted, [tg.ones_like(g) for g in recorded], allow_unused=True)
    assert all(g is None or g.dtype == t.dtype for g, t in zip(second, wanted, strict=True))


# Memory


@every_row
def test_nothing_is_written_to(row):
    values = row.values()
    copies = [np.copy(v) for v in values if isinstance(v, np.ndarray)]
    for v in values:
        if isinstance(v, np.ndarray):
            v.flags.writeable = False
    results, cotangents, _ = gradients(row, values, read_only)
    for copy, v in zip(copies, [v for v in values if isinstance(v, np.ndarray)], strict=True):
        np.testing.assert_array_equal(v, copy)
    assert all(map(np.array_equal, cotangents, cotangents_for(differentiable(results))))


def read_only(array):
    array.flags.writeable = False
    return array


@rows_with_gradients
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_memory_layout_does_not_matter_T12(row, layout):
    values = row.values()
    results, _, found = gradients(row, values)
    laid = [layout(v) if i in row.wanted() else v for i, v in enumerate(values)]
    others, _, found_others = gradients(row, laid, layout)
    same(as_tuple(results), as_tuple(others), found, found_others)


@rows_with_gradients
def test_0_stride_inputs_and_cotangents_T12(row):
    values = [spread(v) if i in row.wanted() else v for i, v in enumerate(row.values())]
    solid = [v.copy() if i in row.wanted() else v for i, v in enumerate(values)]
    results, _, found = gradients(row, solid, lambda g: spread(g).copy())
    others, _, found_others = gradients(row, values, spread)
    same(as_tuple(results), as_tuple(others), found, found_others)


def spread(array):
    """The first entry along the first axis everywhere, without a copy."""
    array = np.asarray(array)
    return np.broadcast_to(array[:1], array.shape) if array.ndim else array


def same(results, others, found, found_others):
    pairs = zip([*(r.data for r in results), *found], [*(r.data for r in others), *found_others], strict=True)
    for one, other in pairs:
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11)


@rows_with_gradients
def test_leaf_gradients_are_their_own_writable_memory_T9_T13(row):
    inputs = leaves(row, row.values())
    outputs = differentiable(row.run(*inputs))
    if not outputs:
        return
    cotangents = [tg.from_numpy(g) for g in cotangents_for(outputs)]
    total = sum_of([(out * g).sum() for out, g in zip(outputs, cotangents, strict=True)])
    total.backward()
    tensors = tensors_of(row, inputs)
    arrays = [t.grad.data for t in tensors if t.grad is not None]
    for array in arrays:
        assert array.flags.writeable
        array += 1  # fails, or counts twice, where a stride is 0
    others = [t.data for t in tensors] + [g.data for g in cotangents] + [out.data for out in outputs]
    for a, b in [*itertools.combinations(arrays, 2), *itertools.product(arrays, others)]:
        assert not np.shares_memory(a, b)


@rows_with_gradients
def test_a_plain_cotangent_reaches_no_leaf_as_it_is_T10(row):
    inputs = leaves(row, row.values())
    outputs = differentiable(row.run(*inputs))
    tensors = tensors_of(row, inputs)
    for out in outputs:
        if out.node is None:
            continue  # the input itself
        g = tg.from_numpy(cotangents_for([out])[0])
        out.backward(g, retain_graph=True)
        found = [t.grad.data for t in tensors if t.grad is not None]
        for a, b in [*itertools.combinations(found, 2), *itertools.product(found, [g.data])]:
            assert not np.shares_memory(a, b)
        assert all(a.flags.writeable and 0 not in strides_of(a) for a in found)
        for t in tensors:
            t.grad = None


def strides_of(array):
    return [s for n, s in zip(array.shape, array.strides, strict=True) if n > 1 and array.size]


def sum_of(tensors):
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    return total


# Broadcasting of elementwise primitives

SHAPES = [(), (1,), (3,), (1, 3), (2, 1), (2, 3), (0, 3)]
ELEMENTWISE = {name: p for name, p in PRIMITIVES.items() if p.elementwise}
AWAY_FROM_TROUBLE = (0.37, 2.61)


INTEGERS_ONLY = {p for p in ELEMENTWISE.values() if p.name.startswith("bitwise")}


def elementwise_inputs(primitive, shapes, seed=3):
    rng = np.random.default_rng(seed)
    inputs = [draw(rng, s, *AWAY_FROM_TROUBLE) for s in shapes]
    if primitive in INTEGERS_ONLY:
        return [np.asarray(10 * x).astype(np.int64) for x in inputs]
    return [np.asarray(x > 1.4) if n in primitive.fixed else x for n, x in zip(primitive.inputs, inputs, strict=True)]


@pytest.mark.parametrize("primitive", ELEMENTWISE.values(), ids=ELEMENTWISE)
def test_broadcasting_T14_T15(primitive):
    tried = 0
    for shapes in itertools.product(SHAPES, repeat=len(primitive.inputs)):
        values = elementwise_inputs(primitive, shapes)
        try:
            whole = np.broadcast_shapes(*shapes)
        except ValueError:
            with pytest.raises(tg.ShapeError, match=f"^{primitive.name}: the shapes do not broadcast") as error:
                primitive(*[tg.from_numpy(v) for v in values])
            assert all(str(s) in str(error.value) for s in shapes)
            continue
        inputs, spread_out = [], []
        for v in values:
            inputs.append(tg.from_numpy(v))
            spread_out.append(tg.from_numpy(np.array(np.broadcast_to(v, whole))))
            for t in (inputs[-1], spread_out[-1]):
                t.requires_grad = v.dtype.kind == "f"
        out, out_spread = primitive(*inputs), primitive(*spread_out)
        assert out.shape == whole
        np.testing.assert_array_equal(out.data, out_spread.data)
        tried += 1
        if not primitive.differentiable:
            assert not out.requires_grad
            continue
        g = draw(np.random.default_rng(4), whole, -1, 1)
        out.backward(tg.from_numpy(g))
        out_spread.backward(tg.from_numpy(g))
        for t, wide in zip(inputs, spread_out, strict=True):
            if t.requires_grad:
                right = np.zeros(t.shape)
                for at in np.ndindex(whole):
                    near = at[len(at) - t.ndim :]
                    right[tuple(min(i, n - 1) for i, n in zip(near, t.shape, strict=True))] += wide.grad.data[at]
                assert t.grad.shape == t.shape
                np.testing.assert_allclose(t.grad.data, right, rtol=1e-12, atol=1e-13)
    assert tried >= len(SHAPES)


@pytest.mark.parametrize(
    "primitive",
    [p for p in ELEMENTWISE.values() if len(p.inputs) - len(p.fixed) > 1 and p not in INTEGERS_ONLY],
    ids=name_of,
)
def test_python_numbers_are_weak_T16(primitive):
    """A Python number, on either side, changes neither the result's nor the gradient's dtype."""
    for dtype, number, scalar in itertools.product([F16, F32, F64], [2, 2.5, np.float64(1.5), np.int64(2)], [0, 1]):
        values = [
            v.astype(dtype) if v.dtype.kind == "f" else v
            for v in elementwise_inputs(primitive, [(3,)] * len(primitive.inputs))
        ]
        values[len(primitive.fixed) + scalar] = number
        inputs = [tg.from_numpy(v) if isinstance(v, np.ndarray) else v for v in values]
        for t in inputs:
            if isinstance(t, tg.Tensor) and t.dtype.kind == "f":
                t.requires_grad = True
        out = primitive(*inputs)
        assert out.dtype == (dtype if primitive.differentiable else np.bool_)
        if primitive.differentiable:
            out.backward(tg.ones_like(out))
            assert {t.grad.dtype for t in inputs if isinstance(t, tg.Tensor) and t.requires_grad} == {dtype}


# Composed forms


@pytest.mark.parametrize(
    "row", [r for r in ROWS if isinstance(r.op, Primitive) and r.op.composed is not None], ids=lambda row: row.id
)
def test_the_composition_equals_the_fused_form(row):
    values = row.values()
    fused = as_tuple(row.run(*values))
    composed = as_tuple(row.run(*leaves(row, values)))
    assert all(c.grad_fn is None or c.grad_fn.primitive is not row.op for c in composed)
    for one, other in zip(fused, composed, strict=True):
        np.testing.assert_allclose(one, other.data, rtol=1e-11, atol=1e-13)


# Rules are written in what arrays and tensors share

SHARED_ATTRIBUTES = {"shape", "ndim", "dtype"}
PYTHON_MODULES = {"math", "builtins"}


def rules_of(primitive):
    """The functions given to defvjps, defvjp_all, defvjp_joint and composed=."""
    return [f for f in (*primitive.rules, primitive.rule_for_all, primitive.joint, primitive.composed) if f is not None]


@functools.cache
def definitions(module):
    """The syntax of every lambda and function of a module."""
    tree = ast.parse(inspect.getsource(module))
    return [node for node in ast.walk(tree) if isinstance(node, (ast.Lambda, ast.FunctionDef))]


def syntax_of(function):
    """The syntax trees a function may have come from: several, for lambdas on one line with the same parameters."""
    code = function.__code__
    names = list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    found = []
    for node in definitions(sys.modules[function.__module__]):
        parameters = [a.arg for a in (*node.args.args, *node.args.kwonlyargs)]
        if node.lineno == code.co_firstlineno and getattr(node, "name", "<lambda>") == code.co_name:
            found += [node] * (parameters == names)
    assert found, f"no source found for {function}"
    return found


def breaches(function, python, seen=()):
    """What a rule and its helpers use beyond operators, .shape .ndim .dtype, our functions and Python values.

    `python` are the names that stand for Python values, never for arrays or tensors: parameters, shapes and dtypes.
    """
    module = sys.modules[function.__module__]
    for part in itertools.chain.from_iterable(map(ast.walk, syntax_of(function))):
        if isinstance(part, ast.Name) and part.id in ("np", "numpy", "kernel", "kernels"):
            yield f"{function.__name__}: {part.id} (line {part.lineno})"
        elif isinstance(part, ast.Attribute) and part.attr not in SHARED_ATTRIBUTES:
            if not (isinstance(part.value, ast.Name) and part.value.id in PYTHON_MODULES | python):
                yield f"{function.__name__}: .{part.attr} (line {part.lineno})"
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
            helper = getattr(module, part.func.id, None)
            if is_helper(helper) and helper not in seen:
                names = [*inspect.signature(helper).parameters]
                given = {**dict(zip(names, part.args, strict=False)), **{k.arg: k.value for k in part.keywords}}
                if not all(is_python(value, python) for value in given.values()):
                    values = {name for name, value in given.items() if is_python(value, python)}
                    yield from breaches(helper, values, (*seen, helper))


def python_names(primitive):
    """The names of a rule's arguments that are Python values."""
    return {*primitive.defaults, "i", "wanted"} | {
        f"{name}_{m}" for name in primitive.inputs for m in ("shape", "dtype")
    }


def is_python(expression, names):
    """Whether an argument is made of Python values only: names known as such, constants, shapes."""
    if isinstance(expression, ast.Attribute):
        return expression.attr in SHARED_ATTRIBUTES
    if isinstance(expression, ast.Name):
        return expression.id in names
    if isinstance(expression, (ast.Constant, ast.operator, ast.expr_context, ast.unaryop)):
        return True
    return all(is_python(part, names) for part in ast.iter_child_nodes(expression))


def is_helper(value):
    """A function of ops that is no operation: operations check their arguments in NumPy, then call a primitive."""
    if not isinstance(value, FunctionType) or not value.__module__.startswith("tensorgrad.ops."):
        return False
    return value.__name__ not in tg.__all__ and not hasattr(sys.modules[value.__module__], f"_{value.__name__}")


@pytest.mark.parametrize("primitive", [p for p in PRIMITIVES.values() if rules_of(p)], ids=name_of)
def test_rules_use_only_what_arrays_and_tensors_share(primitive):
    assert [breach for rule in rules_of(primitive) for breach in breaches(rule, python_names(primitive))] == []


def test_breaches_are_seen():
    """The test above notices what it is there for, in a rule and in a helper; parameters are Python values."""

    def bad(g, x, shape):
        return np.where(x.max() > 0, g.transpose(shape.index(1)), shape.index(0)) * reduce.sum(x)

    assert sorted(breach.split(": ")[1].split()[0] for breach in breaches(bad, {"shape"})) == [
        ".max",
        ".sum",
        ".transpose",
        ".where",
        "np",
    ]
