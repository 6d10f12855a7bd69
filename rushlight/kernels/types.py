"""The types of IR values: numbers, vectors of them, and pointers."""

from __future__ import annotations

from typing import NamedTuple


class Type(NamedTuple):
    """LLVM's type `name`, or a vector of `lanes` of it; a pointer remembers what it points to."""

    name: str
    bits: int
    lanes: int = 1
    unsigned: bool = False
    target: Type | None = None

    def __str__(self) -> str:
        return self.name if self.lanes == 1 else f"<{self.lanes} x {self.name}>"

    @property
    def is_float(self) -> bool:
        return self.name in _FLOATS

    @property
    def is_pointer(self) -> bool:
        return self.name == "ptr"

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return max(self.bits // 8, 1) * self.lanes

    @property
    def scalar(self) -> Type:
        """The type of one lane."""
        return self._replace(lanes=1)

    @property
    def pointer(self) -> Type:
        """The type of pointers to it."""
        return Type("ptr", 64, target=self)

    @property
    def suffix(self) -> str:
        """How intrinsics spell it: "f32", "v16f32", "p0"."""
        element = "p0" if self.is_pointer else _FLOATS.get(self.name, self.name)
        return element if self.lanes == 1 else f"v{self.lanes}{element}"

    def x(self, lanes: int) -> Type:
        """The vector of `lanes` of it (one lane: the scalar)."""
        return self._replace(lanes=lanes)


_FLOATS = {"half": "f16", "bfloat": "bf16", "float": "f32", "double": "f64"}

f16, bf16, f32, f64 = Type("half", 16), Type("bfloat", 16), Type("float", 32), Type("double", 64)
i1, i8, i16, i32, i64 = (Type(f"i{bits}", bits) for bits in (1, 8, 16, 32, 64))
u8, u16, u32, u64 = (Type(f"i{bits}", bits, unsigned=True) for bits in (8, 16, 32, 64))
ptr, void = i8.pointer, Type("void", 0)
