"""The engine. Start here.

Three concepts:

- a **tensor** is an array, and the node that made it (node.py; tensor.py gives it operators);
- a **primitive** is a differentiable operation: a forward function on arrays, and one vector-Jacobian product (VJP)
  for each input: from the gradient of the output, `g`, to the gradient of that input (primitive.py);
- a **node** is one recorded call of a primitive (node.py).

An operation is a primitive with its VJPs, which are called rules:

    @elementwise
    def square(x):
        return x * x

    square.defvjps(lambda g, x: 2 * g * x)

The names of a rule's parameters say what it needs, and only that is kept until then: here the input x (rules.py). Rules
use operators and functions of tensorgrad, never NumPy's, and never write to what they are given.

Calling a primitive computes its output and, if an input requires a gradient, leaves a node. Its edges point to what
made its inputs: (node, output number), or a leaf tensor. `walk` goes back along the edges, newest node first, calls the
rules and adds up what arrives at every tensor: that is reverse-mode differentiation. For z = x * y + x it visits

    add (number 2)   rules give g to the node mul, and g to the leaf x
    mul (number 1)   rules give g * y to the leaf x, where it is added to the g that came before, and g * x to y

A node's number is larger than those of all nodes it depends on, so when the newest pending node is visited, everything
that flows into it has arrived.

One idea makes derivatives of every order come for free. Primitives take arrays or tensors: given arrays only, they
compute and record nothing. Rules are written in primitives and operators, so the walk may run them on arrays (fast),
or, under `create_graph=True`, on tensors, and then the gradient has a graph of its own.

Words: a *cotangent* is the gradient of the loss with respect to an array, of that array's shape and dtype; a *seed* is
the cotangent of a root, which a walk starts with; a *target* is a tensor whose cotangent is asked for.
"""

from __future__ import annotations

import heapq
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .errors import DTypeError, GradientError, ShapeError
from .modes import STATE, Mode, Observer
from .node import Edge, Node, TensorBase, make_tensor, version_cell
from .primitive import astype, clone, sum_to
from .rules import BYPRODUCT, COTANGENT, DTYPE, INPUT, OUTPUT, PARAM, SAVED, SHAPE, WANTED, Rule

ndarray = np.ndarray


def backward(
    roots: Sequence[TensorBase],
    gradients: Sequence[Any] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> None:
    """Add to every leaf's `.grad` the gradient of the sum of the roots, each weighted by its `gradients` (1 if scalar).

    See `Tensor.backward`. Only leaves, and tensors whose `retain_grad()` was called, get a `.grad`.
    """
    if create_graph:
        warnings.warn(
            "backward(create_graph=True) makes the reference cycle leaf -> .grad -> graph -> leaf, which keeps the "
            "graph alive until every .grad is reset to None; prefer tg.grad(..., create_graph=True)",
            UserWarning,
            stacklevel=3,
        )
    seeds = _seeds("backward", roots, gradients, create_graph)
    found = walk(roots, seeds, None, create_graph if retain_graph is None else retain_graph, create_graph)
    for tensor, g in found.items():
        if create_graph:
            tensor._grad = g if tensor._grad is None else tensor._grad + g
        elif tensor._grad is None:
            tensor._grad = make_tensor(g)
        else:
            # In place: .grad may be a slice of an optimiser's flat buffer.
            np.add(tensor._grad._data, g, out=tensor._grad._data)
            version_cell(tensor._grad)[0] += 1


def grad(
    outputs: TensorBase | Sequence[TensorBase],
    inputs: TensorBase | Sequence[TensorBase],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Any, ...]:
    """The gradients of `outputs` with respect to `inputs` (leaves or not), as a tuple of tensors; no `.grad` changes.

    Non-scalar outputs are weighted by `grad_outputs`, tensors of their shapes. Only the part of the graph between the
    two is walked. With `create_graph` the gradients can be differentiated again. An input that the outputs do not
    depend on is an error, or gives None with `allow_unused`.
    """
    roots = [outputs] if isinstance(outputs, TensorBase) else list(outputs)
    targets = [inputs] if isinstance(inputs, TensorBase) else list(inputs)
    if isinstance(grad_outputs, (TensorBase, ndarray)):
        grad_outputs = [grad_outputs]
    for number, target in enumerate(targets):
        if not isinstance(target, TensorBase) or not target._requires_grad:
            raise GradientError(f"grad: input {number} is not a tensor that requires a gradient")
    seeds = _seeds("grad", roots, grad_outputs, create_graph)
    found = walk(roots, seeds, targets, create_graph if retain_graph is None else retain_graph, create_graph)
    gradients: list[Any] = []
    given: set[Any] = set()
    for number, target in enumerate(targets):
        edge = edge_of(target)
        g = found.get(edge)
        if g is None and not allow_unused:
            raise GradientError(
                f"grad: the outputs do not depend on input {number}, of shape {target._data.shape}; "
                "pass allow_unused=True to get None for it"
            )
        if g is not None and edge in given:
            with Mode(recording=create_graph):
                g = clone(g)  # the same input asked for twice
        given.add(edge)
        gradients.append(g if g is None or isinstance(g, TensorBase) else make_tensor(g))
    return tuple(gradients)


def _seeds(name: str, roots: Sequence[TensorBase], gradients: Sequence[Any] | None, create_graph: bool) -> list[Any]:
    """The cotangents that a walk starts with, checked."""
    if gradients is not None and len(gradients) != len(roots):
        raise GradientError(f"{name}: {len(gradients)} gradients for {len(roots)} outputs")
    seeds = []
    for number, root in enumerate(roots):
        if not isinstance(root, TensorBase) or not root._requires_grad:
            raise GradientError(f"{name}: the tensor does not require a gradient, and no operation that made it does")
        data, g = root._data, None if gradients is None else gradients[number]
        if g is None:
            if data.size != 1:
                raise GradientError(
                    f"{name}: the tensor has shape {data.shape}, so there is no one gradient: reduce it to a number, "
                    f"for example with .sum(), or pass the gradient of the final result with respect to it "
                    f"({'gradient' if name == 'backward' else 'grad_outputs'}=...)"
                )
            g = np.ones_like(data)
        array = g._data if isinstance(g, TensorBase) else np.asarray(g)
        if array.shape != data.shape:
            raise ShapeError(f"{name}: the gradient has shape {array.shape}, the tensor {data.shape}")
        if array.dtype != data.dtype:
            raise DTypeError(f"{name}: the gradient has dtype {array.dtype}, the tensor {data.dtype}")
        seeds.append(g if create_graph and isinstance(g, TensorBase) else make_tensor(array) if create_graph else array)
    return seeds


def walk(
    roots: Sequence[TensorBase],
    cotangents: Sequence[Any],
    targets: Sequence[TensorBase] | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> dict[Any, Any]:
    """Carry the roots' cotangents back through the graph; return {target: its cotangent}.

    Targets are all leaves unless given; a given interior tensor is found under its (node, index). Cotangents are
    arrays, or tensors with a graph of their own under `create_graph`. Saved arrays are dropped on the way unless
    `retain_graph`. Nothing outside the graph is changed, so an error leaves every `.grad` as it was.
    """
    asked = set() if targets is None else {edge_of(t) for t in targets}
    needed = None if targets is None else _leading_to(roots, asked)
    # A gradient may be infinite or nan; that is for the caller to see in it, not for NumPy to warn of.
    with Mode(recording=create_graph, scope=""), np.errstate(all="ignore"):
        leaves, found = _carry_back(roots, cotangents, needed, asked, retain_graph, create_graph)
        # Only now is a leaf's cotangent complete: any node may have added to it.
        for tensor, sums in leaves.items():
            if isinstance(sums[0], np.generic):
                sums[0] = np.asarray(sums[0])
            if tensor._hooks:
                sums[0] = _run_hooks(tensor._hooks, sums[0], "leaf")
            for observer in STATE.get().observers:
                observer.finished(tensor, sums[0])
            if needed is None or tensor in asked:
                found[tensor] = _owned(sums)
    return found


def _carry_back(
    roots: Sequence[TensorBase],
    cotangents: Sequence[Any],
    needed: set[Any] | None,
    asked: set[Any],
    retain_graph: bool,
    create_graph: bool,
) -> tuple[dict[TensorBase, list[Any]], dict[Any, Any]]:
    """The heart of `walk`: what arrived at the leaves, and at the interior tensors asked for."""
    pending: dict[Node, list[Any]] = {}  # for each node not visited yet, what has arrived at each of its outputs
    leaves: dict[TensorBase, list[Any]] = {}  # likewise for leaves: lists of one
    own: set[Any] = set()  # edges where the sum is a buffer of the walk's own, to which more may be added in place
    queue: list[tuple[int, Node]] = []  # the pending nodes, as a heap with the newest on top
    found: dict[Any, Any] = {}
    observers = STATE.get().observers
    expected = None if create_graph else ndarray  # the class of a rule's result that can be taken as it is

    def arrive(edge: Any, g: Any, giver: Node | None = None, number: int = 0) -> None:
        """Add g to what has arrived at the tensor that an edge points to: a seed, or what a rule gave for an input."""
        if giver is not None:
            fits = g.__class__ is expected or (expected is not None and isinstance(g, np.generic))
            if not fits or g.shape != giver.shapes[number] or g.dtype is not giver.dtypes[number]:
                g = _fitted(giver, number, g)
            for observer in observers:
                observer.contributed(giver, number, g if g is None or create_graph else np.asarray(g))
            if g is None:
                return
        if edge.__class__ is tuple:
            node, i = edge
            sums = pending.get(node)
            if sums is None:
                sums = pending[node] = [None] * len(node.outputs)
                heapq.heappush(queue, (-node.seq, node))  # numbers are unique, so nodes are never compared
        else:
            i, sums = 0, leaves.get(edge)
            if sums is None:
                sums = leaves[edge] = [None]
        total = sums[i]
        if total is None:
            sums[i] = g  # borrowed: it may be another tensor's cotangent too, so it is never written to
        elif total.__class__ is not ndarray:
            sums[i] = total + g  # of tensors, or of the scalars that NumPy makes of 0-d arrays
        elif edge in own:
            np.add(total, g, total)
        else:
            sums[i] = total + g
            own.add(edge)

    for root, g in zip(roots, cotangents, strict=True):
        if root.node is not None or needed is None or root in asked:
            arrive(edge_of(root), g)
    try:
        while queue:
            node = heapq.heappop(queue)[1]
            gs = pending.pop(node)
            if (len(gs) > 1 or gs[0].__class__ is not expected) and not create_graph:
                gs = [np.asarray(g) if isinstance(g, np.generic) else g for g in gs]
            if node.hooks is not None or node.retained is not None or asked or observers:
                _complete(node, gs, asked, found, observers)
            if needed is not None and node not in needed:
                continue  # a target's own node, or a root's: nothing below it is asked for
            if create_graph:
                STATE.set(replace(STATE.get(), scope=node.scope))
            saved, edges = node.saved, node.edges
            if saved is None:
                raise _freed(node)
            for cell, version in node.versions:
                if cell[0] != version:
                    raise _changed(node)
            if create_graph:
                saved = [_as_tensor(node, number, array) for number, array in enumerate(saved)]
            for rule in node.plan.rules:
                simple = rule.simple  # the usual rules are called without ado: a scalar operation is felt here
                if simple is None or needed is not None:
                    for number, g in _call_rule(node, rule, gs, saved, needed):
                        arrive(edges[number], g, node, number)
                elif not simple:
                    arrive(edges[rule.number], rule.function(gs[0]), node, rule.number)
                elif len(simple) == 1:
                    arrive(edges[rule.number], rule.function(gs[0], saved[simple[0]]), node, rule.number)
                else:
                    g = rule.function(gs[0], *[saved[i] for i in simple])
                    arrive(edges[rule.number], g, node, rule.number)
            if saved and not retain_graph:
                node.saved = None
    except Exception as error:
        if not isinstance(error, GradientError):
            error.add_note(f"in the backward rule of {node.name}, recorded at {node.place()}")
        raise
    return leaves, found


def _complete(node: Node, gs: list[Any], asked: set[Any], found: dict[Any, Any], observers: Sequence[Observer]) -> None:
    """The cotangents of a node are complete: let hooks change them, keep those asked for, tell the observers."""
    for i, hooks in (node.hooks or {}).items():
        gs[i] = _run_hooks(hooks, gs[i], node.name)
    for i in range(len(node.outputs)):
        g = gs[i]
        tensor = node.retained[i]() if node.retained is not None and i in node.retained else None
        if g is not None and tensor is not None and not asked:
            found[tensor] = _owned([g])
        if g is not None and (node, i) in asked:
            found[node, i] = _owned([g])
    for observer in observers:
        observer.visited(node, gs)


def _freed(node: Node) -> GradientError:
    return GradientError(
        f"{node.name}: backward through a graph whose saved arrays were dropped by an earlier backward "
        f"(recorded at {node.place()}); call the first backward with retain_graph=True, or run the forward again"
    )


def _changed(node: Node) -> GradientError:
    number = next(i for i, (cell, version) in enumerate(node.versions) if cell[0] != version)
    return GradientError(
        f"{node.name}: its {node.saved_names()[number]}, saved for the walk, was changed in place since "
        f"(version {node.versions[number][0][0]}, saved at version {node.versions[number][1]}; "
        f"recorded at {node.place()})"
    )


def edge_of(tensor: TensorBase) -> Any:
    """What an edge to this tensor holds: (node, index) if an operation made it, else the tensor itself."""
    return tensor if tensor.node is None else (tensor.node, tensor.index)


def _call_rule(
    node: Node, rule: Rule, gs: list[Any], saved: Sequence[Any], needed: set[Any] | None
) -> Sequence[tuple[int, Any]]:
    """Call a rule that asks for more than `g` and saved arrays; return [(input number, its cotangent)]."""
    is_needed = [edge is not None and (needed is None or _is_needed(edge, needed)) for edge in node.edges]
    if rule.number >= 0 and not is_needed[rule.number]:
        return ()
    asked = [gs[what] for kind, what in rule.positional if kind == COTANGENT]
    if asked and all(g is None for g in asked):
        return ()  # nothing arrived at the outputs that this rule looks at
    args = [_argument(node, kind, what, gs, saved, is_needed) for kind, what in rule.positional]
    result = rule.function(*args, **{name: node.params[name] for name in rule.keywords})
    if rule.number >= 0:
        return ((rule.number, result),)
    if not isinstance(result, tuple) or len(result) != len(node.edges):
        got = f"a tuple of {len(result)}" if isinstance(result, tuple) else f"a {type(result).__name__}"
        raise GradientError(
            f"{node.name}: its joint VJP must return a tuple of {len(node.edges)}, one for each input, got {got} "
            f"(recorded at {node.place()})"
        )
    return [(number, g) for number, g in enumerate(result) if is_needed[number]]


def _argument(node: Node, kind: int, what: Any, gs: list[Any], saved: Sequence[Any], is_needed: list[bool]) -> Any:
    """One argument of a rule; see Rule. A variadic primitive's inputs, shapes and dtypes come as tuples."""
    if kind == COTANGENT:
        return gs[what]
    if kind == SAVED:
        return tuple(saved[i] for i in what) if what.__class__ is tuple else saved[what]
    if kind == SHAPE:
        return tuple(node.shapes) if what is None else node.shapes[what]
    if kind == DTYPE:
        return tuple(node.dtypes) if what is None else node.dtypes[what]
    if kind == PARAM:
        return node.params[what]
    return tuple(is_needed) if kind == WANTED else what  # what: the number of the input, for defvjp_all


def _fitted(node: Node, number: int, g: Any) -> Any:
    """A rule's result with its input's shape and dtype; broadcasting is undone here, for elementwise primitives."""
    if g is None:
        return None
    if isinstance(g, np.generic):
        g = np.asarray(g)  # NumPy's arithmetic on 0-d arrays gives scalars
        if g.shape == node.shapes[number] and g.dtype is node.dtypes[number] and not STATE.get().recording:
            return g
    shape, dtype = node.shapes[number], node.dtypes[number]
    recording = STATE.get().recording
    if not isinstance(g, ndarray) and not (recording and isinstance(g, TensorBase)):
        raise GradientError(
            f"{node.name}: the VJP of {node.primitive.name_of(INPUT, number)} returned a {type(g).__name__}, "
            f"expected an array (recorded at {node.place()})"
        )
    if recording and not isinstance(g, TensorBase):
        g = make_tensor(g)
    if g.dtype.kind not in "biuf":
        raise GradientError(
            f"{node.name}: the VJP of {node.primitive.name_of(INPUT, number)} gave dtype {g.dtype}, "
            f"expected {dtype} (recorded at {node.place()})"
        )
    if g.shape != shape:
        if not node.primitive.elementwise or g.shape != node.outputs[0][0]:
            raise GradientError(
                f"{node.name}: the VJP of {node.primitive.name_of(INPUT, number)} gave shape {tuple(g.shape)}, "
                f"expected {shape} (recorded at {node.place()})"
            )
        g = sum_to(g, shape=shape)
    return g if g.dtype == dtype else astype(g, dtype=dtype)


def _as_tensor(node: Node, number: int, array: Any) -> Any:
    """A saved array as the tensor it was: the leaf itself, or a new tensor at the same place in the graph, so that
    what a rule computes from it can be differentiated. By-products and integers stay constants."""
    kind, i = node.plan.keep[number]
    if kind is BYPRODUCT or array.__class__ is not ndarray or array.dtype.kind != "f":
        return array
    edge = (node, i) if kind is OUTPUT else node.edges[i]
    if isinstance(edge, TensorBase):
        return edge
    tensor = make_tensor(array) if edge is None else make_tensor(array, True, *edge)
    tensor._version = node.versions[number][0]
    return tensor


def _leading_to(roots: Sequence[TensorBase], asked: set[Any]) -> set[Any]:
    """The nodes that lie on a way from a root to an edge asked for, and these edges; found without recursion."""
    leading = set(asked)
    nodes = {t.node for t in roots if t.node is not None}
    stack = list(nodes)
    while stack:
        for edge in stack.pop().edges:
            if edge.__class__ is tuple and edge[0] not in nodes:
                nodes.add(edge[0])
                stack.append(edge[0])
    for node in sorted(nodes, key=lambda node: node.seq):
        if any(_is_needed(edge, leading) for edge in node.edges):
            leading.add(node)
    return leading


def _is_needed(edge: Edge, needed: set[Any]) -> bool:
    return edge is not None and (edge in needed or (edge.__class__ is tuple and edge[0] in needed))


def _run_hooks(hooks: dict[int, Callable[[Any], Any]], g: Any, name: str) -> Any:
    """Show a complete cotangent to its hooks; what one returns takes its place."""
    for hook in list(hooks.values()):
        if g is None:
            return None
        if isinstance(g, TensorBase):
            shown = g
        else:
            shown = make_tensor(g.view())  # it may be another tensor's cotangent too: not to be written to
            shown._data.flags.writeable = False
        result = hook(shown)
        if result is not None:
            if not isinstance(result, TensorBase) or result._data.shape != g.shape:
                got = getattr(result, "shape", type(result).__name__)
                raise GradientError(f"{name}: a gradient hook returned {got}, expected a tensor of shape {g.shape}")
            if result._data.dtype != g.dtype:
                result = astype(result, dtype=g.dtype)
            g = result if isinstance(g, TensorBase) else result._data
    return g


def _owned(sums: list[Any]) -> Any:
    """A leaf's cotangent in memory that nothing else holds, so that its .grad may be written to."""
    g = sums[0]
    if isinstance(g, TensorBase):
        return clone(g)
    # If only the list and `g` hold the array: take it. Else it may be a cotangent or saved array of the graph, another
    # leaf's gradient, the caller's own array or a hook's: copy it. A view's memory belongs to its base: copy that too.
    return g if sys.getrefcount(g) == _HELD_ONCE and g.base is None and g.flags.writeable else g.copy()


def _held_once(sums: list[Any]) -> int:
    g = sums[0]
    return sys.getrefcount(g)


_HELD_ONCE = _held_once([np.zeros(1)])  # the reference count of an array that only a list holds, as `_owned` sees it
