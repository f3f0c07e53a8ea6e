"""What the legend says: a line for each colour, arrow, strip and flag that occurs in a picture."""

from __future__ import annotations

from .colours import SCALES
from .options import Options
from .scene import Key, Scene

ARROWS = {
    "forward": "a value, forward",
    "backward": "its gradient, backward",
    "detached": "no gradient goes back",
}
STRIPS = {
    "value": "rms of the values (root of the mean square)",
    "gradient": "rms of the gradient",
}
ENDS = ", 1e-8 to 100"  # of a strip's logarithmic scale: cards.LOWEST and HIGHEST
WIDER = "; wider where it is larger"
KEEPS = "bytes held for the way back"
HATCHED = "values that are NaN or infinite"
DASHED = "a parameter that is not trained here: frozen, or detached"
FLAGS = {
    "▽": "vanishing: the gradient's rms is below {0:g} of the parameter's",
    "△": "exploding: the gradient's rms is above {1:g} times the parameter's",
    "∅": "dead: an output or a gradient is zero everywhere",
    "!": "NaN or infinite values; first: where they came up",
}


def keys_of(scene: Scene, options: Options) -> tuple[Key, ...]:
    """The legend of a scene, in a fixed order."""
    kinds = dict.fromkeys(card.category for card in scene.cards)
    chips = [chip for card in scene.cards for chip in card.chips]
    if chips:
        kinds["parameter"] = None
    said = {"module": "collapsed"}
    if any(chip.gradient is not None for chip in chips):
        said["parameter"] = "parameter, ∇ rms of its gradient"
    keys = [Key(f"card:{kind}", said.get(kind, kind)) for kind in kinds]
    if options.color != "kind":
        scale, grey = SCALES[options.color], options.theme == "print"
        keys.append(Key(scale.sample(grey), scale.text(grey)))
    arrows = dict.fromkeys(arrow.kind for arrow in scene.arrows)
    if any(chip.backward for chip in chips):
        arrows["backward"] = None
    widths = {arrow.weight: None for arrow in scene.arrows if arrow.kind == "backward"}
    widths |= {chip.weight: None for chip in chips if chip.backward}
    wider = {"backward": WIDER} if len(widths) > 1 else {}  # all are equally wide where nothing was recorded
    keys += [Key(f"arrow:{kind}", text + wider.get(kind, "")) for kind, text in ARROWS.items() if kind in arrows]
    keys += [Key("sum", "several gradients meet and are added")] * bool(scene.sums)
    for kind, text in STRIPS.items():
        if any(getattr(card, kind) is not None for card in scene.cards):
            keys.append(Key(f"strip:{kind}", text + ENDS))
    bands = [band for card in scene.cards for band in (card.value, card.gradient) if band is not None]
    keys += [Key("hatch", HATCHED)] * any(band.odd for band in bands)
    keys += [Key("word:keeps", KEEPS)] * any(card.saved for card in scene.cards)
    keys += [Key("chip:dashed", DASHED)] * any(chip.cut or not chip.trainable for chip in chips)
    flags = dict.fromkeys(flag[0] for card in scene.cards for flag in card.flags)
    numbers = (options.vanishing, options.exploding)
    return (*keys, *(Key(f"flag:{flag}", text.format(*numbers)) for flag, text in FLAGS.items() if flag in flags))
