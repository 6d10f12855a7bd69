"""torch.backends.mps: Apple's GPUs. This release computes on the CPU only."""


def is_available() -> bool:
    """Whether there is an Apple GPU to compute on."""
    return False


def is_built() -> bool:
    """Whether there is code for Apple's GPUs."""
    return False
