"""What the legend says: a line for each colour, arrow, strip and flag that occurs in a picture."""

from __future__ import annotations

from .colours import SCALES
from .options import Options
from .scene import Key, Scene

ARROWS = {
    "forward": "a value, forward",
    "backward": "its gradient, backward; wider where it is larger",
    "detached": "no gradient goes back",
}
STRIPS = {"value": "rms of the values (root of the mean square)", "gradient": "rms of the gradient"}
FLAGS = {
    "▽": "vanishing: the gradient's rms is below {0:g} of the parameter's",
    "△": "exploding: the gradient's rms is above {1:g} times the parameter's",
    "∅": "dead: an output or a gradient is zero everywhere",
    "!": "NaN or infinite values; first: where they came up",
}


def keys_of(scene: Scene, options: Options) -> tuple[Key, ...]:
    """The legend of a scene, in a fixed order."""
    kinds = dict.fromkeys(card.category for card in scene.cards)
    if any(card.chips for card in scene.cards):
        kinds["parameter"] = None
    keys = [Key(f"card:{kind}", "collapsed" if kind == "module" else kind) for kind in kinds]
    if options.color != "kind":
        keys.append(Key(SCALES[options.color].sample, SCALES[options.color].text))
    arrows = dict.fromkeys(arrow.kind for arrow in scene.arrows)
    if any(chip.backward for card in scene.cards for chip in card.chips):
        arrows["backward"] = None
    keys += [Key(f"arrow:{kind}", text) for kind, text in ARROWS.items() if kind in arrows]
    keys += [Key("sum", "several gradients meet and are added")] * bool(scene.sums)
    for kind, text in STRIPS.items():
        if any(getattr(card, kind) is not None for card in scene.cards):
            keys.append(Key(f"strip:{kind}", text))
    flags = dict.fromkeys(flag[0] for card in scene.cards for flag in card.flags)
    numbers = (options.vanishing, options.exploding)
    return (*keys, *(Key(f"flag:{flag}", text.format(*numbers)) for flag, text in FLAGS.items() if flag in flags))
