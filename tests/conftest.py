"""Drawn examples: the same ones in every quick run, new ones in the full run."""

from hypothesis import settings

settings.register_profile("quick", derandomize=True, deadline=None)
settings.register_profile("full", deadline=None, print_blob=True)


def pytest_configure(config):
    settings.load_profile("quick" if config.option.markexpr == "not full" else "full")
