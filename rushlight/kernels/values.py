"""IR values: what stands in a register, with Python's operators; and variables, joined by loops and
branches.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from .types import Type, i1, i32, i64

if TYPE_CHECKING:
    from .ir import Function


class Arithmetic:
    """Python's operators, for values and variables. Numbers and scalars stretch to the other's lanes."""

    __slots__ = ()
    now: Value

    def __add__(self, other: Any) -> Value:
        return binary("add", self, other)

    def __radd__(self, other: Any) -> Value:
        return binary("add", other, self)

    def __sub__(self, other: Any) -> Value:
        return binary("sub", self, other)

    def __rsub__(self, other: Any) -> Value:
        return binary("sub", other, self)

    def __mul__(self, other: Any) -> Value:
        return binary("mul", self, other)

    def __rmul__(self, other: Any) -> Value:
        return binary("mul", other, self)

    def __truediv__(self, other: Any) -> Value:
        return binary("div", self, other)

    def __rtruediv__(self, other: Any) -> Value:
        return binary("div", other, self)

    def __floordiv__(self, other: Any) -> Value:
        """Integers only, rounding towards zero as machines do."""
        return binary("div", self, other)

    def __rfloordiv__(self, other: Any) -> Value:
        return binary("div", other, self)

    def __mod__(self, other: Any) -> Value:
        return binary("rem", self, other)

    def __and__(self, other: Any) -> Value:
        return binary("and", self, other)

    def __or__(self, other: Any) -> Value:
        return binary("or", self, other)

    def __xor__(self, other: Any) -> Value:
        return binary("xor", self, other)

    def __lshift__(self, other: Any) -> Value:
        return binary("shl", self, other)

    def __rshift__(self, other: Any) -> Value:
        return binary("shr", self, other)

    def __neg__(self) -> Value:
        x = self.now
        return x.f.emit(f"fneg {x}", x.type) if x.type.is_float else binary("sub", 0, x)

    def __invert__(self) -> Value:
        return binary("xor", self, -1)

    def __lt__(self, other: Any) -> Value:
        return compare("lt", self, other)

    def __le__(self, other: Any) -> Value:
        return compare("le", self, other)

    def __gt__(self, other: Any) -> Value:
        return compare("gt", self, other)

    def __ge__(self, other: Any) -> Value:
        return compare("ge", self, other)

    def __eq__(self, other: object) -> Value:  # type: ignore[override]
        return compare("eq", self, other)

    def __ne__(self, other: object) -> Value:  # type: ignore[override]
        return compare("ne", self, other)

    __hash__ = object.__hash__

    # -- memory, for pointers ------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Value:
        return self.load(index)

    def __setitem__(self, index: Any, value: Any) -> None:
        self.store(value, index)

    def at(self, index: Any) -> Value:
        """The pointer `index` elements further."""
        p = self.now
        assert p.type.target is not None, f"{p} is no pointer"
        if index.__class__ is int and index == 0:
            return p
        return p.f.emit(f"getelementptr {p.type.target}, {p}, {p.f.lift(index, i64)}", p.type)

    def of(self, element: Type) -> Value:
        """The same address, of elements of another type."""
        return Value(self.now.f, self.now.text, element.pointer)

    def load(self, index: Any = 0, lanes: int = 1, mask: Any = None, align: int | None = None) -> Value:
        """The `lanes` elements from `index` on; those outside `mask` are not read, and zero."""
        p = self.at(index)
        assert p.type.target is not None
        t = p.type.target.x(lanes)
        align = align or t.scalar.size
        if mask is None:
            return p.f.emit(f"load {t}, {p}, align {align}", t)
        name = f"llvm.masked.load.{t.suffix}.p0"
        p.f.module.declare(name, t, (p.type, i1.x(lanes), t))
        zero = p.f.const(t, 0)
        return p.f.emit(f"call {t} @{name}(ptr align {align} {p.text}, {mask.now}, {zero})", t)

    def prefetch(self, index: Any = 0) -> None:
        """Begin to bring the element at `index` into the caches."""
        p = self.at(index)
        p.f.module.declare("llvm.prefetch.p0", Type("void", 0), (p.type, i32, i32, i32))
        p.f.do(f"call void @llvm.prefetch.p0({p}, i32 0, i32 3, i32 1)")

    def store(
        self, value: Any, index: Any = 0, mask: Any = None, align: int | None = None, stream: bool = False
    ) -> None:
        """Write a number or vector from `index` on, or its lanes in `mask`; `stream`: past the caches."""
        p = self.at(index)
        assert p.type.target is not None
        v = p.f.lift(value, p.type.target)
        align = align or v.type.scalar.size
        if mask is None:
            hint = ", !nontemporal !0" if stream else ""
            p.f.do(f"store {v}, {p}, align {align}{hint}")
            return
        name = f"llvm.masked.store.{v.type.suffix}.p0"
        p.f.module.declare(name, Type("void", 0), (v.type, p.type, i1.x(v.type.lanes)))
        p.f.do(f"call void @{name}({v}, ptr align {align} {p.text}, {mask.now})")


class Value(Arithmetic):
    """What an instruction computed, an argument, or a constant; `f` is the function it belongs to."""

    __slots__ = ("f", "text", "type")

    def __init__(self, f: Function, text: str, type: Type) -> None:
        self.f, self.text, self.type = f, text, type

    def __str__(self) -> str:
        """As an operand: its type, then its name."""
        return f"{self.type} {self.text}"

    def __bool__(self) -> bool:
        raise TypeError("the machine knows this only when it runs: use `with f.when(...)` or `select`")

    @property
    def now(self) -> Value:
        return self

    @property
    def lanes(self) -> int:
        return self.type.lanes

    def select(self, yes: Any, no: Any) -> Value:
        """`yes` where it is true, `no` elsewhere, lane by lane."""
        yes, no = unify(self.f, yes, no)
        lanes = max(self.lanes, yes.lanes)
        yes, no = yes.splat(lanes), no.splat(lanes)
        return self.f.emit(f"select {self}, {yes}, {no}", yes.type)

    def splat(self, lanes: int) -> Value:
        """A vector with this scalar in all lanes."""
        if lanes == 1 or self.type.lanes == lanes:
            return self
        t = self.type.x(lanes)
        one = self.f.emit(f"insertelement {t} poison, {self}, i32 0", t)
        return self.f.emit(f"shufflevector {one}, {t} poison, <{lanes} x i32> zeroinitializer", t)

    def to(self, type: Type) -> Value:
        """Converted to another kind of number, in as many lanes. Floats to integers saturate; NaN gives 0."""
        want, have = type.x(self.lanes), self.type
        if want.is_pointer and have.is_pointer:
            return Value(self.f, self.text, want)
        if (want.name, want.lanes) == (have.name, have.lanes):
            return Value(self.f, self.text, want)
        if have.is_float and not want.is_float:
            sign = "u" if want.unsigned else "s"
            return self.f.call(f"llvm.fpto{sign}i.sat.{want.suffix}.{have.suffix}", want, self)
        return self.f.emit(f"{_conversion(have, want)} {self} to {want}", want)

    def bits(self, type: Type) -> Value:
        """The same bits read as another type."""
        want = type.x(self.lanes * self.type.bits // type.bits)
        return self.f.emit(f"bitcast {self} to {want}", want)

    def lane(self, i: int) -> Value:
        """One lane as a scalar."""
        return self if self.lanes == 1 else self.f.emit(f"extractelement {self}, i32 {i}", self.type.scalar)

    def shuffle(self, order: Any, other: Value | None = None) -> Value:
        """The lanes in another order; numbers from `lanes` on name those of `other`."""
        order = list(order)
        t, second = self.type.x(len(order)), f"{self.type} poison" if other is None else str(other)
        lanes = ", ".join(f"i32 {k}" for k in order)
        return self.f.emit(f"shufflevector {self}, {second}, <{len(order)} x i32> <{lanes}>", t)

    def fold(self, combine: Any) -> Value:
        """All lanes combined into one, halves against halves: the order is the same on every machine."""
        v = self
        while v.lanes > 2:
            half = v.lanes // 2
            v = combine(v.shuffle(range(half)), v.shuffle(range(half, 2 * half)))
        return combine(v.lane(0), v.lane(1)) if v.lanes > 1 else v


class Var(Arithmetic):
    """A variable: what is assigned to it in a loop or a branch is there afterwards (phis join the values)."""

    __slots__ = ("f", "type", "born")

    def __init__(self, f: Function, value: Value) -> None:
        self.f, self.type, self.born = f, value.type, f.scopes[-1]
        self.set(value)

    @property
    def now(self) -> Value:
        """Its value at this point of the program."""
        return self.f.read(self)

    def set(self, value: Any) -> None:
        """Assign to it."""
        v = self.f.lift(value, self.type)
        assert str(v.type) == str(self.type), f"a {self.type} cannot hold {v}"
        self.f.scopes[-1].values[self] = v

    def __iadd__(self, other: Any) -> Var:
        self.set(self + other)
        return self

    def __isub__(self, other: Any) -> Var:
        self.set(self - other)
        return self

    def __imul__(self, other: Any) -> Var:
        self.set(self * other)
        return self


# -- how operands meet ---------------------------------------------------------------------------------

_FLOAT_OPS = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv", "rem": "frem"}
_SIGNED_OPS = {"div": "sdiv", "rem": "srem", "shr": "ashr"}
_UNSIGNED_OPS = {"div": "udiv", "rem": "urem", "shr": "lshr"}


def unify(f: Function, x: Any, y: Any) -> tuple[Value, Value]:
    """Two operands as values of one type: numbers take the other's, scalars its lanes."""
    if isinstance(x, Arithmetic):
        x = x.now
        y = f.lift(y, x.type)
    else:
        y = y.now
        x = f.lift(x, y.type)
    lanes = max(x.lanes, y.lanes)
    return x.splat(lanes), y.splat(lanes)


def binary(op: str, x: Any, y: Any) -> Value:
    """An operation of two operands."""
    f = (x if isinstance(x, Arithmetic) else y).now.f
    a, b = unify(f, x, y)
    assert str(a.type) == str(b.type), f"{op}: {a} and {b} are of different types"
    t = a.type
    table = _FLOAT_OPS if t.is_float else _UNSIGNED_OPS if t.unsigned else _SIGNED_OPS
    return f.emit(f"{table.get(op, op)} {a}, {b.text}", t)


def compare(op: str, x: Any, y: Any) -> Value:
    """A comparison; with NaN all are false but `!=`."""
    f = (x if isinstance(x, Arithmetic) else y).now.f
    a, b = unify(f, x, y)
    if a.type.is_float:
        code = "fcmp " + ("une" if op == "ne" else f"o{op}")
    elif op in ("eq", "ne"):
        code = f"icmp {op}"
    else:
        plain = a.type.unsigned or a.type.is_pointer or a.type.name == "i1"
        code = f"icmp {'u' if plain else 's'}{op}"
    return f.emit(f"{code} {a}, {b.text}", i1.x(a.lanes))


def _conversion(have: Type, want: Type) -> str:
    if have.is_pointer or want.is_pointer:
        return "ptrtoint" if have.is_pointer else "inttoptr"
    if have.is_float:
        return "fpext" if want.bits > have.bits else "fptrunc"
    unsigned = have.unsigned or have.name == "i1"
    if want.is_float:
        return "uitofp" if unsigned else "sitofp"
    return "trunc" if want.bits < have.bits else "zext" if unsigned else "sext"


def constant(value: Any, type: Type) -> str:
    """A number as LLVM writes it, in every lane of `type`."""
    one = _number(value, type)
    return one if type.lanes == 1 else f"splat ({type.name} {one})"


def _number(value: Any, type: Type) -> str:
    if type.is_pointer:
        assert value == 0
        return "null"
    if type.name == "i1":
        return "true" if value else "false"
    if not type.is_float:
        return str(int(value))
    if type.name in ("half", "bfloat"):
        half = np.float16(value).view(np.uint16) if type.name == "half" else _bfloat(value)
        return f"0x{'H' if type.name == 'half' else 'R'}{int(half):04X}"
    with np.errstate(over="ignore"):
        wide = float(np.float32(value)) if type.name == "float" else float(value)
    return f"0x{struct.unpack('>Q', struct.pack('>d', wide))[0]:016X}"


def _bfloat(value: Any) -> int:
    """The upper half of a float32, rounded to even."""
    bits = int(np.float32(value).view(np.uint32))
    return (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16


def iota(f: Function, lanes: int, type: Type = i32) -> Value:
    """The vector 0, 1, 2 ..."""
    if lanes == 1:
        return Value(f, "0", type)
    return Value(f, "<" + ", ".join(f"{type.name} {k}" for k in range(lanes)) + ">", type.x(lanes))
