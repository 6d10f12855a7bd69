"""torch.backends.cpu: what the processor can do."""


def get_cpu_capability() -> str:
    """The vector instructions that kernels are specialised for: NumPy chooses its own, so DEFAULT."""
    return "DEFAULT"
