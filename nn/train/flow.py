"""How large the gradients are along the depth of a network: a picture drawn with matplotlib (extra `plots`)."""

import math
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure

import tensorgrad as tg

from ..module import Module

MOST_NAMES = 140  # of layers, below a picture of a deep network
MOST_LETTERS = 40  # of a layer's name there


def gradient_flow(source: tg.viz.GraphView | Module, title: str = "gradient flow") -> Figure:
    """How large the gradients are along the depth of a network, from its input on the left to the loss on the right.

    Of a recorded graph, such as `net.draw(x, y)`, with the gradients of what came out of each layer; of a module, those
    of its parameters after a backward pass. Each is the root of the mean square. Zeros stand below the scale, where
    the layer is dead; NaN and infinities above it. Raises GradientError where there is no gradient at all.
    """
    layers = _layers_of_module(source) if isinstance(source, Module) else _layers_of_graph(source)
    layers = [layer for layer in layers if layer.output is not None or layer.parameters]
    if not layers:
        raise tg.GradientError("gradient_flow: there are no gradients: run a backward pass, or draw with a target")
    sizes = [layer.output for layer in layers if layer.output is not None]
    sizes += [size for layer in layers for _, size in layer.parameters]
    seen = [size for size in sizes if 0 < size < math.inf] or [1.0]
    low, high = min(seen) / 3, max(seen) * 3

    figure = Figure(figsize=(min(max(0.25 * len(layers) + 3, 7), 20), 5), layout="constrained")
    axes = figure.subplots()
    outputs = [(at, layer.output) for at, layer in enumerate(layers) if layer.output is not None]
    parameters = [(at, *entry) for at, layer in enumerate(layers) for entry in layer.parameters]
    weights = [(at, size) for at, is_weight, size in parameters if is_weight]
    others = [(at, size) for at, is_weight, size in parameters if not is_weight]
    for points, marker, line, colour, label in (
        (outputs, "o", "-", "tab:blue", "what came out of the layer"),
        (weights, "s", "", "tab:orange", "weights"),
        (others, "^", "", "tab:green", "biases, scales"),
    ):
        if not points:
            continue
        places = [at for at, _ in points]
        heights = [low if size == 0 else min(size, high) if size == size else high for _, size in points]
        axes.plot(places, heights, marker=marker, ms=5, ls=line, color=colour, label=label)
        for at, size in points:
            if not 0 < size < math.inf:
                text = "0" if size == 0 else str(size)
                axes.plot([at], [low if size == 0 else high], marker="x", ms=11, color="magenta", ls="")
                axes.annotate(text, (at, low if size == 0 else high), (7, 5), textcoords="offset points", fontsize=8)
    axes.set_title(title, parse_math=False)
    axes.set(yscale="log", ylim=(low / 2, high * 2))
    axes.set(ylabel="rms of the gradient", xlabel="layers, from the input to the loss")
    step = -(-len(layers) // MOST_NAMES)
    names = [layer.name if len(layer.name) <= MOST_LETTERS else f"…{layer.name[-MOST_LETTERS:]}" for layer in layers]
    axes.set_xticks(range(0, len(layers), step), names[::step], rotation=90, fontsize=8, parse_math=False)
    axes.set_xlim(-0.6, len(layers) - 0.4)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower left", ncols=3, frameon=False)
    return figure


@dataclass(slots=True)
class _Layer:
    """A place along the depth of a network: the rms of the gradients there."""

    name: str
    output: float | None = None
    parameters: list[tuple[bool, float]] = field(default_factory=list)  # whether it is a weight, and the rms


def _layers_of_module(module: Module) -> list[_Layer]:
    layers: dict[str, _Layer] = {}
    for name, parameter in module.named_parameters():
        if parameter.grad is not None:
            path = name.rpartition(".")[0] or name
            grad = parameter.grad.data.astype(np.float64)
            layer = layers.setdefault(path, _Layer(path))
            layer.parameters.append((parameter.ndim > 1, float(np.sqrt(np.mean(grad * grad))) if grad.size else 0.0))
    return list(layers.values())


def _layers_of_graph(graph: tg.viz.GraphView) -> list[_Layer]:
    """Operations that follow each other in one module are one layer; a parameter counts where it is used first."""
    boxes = {node.id: node for node in graph.nodes}
    tensors = {tensor.id: tensor for tensor in graph.tensors if tensor.kind == "parameter"}
    used: dict[str, list[str]] = {}
    for edge in graph.edges:
        used.setdefault(edge.target, []).append(boxes[edge.source].tensor)
    layers: list[_Layer] = []
    module = None
    for node in graph.nodes:
        if node.kind != "op":
            continue
        if not layers or not node.module or node.module != module:
            layers.append(_Layer(node.module or node.name))
        module = node.module
        gradient = next((output.gradient for output in node.outputs if output.gradient), None)
        layers[-1].output = layers[-1].output if gradient is None else _rms(gradient.stats)
        for tensor in [tensors.pop(leaf) for leaf in used.get(node.id, ()) if leaf in tensors]:
            if tensor.grad is not None:
                layers[-1].parameters.append((len(tensor.shape) > 1, _rms(tensor.grad.stats)))
    return layers


def _rms(stats: tg.viz.Stats) -> float:
    return math.nan if stats.nans else math.inf if stats.infs else stats.rms or 0.0
