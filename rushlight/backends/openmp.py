"""torch.backends.openmp: threads by OpenMP. Rushlight does not use it."""


def is_available() -> bool:
    """Whether OpenMP is built in."""
    return False
