"""`make test` needs no PyTorch: what it deselects is not even imported. Where it is asked for, it must be there."""


def pytest_ignore_collect(config):
    return True if "not parity" in config.option.markexpr else None
