"""Importing this declares every op: the table of contents of the catalogue."""

from . import pointwise, reduce, matmul, views  # noqa: F401
