"""`rushlight version`."""

from ..version import __version__


def main(arguments: list[str]) -> int:
    """Prints the version."""
    print(__version__)
    return 0
