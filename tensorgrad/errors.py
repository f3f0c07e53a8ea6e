"""What tensorgrad raises. Each error is also the built-in error that a user of NumPy or PyTorch would catch."""

import numpy as np


class TensorgradError(Exception):
    """Base of the errors that say what was wrong with a call.

    What Python has an error for stays Python's own: KeyError, AttributeError, FileNotFoundError and other OSErrors.
    """


class ShapeError(TensorgradError, ValueError):
    """Shapes, sizes or other arguments that do not fit each other."""


class DTypeError(TensorgradError, TypeError):
    """A dtype, or a type of argument, that the operation does not take."""


class LabelError(TensorgradError, IndexError):
    """A class label or index outside the range it selects from."""


class GradientError(TensorgradError, RuntimeError):
    """A backward pass that cannot be done, or a rule that broke its contract."""


class SharingError(TensorgradError, BufferError):
    """Memory that cannot be shared between libraries as it is."""


class LinAlgError(TensorgradError, np.linalg.LinAlgError, RuntimeError):
    """A matrix that has no inverse or no decomposition. NumPy's error of this name, and as PyTorch's a RuntimeError."""


class FileFormatError(TensorgradError, ValueError):
    """A file that is damaged, cut short, or not of the format it should be."""
