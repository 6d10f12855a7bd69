"""A family with a fault: what a test of the tests needs."""

from collections.abc import Iterator

import numpy as np

import rushlight as torch
from tests.kernels.fuzzing import Case, Draw


def crashing(d: Draw) -> Iterator[Case]:
    """The second call reads a page past the end."""
    x = np.zeros(1000, np.float32)
    yield Case("nothing wrong", lambda: torch.from_numpy(x) + 1)
    longer = np.lib.stride_tricks.as_strided(x, (3000,))
    yield Case("a read too far", lambda: torch.from_numpy(longer) + 1)
