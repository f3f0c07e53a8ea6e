"""`make test` needs no PyTorch: what it deselects is not even imported. Where it is asked for, it must be there.

The samples that each test compared go to the summary at the end, which tests/conftest.py prints.
"""

import pytest

from tests.parity.tally import agreed


def pytest_ignore_collect(config):
    return True if "not parity" in config.option.markexpr else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    agreed.clear()
    try:
        return (yield)
    finally:
        item.user_properties.append(("samples", dict(agreed)))
