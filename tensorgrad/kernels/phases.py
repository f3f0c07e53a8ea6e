"""Every s-th column of images side by side, for windows that are s columns apart.

What windows read at one place of a kernel is every s-th column. Where a column is a short run of memory, as with 2 to
15 images, NumPy's loops take longer to begin than to work, once for each column and place. So the columns are copied
once into s arrays, a phase each, in which they are neighbours. Longer runs, and columns of one value, which NumPy takes
in its stride, stay as they are: the phases are views then.

Axes: images (n, c, *x) in any order of memory; the columns are along the last.
"""

from .layout import empty_like, in_memory_order
from .runs import copy_runs
from .windows import Array, Slices

SHORT = 64  # bytes


def phases(x: Array, step: int) -> list[Array]:
    """The columns 0, step, 2*step ... of x, then 1, 1 + step ..., and so on; not to be written to."""
    views = [x[..., phase::step] for phase in range(step)]
    return [_copied(view) for view in views] if _are_short(x, step) else views


def new_phases(x: Array, step: int) -> list[Array]:
    """Arrays for the phases of x, without their values; what is written to them is in x after `put_back`."""
    views = [x[..., phase::step] for phase in range(step)]
    return [empty_like(x, view.shape, x.dtype) for view in views] if _are_short(x, step) else views


def put_back(x: Array, parts: list[Array]) -> None:
    """Write the phases that `new_phases` gave to the columns of x."""
    if _are_short(x, len(parts)):
        for phase, part in enumerate(parts):
            _copy(x[..., phase :: len(parts)], part)


def columns_of(parts: list[Array], pixels: Slices) -> Array:
    """x[:, :, *pixels] of the x with these phases, where the last slice is of every step-th column."""
    *rows, across = pixels
    first, phase = divmod(across.start, len(parts))
    count = len(range(across.start, across.stop, len(parts)))
    return parts[phase][:, :, *rows, first : first + count]


def _are_short(x: Array, step: int) -> bool:
    return step > 1 and x.itemsize < abs(x.strides[-1]) < SHORT


def _copied(view: Array) -> Array:
    copy = empty_like(view, view.shape, view.dtype)
    _copy(copy, view)
    return copy


def _copy(target: Array, source: Array) -> None:
    order = in_memory_order(target)
    copy_runs(target.transpose(order), source.transpose(order))
