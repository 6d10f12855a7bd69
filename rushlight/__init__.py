"""Rushlight: PyTorch without the gigabyte. `import rushlight as torch` runs ordinary PyTorch code."""

from __future__ import annotations

from . import bind
from .tensor import Tensor
from .creation import *

for n, f in bind.functions_under("").items():
    globals().setdefault(n, f())
