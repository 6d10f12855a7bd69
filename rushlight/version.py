"""The version of Rushlight, under the names that `torch.version` has."""

__version__ = "0.1.0.dev0"

cuda: str | None = None
hip: str | None = None
