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

Calling a primitive computes its output and, if an input requires a gradient, leaves a node. Its sources are what made
its inputs: a node (its output 0), or (node, output number), or a leaf tensor. `walk` goes back to the sources, newest
node first, calls the rules and adds up what arrives at every source: that is reverse-mode differentiation. For
z = x * y + x it visits

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

import sys
import warnings
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from .errors import DTypeError, GradientError, ShapeError
from .kernels.buffers import is_sole_view
from .kernels.elementwise import LARGE_BYTES, add_to, apply
from .kernels.layout import copied
from .modes import STATE, Mode, Observer
from .node import Node, Source, TensorBase, form_of, make_tensor, mark_written, source_of, version_of
from .primitive import astype, clone, sum_to
from .rules import BYPRODUCT, COTANGENT, DTYPE, INPUT, OUTPUT, PARAM, SAVED, SHAPE, WANTED, Rule
from .scopes import derived

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
            np.add(tensor._grad._array, g, out=tensor._grad._array)
            mark_written(tensor._grad)


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
        source = source_of(target)
        g = found.get(source)
        if g is None and not allow_unused:
            raise GradientError(
                f"grad: the outputs do not depend on input {number}, of shape {target._array.shape}; "
                "pass allow_unused=True to get None for it"
            )
        if g is not None and source in given:
            with Mode(recording=create_graph):
                g = clone(g)  # the same input asked for twice
        given.add(source)
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
        data, g = root._array, None if gradients is None else gradients[number]
        if g is None:
            if data.size != 1:
                raise GradientError(
                    f"{name}: the tensor has shape {data.shape}, so there is no one gradient: reduce it to a number, "
                    f"for example with .sum(), or pass the gradient of the final result with respect to it "
                    f"({'gradient' if name == 'backward' else 'grad_outputs'}=...)"
                )
            g = np.ones_like(data)
        array = g._array if isinstance(g, TensorBase) else np.asarray(g)
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

    Targets are all leaves unless given; a given interior tensor is found under its source. Cotangents are arrays, or
    tensors with a graph of their own under `create_graph`. Saved arrays are dropped on the way unless `retain_graph`.
    Nothing outside the graph is changed, so an error leaves every `.grad` as it was.
    """
    asked = set() if targets is None else {source_of(t) for t in targets}
    leading = None if targets is None else _leading_to(roots, asked)
    # A gradient may be infinite or nan; that is for the caller to see in it, not for NumPy to warn of.
    with Mode(recording=create_graph, scope=""), np.errstate(all="ignore"):
        leaves, found = _carry_back(roots, cotangents, leading, asked, retain_graph, create_graph)
        # Only now is a leaf's cotangent complete: any node may have added to it.
        for tensor in leaves:
            g = leaves[tensor]
            if isinstance(g, np.generic):
                leaves[tensor] = g = np.asarray(g)
            if tensor._hooks:
                leaves[tensor] = g = _run_hooks(tensor._hooks, g, "leaf")
            for observer in STATE.get().observers:
                observer.finished(tensor, g)
            del g  # `_owned` counts who holds it
            if leading is None or tensor in asked:
                found[tensor] = _owned(leaves, tensor)
    return found


def _carry_back(
    roots: Sequence[TensorBase],
    cotangents: Sequence[Any],
    leading: set[Node] | None,
    asked: set[Any],
    retain_graph: bool,
    create_graph: bool,
) -> tuple[dict[TensorBase, Any], dict[Any, Any]]:
    """The heart of `walk`: what arrived at the leaves, and at the interior tensors asked for."""
    sums: dict[Any, Any] = {}  # for each source not visited yet, the sum of what has arrived there
    # Sources whose sum is a buffer of the walk's own, to which more may be added in place. One that was visited stays
    # here: nothing arrives there any more.
    own: set[Any] = set()
    queue: list[tuple[int, Node]] = []  # the nodes where something has arrived, as a heap with the newest on top
    found: dict[Any, Any] = {}
    recomputed: dict[int, list[Any]] = {}  # what checkpoints dropped, while this walk goes through it
    observers = STATE.get().observers
    expected = None if create_graph else ndarray  # the class of a rule's result that can be taken as it is

    def arrive(source: Any, g: Any, giver: Node | None = None, number: int = 0) -> None:
        """Add g to what has arrived at a source: a seed, or what a rule gave for input `number` of `giver`."""
        if giver is not None:
            like: Any = source  # a node has its output 0's shape and dtype
            if source.__class__ is not Node:
                like = form_of(source) if source.__class__ is tuple else source._array
            fits = g.__class__ is expected or (expected is not None and isinstance(g, np.generic))
            if not fits or g.shape != like.shape or g.dtype is not like.dtype:
                g = _fitted(giver, number, g)
            if observers:
                for observer in observers:
                    observer.contributed(giver, number, g if g is None or create_graph else np.asarray(g))
            if g is None:
                return
        total = sums.get(source)
        if total is None:
            sums[source] = g  # borrowed: it may be another tensor's cotangent too, so it is never written to
            if source.__class__ is Node:
                heappush(queue, (-source.seq, source))  # numbers are unique, so nodes are never compared
            elif source.__class__ is tuple:
                heappush(queue, (-source[0].seq, source[0]))
        elif total.__class__ is not ndarray:
            sums[source] = total + g  # of tensors, or of the scalars that NumPy makes of 0-d arrays
        elif source in own:
            add_to(total, g)
        else:
            sums[source] = total + g if g.nbytes < LARGE_BYTES else apply(np.add, total, g)
            own.add(source)

    def add_apart(node: Node, rule: Rule, adds: Callable[..., None], gs: list[Any], saved: Sequence[Any]) -> None:
        """Call a rule made by `adding_by`, whose result is new memory; or let it add, if the sum is the walk's own."""
        source = node.source(rule.number)
        if source in own and sums[source].__class__ is ndarray:
            adds(sums[source], *[_argument(node, kind, what, gs, saved, []) for kind, what in rule.positional])
            return
        for number, g in _call_rule(node, rule, gs, saved, asked, leading):
            is_first = source not in sums
            arrive(source, g, node, number)
            if is_first and sums[source] is g:
                own.add(source)

    for root, g in zip(roots, cotangents, strict=True):
        if root.node is not None or leading is None or root in asked:
            arrive(source_of(root), g)
    try:
        while queue:
            node = heappop(queue)[1]
            g = sums.pop(node, None)
            if g.__class__ is not ndarray and isinstance(g, np.generic):
                g = np.asarray(g)
            gs = [g]
            if node.others:
                while queue and queue[0][1] is node:
                    heappop(queue)  # it was put in the queue once for each of its outputs
                gs += [sums.pop((node, i), None) for i in range(1, len(node.others) + 1)]
                gs = [np.asarray(g) if isinstance(g, np.generic) else g for g in gs]
            if node.hooks is not None or node.retained is not None or asked or observers:
                _complete(node, gs, asked, found, observers)
            if leading is not None and node not in leading:
                continue  # a target's own node, or a root's: nothing below it is asked for
            if create_graph:
                STATE.set(STATE.get()._replace(scope=derived(node.scope)))
            saved = node.saved
            if saved is None:
                saved = _recomputed(node, recomputed, retain_graph)
            if saved:
                for cell, count in zip(node.cells, node.counts):  # noqa: B905  (strict costs as much as the loop)
                    if cell != count:
                        raise _changed(node)
            if create_graph:
                saved = [_as_tensor(node, number, array) for number, array in enumerate(saved)]
            for rule in node.plan.rules:
                simple = rule.simple  # the usual rules are called without ado: a scalar operation is felt here
                if simple is None or leading is not None or (rule.in_parts and gs[0].nbytes >= LARGE_BYTES):
                    if rule.adds is not None and expected is not None and not observers:
                        add_apart(node, rule, rule.adds, gs, saved)
                        continue
                    for number, g in _call_rule(node, rule, gs, saved, asked, leading):
                        arrive(node.source(number), g, node, number)
                    continue
                if not simple:
                    g = rule.function(gs[0])
                elif len(simple) == 1:
                    g = rule.function(gs[0], saved[simple[0]])
                else:
                    g = rule.function(gs[0], *[saved[i] for i in simple])
                arrive(node.source(rule.number), g, node, rule.number)
                del g  # or it would take memory until the next rule is done
            if saved and not retain_graph:
                node.saved = None
    except Exception as error:
        if f"recorded at {node.place()}" not in str(error):
            error.add_note(f"in the backward rule of {node.name}, recorded at {node.place()}")
        raise
    return sums, found  # of what anything arrived at, only the leaves are left


def _complete(node: Node, gs: list[Any], asked: set[Any], found: dict[Any, Any], observers: Sequence[Observer]) -> None:
    """The cotangents of a node are complete: let hooks change them, keep those asked for, tell the observers."""
    for i, hooks in (node.hooks or {}).items():
        gs[i] = _run_hooks(hooks, gs[i], node.name)
    for i, g in enumerate(gs):
        tensor = node.retained[i]() if node.retained is not None and i in node.retained else None
        if g is not None and tensor is not None and not asked:
            found[tensor] = _owned(gs, i)
        source = (node, i) if i else node
        if g is not None and source in asked:
            found[source] = _owned(gs, i)
    for observer in observers:
        observer.visited(node, gs)


def _recomputed(node: Node, recomputed: dict[int, list[Any]], retain_graph: bool) -> Sequence[Any]:
    """What a checkpoint dropped of a node's saved arrays; its function is run again once for all its nodes."""
    lost = getattr(node, "lost", None)
    saved = None
    while saved is None:
        if lost is None:
            raise _freed(node)
        part, number = lost
        if part.number not in recomputed:
            recomputed[part.number] = part.run_again()
        saved, lost = part.take(recomputed[part.number], number, node)  # a checkpoint in a checkpoint: ask that one
    if not retain_graph:
        node.lost = None
    return saved


def _freed(node: Node) -> GradientError:
    return GradientError(
        f"{node.name}: backward through a graph whose saved arrays were dropped by an earlier backward "
        f"(recorded at {node.place()}); call the first backward with retain_graph=True, or run the forward again"
    )


def _changed(node: Node) -> GradientError:
    number = next(i for i, (cell, version) in enumerate(node.versions) if cell != version)
    return GradientError(
        f"{node.name}: its {node.saved_names()[number]}, saved for the walk, was changed in place since "
        f"(version {version_of(node.cells[number])}, saved at version {version_of(node.counts[number])}; "
        f"recorded at {node.place()})"
    )


def _call_rule(
    node: Node, rule: Rule, gs: list[Any], saved: Sequence[Any], asked: set[Any], leading: set[Node] | None
) -> Sequence[tuple[int, Any]]:
    """Call a rule that asks for more than `g` and saved arrays; return [(input number, its cotangent)]."""
    is_needed = [_is_needed(source, asked, leading) for source in node.sources]
    if rule.number >= 0 and not is_needed[rule.number]:
        return ()
    arrived = [gs[what] for kind, what in rule.positional if kind == COTANGENT]
    if arrived and all(g is None for g in arrived):
        return ()  # nothing arrived at the outputs that this rule looks at
    args = [_argument(node, kind, what, gs, saved, is_needed) for kind, what in rule.positional]
    if rule.in_parts and not STATE.get().recording:
        result = apply(rule.function, *args)
    else:
        result = rule.function(*args, **{name: node.params[name] for name in rule.keywords})
    if rule.number >= 0:
        return ((rule.number, result),)
    if not isinstance(result, tuple) or len(result) != len(node.sources):
        got = f"a tuple of {len(result)}" if isinstance(result, tuple) else f"a {type(result).__name__}"
        raise GradientError(
            f"{node.name}: its joint VJP must return a tuple of {len(node.sources)}, one for each input, got {got} "
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


def _leading_to(roots: Sequence[TensorBase], asked: set[Any]) -> set[Node]:
    """The nodes that lie on a way from a root to a source asked for; found without recursion."""
    nodes = {t.node for t in roots if t.node is not None}
    stack = list(nodes)
    while stack:
        for edge in stack.pop().edges:
            if edge.__class__ is tuple and edge[0] not in nodes:
                nodes.add(edge[0])
                stack.append(edge[0])
    leading: set[Node] = set()
    for node in sorted(nodes, key=lambda node: node.seq):
        if any(_is_needed(source, asked, leading) for source in node.sources):
            leading.add(node)
    return leading


def _is_needed(source: Source, asked: set[Any], leading: set[Node] | None) -> bool:
    """Whether a cotangent of this source is needed: it is asked for, or leads to what is."""
    tail = source[0] if source.__class__ is tuple else source
    if not isinstance(tail, (Node, TensorBase)):
        return False  # no gradient is wanted there
    return leading is None or source in asked or tail in leading


def _run_hooks(hooks: dict[int, Callable[[Any], Any]], g: Any, name: str) -> Any:
    """Show a complete cotangent to its hooks; what one returns takes its place."""
    for hook in list(hooks.values()):
        if g is None:
            return None
        if isinstance(g, TensorBase):
            shown = g
        else:
            shown = make_tensor(g.view())  # it may be another tensor's cotangent too: not to be written to
            shown._array.flags.writeable = False
        result = hook(shown)
        if result is not None:
            if not isinstance(result, TensorBase) or result._array.shape != g.shape:
                got = getattr(result, "shape", type(result).__name__)
                raise GradientError(f"{name}: a gradient hook returned {got}, expected a tensor of shape {g.shape}")
            if result._array.dtype != g.dtype:
                result = astype(result, dtype=g.dtype)
            g = result if isinstance(g, TensorBase) else result._array
    return g


def _owned(sums: Any, key: Any) -> Any:
    """A complete cotangent, `sums[key]`, in memory that nothing else holds, so that its .grad may be written to."""
    g = sums[key]
    if isinstance(g, TensorBase):
        return clone(g)
    # If only `sums` and `g` hold the array: take it. Else it may be a cotangent or saved array of the graph, another
    # leaf's gradient, the caller's own array or a hook's: copy it, and likewise a view whose base has others.
    if sys.getrefcount(g) == _HELD_ONCE and g.flags.writeable and (g.base is None or is_sole_view(g)):
        return g
    return copied(g)


def _held_once(sums: Any, key: Any) -> int:
    g = sums[key]
    return sys.getrefcount(g)


_HELD_ONCE = _held_once([np.zeros(1)], 0)  # the reference count of an array that only a list holds, as `_owned` sees it
