"""Running a model only to look at it."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

import tensorgrad as tg

if TYPE_CHECKING:
    from .module import Module


@contextlib.contextmanager
def left_as_it_was(*models: "Module") -> Iterator[None]:
    """Afterwards, the modules' attributes, the values of their buffers and the random generators are as before."""
    modules = [module for model in models for module in model.modules()]
    attributes = [dict(vars(module)) for module in modules]
    buffers = [(buffer, buffer.data.copy()) for model in models for buffer in model.buffers()]
    generators = [value for held in attributes for value in held.values() if isinstance(value, np.random.Generator)]
    states = [generator.bit_generator.state for generator in generators]
    try:
        with tg.viz.rewind_generators():
            yield
    finally:
        for module, held in zip(modules, attributes, strict=True):
            vars(module).clear()
            vars(module).update(held)
        for buffer, values in buffers:
            if buffer.data.tobytes() != values.tobytes():
                with tg.no_grad():
                    buffer.copy_(values)
        for generator, state in zip(generators, states, strict=True):
            generator.bit_generator.state = state
