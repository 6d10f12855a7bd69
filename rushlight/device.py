"""Where a tensor's numbers live: `device("cpu")`, `device("cuda", 0)`, `device("meta")`."""

from __future__ import annotations

from typing import Any

_TYPES = ("cpu", "cuda", "meta")


class device:
    """A device type with an optional index, equal by value.

    Accepts `device("cuda:1")`, `device("cuda", 1)`, `device(1)` (a CUDA index) or another device.
    Raises RuntimeError for a type Rushlight does not know.
    """

    __slots__ = ("type", "index")
    type: str
    index: int | None

    def __init__(self, type: Any, index: int | None = None) -> None:
        if isinstance(type, device):
            kind, index = type.type, type.index
        elif isinstance(type, int):
            kind, index = "cuda", type
        else:
            kind, index = _parse(type, index)
        object.__setattr__(self, "type", kind)
        object.__setattr__(self, "index", index)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"device: attribute {name!r} is read-only; make a new device instead")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        at = "" if self.index is None else f", index={self.index}"
        return f"device(type={self.type!r}{at})"

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (self.type, self.index)


def _parse(text: str, index: int | None) -> tuple[str, int | None]:
    if not isinstance(text, str):
        raise TypeError(f"device: expected a name like 'cpu' or 'cuda:0', got {text!r}")
    kind, colon, number = text.partition(":")
    if kind not in _TYPES:
        raise RuntimeError(f"device: unknown device type {kind!r} in {text!r}; known: {', '.join(_TYPES)}")
    if not colon:
        return kind, index
    if not number.isdigit() or index is not None:
        raise RuntimeError(f"device: invalid device string {text!r}; write it as '{kind}' or '{kind}:0'")
    return kind, int(number)


CPU, META = device("cpu"), device("meta")


def resolve(where: Any) -> device:
    """The device a `device=` argument names, checked to be one this build can reach.

    Raises RuntimeError for CUDA: this release computes on the CPU only.
    """
    if where is None:
        return CPU
    found = where if isinstance(where, device) else device(where)
    if found.type == "cuda":
        raise RuntimeError(
            f"device {str(found)!r}: no CUDA device is available "
            "(torch.cuda.is_available() is False); use device='cpu'"
        )
    return CPU if found.type == "cpu" else found
