"""Ctrl-C that waits for a good moment."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Interrupt:
    """Whether Ctrl-C was pressed."""

    requested = False


@contextlib.contextmanager
def hold_interrupt() -> Iterator[Interrupt]:
    """Within the `with`, Ctrl-C only sets `requested`, so that a step is finished and saved; a second one interrupts.

        with hold_interrupt() as interrupt:
            for images, labels in loader:
                ...
                if interrupt.requested:
                    save_checkpoint(...)
                    break

    Outside the main thread, where Python delivers no signals, nothing is held.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return

    def note(number: int, frame: FrameType | None) -> None:
        if interrupt.requested:
            raise KeyboardInterrupt
        interrupt.requested = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)
