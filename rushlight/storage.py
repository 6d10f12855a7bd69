"""The memory behind tensors, as PyTorch shows it: UntypedStorage."""

from __future__ import annotations

from typing import Any

import numpy as np

from .ops.views import storage_bytes


class UntypedStorage:
    """The bytes that a tensor and its views share."""

    def __init__(self, array: np.ndarray) -> None:
        self._bytes, _ = storage_bytes(array)
        self.device = "cpu"

    def data_ptr(self) -> int:
        """The address of the first byte."""
        return self._bytes.__array_interface__["data"][0]

    def nbytes(self) -> int:
        """The size in bytes."""
        return self._bytes.nbytes

    size = __len__ = nbytes

    def __getitem__(self, index: Any) -> Any:
        found = self._bytes[index]
        return found if isinstance(index, slice) else int(found)

    def tolist(self) -> list[int]:
        """The bytes as Python integers."""
        return self._bytes.tolist()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UntypedStorage) and self.data_ptr() == other.data_ptr()

    __hash__ = object.__hash__
