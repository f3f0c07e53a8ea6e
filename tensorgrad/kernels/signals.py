"""A flag that one thread waits for without Python's lock, and without sleeping: so it goes on some microseconds after.

A thread that sleeps is woken in 30 to 90 microseconds on a virtual machine, and to wake it takes 12. One that looks at
a flag in Python asks for Python's lock at each look, and holds up the thread that it waits for. But NumPy gives the
lock up while it reduces a large array, and `logical_and` ends its way along a row at the first False: so a row that is
one flag, read again and again, is a wait that ends with the flag, or at the end of the row.

All this is a matter of time alone. Were NumPy to read on, or to read a row's flag once, a wait would be too long or too
short; nobody may take it to mean that the flag was cleared.
"""

import functools
from time import perf_counter

import numpy as np


class Signal:
    """`rows` flags for one waiting thread, of which each is read up to `reads` times, a third of a nanosecond a read.

    Once all are cleared, each that is left takes 23 nanoseconds. This is to let whoever cleared them come to a call of
    NumPy that gives Python's lock up: or the one that waited would find it taken, and sleep.
    """

    def __init__(self, rows: int, reads: int) -> None:
        self._flags = np.ones(rows, np.bool_)
        self._rows = np.lib.stride_tricks.as_strided(self._flags, (rows, reads), (1, 0), writeable=False)
        self._out = np.empty(rows, np.bool_)
        self.set = self._flags.fill  # of True: whoever waits from now on does, until it is given

    def give(self) -> None:
        """End the wait."""
        self._flags.fill(False)

    def wait(self) -> None:
        """Return some microseconds after the signal was given, or after rows * reads looks."""
        np.logical_and.reduce(self._rows, axis=1, out=self._out)


@functools.cache
def ends_early() -> bool:
    """Whether a wait ends with its signal. Where NumPy reads a row to its end, to sleep is better."""
    signal = Signal(1, 1_000_000)
    signal.give()
    times = []
    for _ in range(3):
        start = perf_counter()
        signal.wait()
        times.append(perf_counter() - start)
    return min(times) < 5e-5
