"""torch.backends.opt_einsum: the order in which einsum multiplies is chosen by Rushlight itself."""

enabled, strategy = True, "auto"


def is_available() -> bool:
    """Whether the package opt_einsum is used."""
    return False
