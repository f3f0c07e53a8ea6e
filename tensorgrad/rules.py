"""VJP rules: what a rule asks for, read from the names of its parameters; only what is asked for is kept.

A rule is a function, often a lambda, whose parameters are called:

- `g`, the gradient of the output; with several outputs `g_NAME` for each (None where none arrived);
- as an input, an output or a by-product of the primitive: its value, which is then kept until the backward walk;
- NAME_shape, NAME_dtype: an input's shape or dtype, for which nothing is kept;
- as a keyword parameter of the primitive, or `**params` for all others: the parameters of the call;
- `i`, the number of the input (in `defvjp_all`), `wanted`, whether each input wants a gradient (in `defvjp_joint`).

The inputs of a primitive with any number of them come as one tuple, and so do their shapes and dtypes.

A rule made by `adding_by` can add its gradient to what has arrived, in place.

A rule made by `in_parts` works element by element. Where it is run on large arrays that lie alike, it is called with
parts of them, over threads: each part stays in the cache from one step of the rule to the next.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import GradientError

if TYPE_CHECKING:
    from .primitive import Primitive

INPUT, OUTPUT, BYPRODUCT = "input", "output", "byproduct"  # what a saved array is
SAVED, COTANGENT, SHAPE, DTYPE, PARAM, WANTED, NUMBER = range(7)  # where an argument of a rule comes from


@dataclass(frozen=True, slots=True)
class Rule:
    """A VJP, and where its arguments come from: read once from the names of its parameters, when first needed."""

    number: int  # the input it is for; -1: a joint rule, for all wanted inputs at once
    function: Callable[..., Any]
    simple: tuple[int, ...] | None  # the saved arrays that follow `g`, if it asks for nothing else: the usual case
    positional: tuple[tuple[int, Any], ...]
    keywords: tuple[str, ...]
    in_parts: bool = False  # whether large arrays may be cut for it
    adds: Callable[..., None] | None = None  # see `adding_by`


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules of one set of wanted inputs, and what is kept for them: the union of what they name."""

    keep: tuple[tuple[str, int], ...]
    rules: tuple[Rule, ...]
    few: tuple[int, ...] | None  # the inputs that are kept, if these are no more than two and nothing else is kept
    inputs: int  # how many there are


def make_plan(op: Primitive, key: int, count: int) -> Plan:
    """The rules for the wanted inputs of `count`, and what they need; `key` has a bit for each, and one at the end."""
    wanted = [i for i in range(count) if key >> i & 1]
    functions: list[tuple[int, Callable[..., Any]]]
    if op.joint is not None:
        functions = [(-1, op.joint)]
    elif op.rule_for_all is not None:
        functions = [(i, op.rule_for_all) for i in wanted]
    elif op.rules:
        functions = [(i, rule) for i in wanted if (rule := op.rules[i]) is not None]
    else:
        raise GradientError(
            f"{op.name}: an input requires a gradient, but the primitive has no VJPs: "
            f"give it some with {op.name}.defvjps(...)"
        )
    keep: list[tuple[str, int]] = []
    rules = tuple([_read_rule(op, i, function, count, keep) for i, function in functions])
    few = tuple([i for kind, i in keep if kind is INPUT])
    return Plan(tuple(keep), rules, few if len(few) == len(keep) <= 2 else None, count)


def _read_rule(
    op: Primitive, number: int, function: Callable[..., Any], count: int, keep: list[tuple[str, int]]
) -> Rule:
    """Find out where each argument of a rule comes from; what it wants saved is added to `keep`."""

    def saved(kind: str, i: int) -> int:
        if (kind, i) not in keep:
            keep.append((kind, i))
        return keep.index((kind, i))

    positional: list[tuple[int, Any]] = []
    keywords: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        name = parameter.name
        base, _, suffix = name.rpartition("_")
        if parameter.kind is parameter.VAR_KEYWORD:
            given = {what for kind, what in positional if kind == PARAM}
            keywords.extend(name for name in op.defaults if name not in given and name not in keywords)
        elif name == "g" and len(op.outputs) == 1:
            positional.append((COTANGENT, 0))
        elif name.startswith("g_") and name[2:] in op.outputs and len(op.outputs) > 1:
            positional.append((COTANGENT, op.outputs.index(name[2:])))
        elif name in op.defaults and parameter.kind is parameter.KEYWORD_ONLY:
            keywords.append(name)
        elif name in op.defaults:
            positional.append((PARAM, name))
        elif name in op.inputs and op.variadic:
            positional.append((SAVED, tuple(saved(INPUT, i) for i in range(count))))
        elif name in op.inputs:
            positional.append((SAVED, saved(INPUT, op.inputs.index(name))))
        elif name in op.outputs:
            positional.append((SAVED, saved(OUTPUT, op.outputs.index(name))))
        elif name in op.saves:
            positional.append((SAVED, saved(BYPRODUCT, op.saves.index(name))))
        elif base in op.inputs and suffix in ("shape", "dtype"):
            kind = SHAPE if suffix == "shape" else DTYPE
            positional.append((kind, None if op.variadic else op.inputs.index(base)))
        elif name == "wanted" and op.joint is not None:
            positional.append((WANTED, None))
        elif name == "i" and op.rule_for_all is not None:
            positional.append((NUMBER, number))
        else:
            raise GradientError(
                f"{op.name}: a VJP asks for {name!r}, which is no input ({', '.join(op.inputs)}), output "
                f"({', '.join(op.outputs)}), by-product or parameter of it"
            )
    rest = positional[1:]
    asks_g_first = positional[:1] == [(COTANGENT, 0)] and len(op.outputs) == 1 and not keywords and number >= 0
    is_simple = asks_g_first and all(kind == SAVED and type(slot) is int for kind, slot in rest)
    simple = tuple([slot for _, slot in rest]) if is_simple else None
    parts, adds = getattr(function, "in_parts", False), getattr(function, "adds", None)
    if adds is not None and (keywords or number < 0 or len(op.outputs) > 1):
        raise GradientError(
            f"{op.name}: a rule made by adding_by is for one input of a primitive with one output, and has no "
            "keyword-only parameters"
        )
    return Rule(number, function, simple, tuple(positional), tuple(keywords), parts, adds)


def in_parts(rule: Any) -> Any:
    """A rule of several steps that work element by element: large arrays are cut into parts for it, over threads.

    Not for a rule of one step, or of steps on masks alone, which would only be copied once more.
    """
    rule.in_parts = True
    return rule


def adding_by(adds: Callable[..., None], rule: Any) -> Any:
    """A rule whose gradient is new memory, mostly zeros; `adds(sum, ...)`, with the rule's arguments, adds it in place.

    Where many such gradients come together, as with x[:, t] for each t, each then costs what it holds, not what x does.
    It is for a rule of one input, of a primitive with one output, without keyword-only parameters. Under
    `create_graph`, and with observers, which are shown each gradient, the rule itself is called.
    """
    rule.adds = adds
    return rule
