"""Running a trained model: in evaluation mode, unrecorded, and leaving the model as it was."""

import contextlib
from collections.abc import Iterator

import numpy as np

import tensorgrad as tg

from ..data import DataLoader
from ..module import Module


def predict(model: Module, inputs: np.ndarray | tg.Tensor, batch_size: int = 256) -> np.ndarray:
    """The model's outputs for all inputs (N, ...), computed in batches. Raises ShapeError if there are none."""
    if not len(inputs):
        raise tg.ShapeError(f"predict: no inputs: their shape is {tuple(inputs.shape)}")
    with _evaluating(model):
        return np.concatenate([model(batch).data for (batch,) in DataLoader(inputs, batch_size=batch_size)])


def layer_outputs(model: Module, inputs: np.ndarray | tg.Tensor) -> dict[str, np.ndarray]:
    """What comes out of each innermost module when the model runs on `inputs`, by dotted name, in order of the calls.

    Of a module that is called several times it is the last output. One whose output is no single tensor is left out.
    """
    outputs: dict[str, np.ndarray] = {}
    with _evaluating(model), contextlib.ExitStack() as hooks:
        for name, module in model.named_modules():
            if next(module.children(), None) is None:

                def note(module: Module, args: object, output: object, name: str = name) -> None:
                    if isinstance(output, tg.Tensor):
                        outputs[name] = output.data

                hooks.enter_context(module.register_forward_hook(note))
        model(inputs)
    return outputs


@contextlib.contextmanager
def _evaluating(model: Module) -> Iterator[None]:
    """Evaluation mode without recording; afterwards each module is in the mode it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with tg.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training
