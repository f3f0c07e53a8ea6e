"""Writing into buffers."""

from typing import Any

import tensorgrad as tg


def overwrite(buffer: tg.Tensor, values: Any) -> None:
    """`buffer.copy_(values)` under no_grad(), for values of its shape or a number, in a fraction of the time."""
    array = buffer.data
    if array.flags.writeable:
        array[...] = values
        buffer.data = array  # says to graphs that saved the values that they were written over
    else:
        with tg.no_grad():
            buffer.copy_(values)  # which says why it cannot
