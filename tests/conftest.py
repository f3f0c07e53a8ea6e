"""What holds for every test."""

import os
import signal
import sys
from collections import Counter

import pytest

from tests.parity import database_report
from tests.parity.tally import agreed

# One BLAS thread, set before NumPy is first imported, because BLAS reads these only then. Two reasons: with a test
# process per core, more threads than cores make everything slower; and the order in which threads add up a matrix
# product changes its last bits, so that results compared bit for bit would depend on the machine.
# Programs that a test starts inherit the setting.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ[variable] = "1"

# A shell lets what it starts in the background ignore interrupts, and so would every program a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

if "numpy" in sys.modules:
    raise RuntimeError("tests/conftest.py: NumPy was imported before the number of BLAS threads was set")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """The samples that a comparison with PyTorch counted are the property "samples" of the test."""
    if not item.get_closest_marker("parity"):
        return (yield)
    agreed.clear()
    try:
        return (yield)
    finally:
        item.user_properties.append(("samples", dict(agreed)))


def pytest_terminal_summary(terminalreporter):
    """A line for each file whose tests say, as the property "samples", what they tried: all that held, added up.

    The properties travel with the reports, also from the processes of pytest-xdist.
    """
    tests, passed, samples = Counter(), Counter(), {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            found = dict(getattr(report, "user_properties", ())).get("samples")
            if found is not None and report.when == "call":
                file = report.nodeid.partition("::")[0]
                tests[file] += 1
                passed[file] += report.passed
                samples.setdefault(file, Counter()).update(found)
    if samples:
        terminalreporter.section("samples tried and passed")
    for file, counts in sorted(samples.items()):
        told = ", ".join(f"{what} {count:,}" for what, count in counts.items()) or "no samples counted"
        terminalreporter.write_line(f"{file}: {passed[file]:,} of {tests[file]:,} tests; {told}")
    table = database_report.write(
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if report.when == "call"
    )
    if table:
        terminalreporter.write_line(table)
