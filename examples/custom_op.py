"""An operation of one's own: swish with a learnable slope, checked against differences, and drawn.

Run it with `python -m examples.custom_op [graph.svg]`.

swish(x, beta) = x * sigmoid(beta * x), after Ramachandran, Zoph and Le, "Searching for activation functions" (2017).
"""

import sys
from pathlib import Path

import numpy as np

import tensorgrad as tg


# The forward takes arrays. check=True: the first call that is recorded verifies the VJPs, and raises if one is wrong.
@tg.elementwise(floats=True, check=True)
def swish(x, beta):
    return x * tg.sigmoid(beta * x)


# A VJP for each input: from g, the gradient of the result, to the input's. What it names is kept until backward.
# tg.sigmoid takes arrays and Tensors, so the same lines serve for gradients of gradients; sums over broadcast axes
# are the engine's business.
def swish_x(g, x, beta):
    s = tg.sigmoid(beta * x)
    return g * (s + beta * x * s * (1 - s))


def swish_beta(g, x, beta):
    s = tg.sigmoid(beta * x)
    return g * x * x * s * (1 - s)


swish.defvjps(swish_x, swish_beta)


# The same with a mistake that training would hide: the derivative of sigmoid is missing.
@tg.elementwise(floats=True, check=True)
def wrong_swish(x, beta):
    return x * tg.sigmoid(beta * x)


wrong_swish.defvjps(lambda g, x, beta: g * tg.sigmoid(beta * x), swish_beta)


def main(picture: str = "runs/custom_op.svg") -> None:
    rng = np.random.default_rng(0)
    x = tg.tensor(rng.standard_normal((4, 3)), requires_grad=True)
    beta = tg.tensor([0.5, 1.0, 2.0], dtype=tg.float64, requires_grad=True)  # one for each column

    print(f"gradcheck {tg.gradcheck(swish, (x, beta))}, gradgradcheck {tg.gradgradcheck(swish, (x, beta))}")
    try:
        wrong_swish(x, beta)
    except tg.TensorgradError as error:
        print(f"\nthe wrong rule is refused:\n{error}\n")

    # In use: find the slopes 1, 2 and 3 from what a swish with these slopes answers.
    target = swish(x.detach(), tg.tensor([1.0, 2.0, 3.0], dtype=tg.float64))
    with tg.viz.record() as run:
        loss = ((swish(x, beta) - target) ** 2).mean()
        loss.backward()
    view = run.graph(loss, inputs={"x": x, "beta": beta, "target": target})

    for step in range(401):
        loss = ((swish(x.detach(), beta) - target) ** 2).mean()
        if step % 200 == 0:
            print(f"step {step:3}   loss {loss.item():.2e}   slopes {np.round(beta.data, 3)}")
        beta.grad = None
        loss.backward()
        with tg.no_grad():
            beta -= 10 * beta.grad

    Path(picture).parent.mkdir(parents=True, exist_ok=True)
    try:
        view.save(picture)
        print(f"graph drawn to {picture}")
    except tg.viz.DrawingError as error:
        print(f"graph not drawn: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
