"""What holds for every test."""

import os
import sys

# One BLAS thread, set before NumPy is first imported, because BLAS reads these only then. Two reasons: with a test
# process per core, more threads than cores make everything slower; and the order in which threads add up a matrix
# product changes its last bits, so that results compared bit for bit would depend on the machine.
# Programs that a test starts inherit the setting.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"

if "numpy" in sys.modules:
    raise RuntimeError("tests/conftest.py: NumPy was imported before the number of BLAS threads was set")
