"""Types to annotate with: Number, Device, FileLike, and Python's own by the names torch.types has."""

from __future__ import annotations

import builtins
import os
from typing import IO, TypeAlias

from .device import device
from .dtypes import dtype
from .lazy import lazy_names
from .size import Size

Number: TypeAlias = int | float | bool
Device: TypeAlias = device | str | int | None
FileLike: TypeAlias = str | os.PathLike[str] | IO[bytes]

_int, _float, _bool, _complex = builtins.int, builtins.float, builtins.bool, builtins.complex
_str, _bytes = builtins.str, builtins.bytes
_dtype, _device = dtype, device
_size: TypeAlias = Size | list[int] | tuple[int, ...]

__getattr__, _ = lazy_names(
    __name__, {"Storage": f"{__package__}.storage:UntypedStorage"}, shown="torch.types"
)
