"""What all tests share: one thread each (they run side by side), and torch present where it was asked for."""

import importlib.util
import os

import pytest

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("RUSHLIGHT_WITH_TORCH") and importlib.util.find_spec("torch") is None:
        raise pytest.UsageError("--with-torch: torch is not installed, so the comparisons would be skipped")
