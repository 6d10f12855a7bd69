"""torch.backends.mkl: Intel's math library. Rushlight does not call it."""

VERBOSE_OFF, VERBOSE_ON = 0, 1


def is_available() -> bool:
    """Whether MKL is built in."""
    return False
