"""What nn raises beyond tensorgrad's errors. The file errors are `tg.FileFormatError`s, so that one `except` serves."""

import tensorgrad as tg


class DataError(tg.FileFormatError):
    """A data file that is damaged or of another format, or a data set whose files do not fit each other."""


class MissingFileError(tg.FileFormatError, FileNotFoundError):
    """A data or model file that is not there."""


class StateError(tg.TensorgradError, RuntimeError):
    """A saved state that does not fit the module, optimiser or schedule that should take it."""
