"""A small builder of LLVM IR: a kernel reads like the loop nest it is.

Values overload Python's operators, loops are `for` statements, branches are `with` blocks, and a variable
that is assigned to inside either is right behind it:

    module = Module()
    f = module.function("sum", f32, x=f32.pointer, n=i64)
    x, n = f.args
    total = f.var(f.const(f32, 0))
    for i in f.range(0, n):
        total += x[i]
    f.ret(total)

The text is LLVM's own (making it takes a tenth of the time of llvmlite.ir); no optimisation pass runs over
it,
so what is written is what runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from .types import Type, i32, i64, ptr, void
from .values import Arithmetic, Value, Var, compare, constant, iota


class Phi:
    """Joins the values that arrive at a block over several edges; one that only repeats itself is a copy."""

    def __init__(self, value: Value) -> None:
        self.value = value
        self.edges: list[tuple[Value, Block]] = []

    def __str__(self) -> str:
        others = {v.text for v, _ in self.edges} - {self.value.text}
        if len(others) == 1 and len(self.edges) > 1:
            return f"  {self.value.text} = bitcast {self.value.type} {others.pop()} to {self.value.type}"
        edges = ", ".join(f"[{v.text}, %{block.label}]" for v, block in self.edges)
        return f"  {self.value.text} = phi {self.value.type} {edges}"


class Block:
    """A label, the phis behind it, and a run of instructions."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.phis: list[Phi] = []
        self.lines: list[str] = []

    def __str__(self) -> str:
        phis = sorted(map(str, self.phis), key=lambda line: " = phi " not in line)  # copies stand behind
        return "\n".join([f"{self.label}:", *phis, *self.lines])


class Scope:
    """What variables hold in a loop (which has a header), in a branch, or in the function itself."""

    def __init__(self, header: Block | None = None, entry: Block | None = None) -> None:
        self.values: dict[Var, Value] = {}
        self.header, self.entry = header, entry
        self.phis: dict[Var, Phi] = {}
        self.exits: list[tuple[Block, dict[Var, Value]]] = []
        self.after: Block | None = None


class Module:
    """Functions, and what they call."""

    def __init__(self) -> None:
        self.functions: list[Function] = []
        self.declarations: dict[str, str] = {}
        self.data: list[str] = []
        self.imports: set[str] = set()

    def function(
        self, name: str, returns: Type = void, /, internal: bool = False, **arguments: Type
    ) -> Function:
        """A new function; `internal` ones are seen by this module only."""
        f = Function(self, name, returns, arguments, internal)
        self.functions.append(f)
        return f

    def declare(self, name: str, returns: Type, types: Iterable[Type]) -> None:
        """Make a function of elsewhere known; what is not LLVM's own is imported."""
        if name not in self.declarations:
            self.declarations[name] = f"declare {returns} @{name}({', '.join(map(str, types))})"
            if not name.startswith("llvm."):
                self.imports.add(name)

    def external(self, f: Function, name: str) -> Value:
        """The address of something of elsewhere: a Python type, a table."""
        self.declarations.setdefault(name, f"@{name} = external global i8")
        self.imports.add(name)
        return Value(f, f"@{name}", ptr)

    def string(self, f: Function, text: str) -> Value:
        """The address of a C string."""
        return self.bytes(f, text.encode() + b"\0")

    def bytes(self, f: Function, raw: bytes) -> Value:
        """The address of constant memory, without any alignment."""
        name = f"bytes{len(self.data)}"
        shown = "".join(chr(c) if 32 <= c < 127 and chr(c) not in '"\\' else f"\\{c:02X}" for c in raw)
        self.data.append(f'@{name} = private constant [{len(raw)} x i8] c"{shown}"')
        return Value(f, f"@{name}", ptr)

    def memory(self, f: Function, name: str, type: Type, count: int) -> Value:
        """The address of `count` elements of this module's own: zeros at first, kept between calls."""
        text = f"@{name} = internal global [{count} x {type}] zeroinitializer, align 64"
        if text not in self.data:
            self.data.append(text)
        return Value(f, f"@{name}", type.pointer)

    def __str__(self) -> str:
        own = {f.name for f in self.functions}
        declared = [text for name, text in self.declarations.items() if name not in own]
        return "\n".join([*self.data, *declared, *map(str, self.functions), "!0 = !{i32 1}", ""])


class Function:
    """A function being written; `args` are its arguments in order."""

    def __init__(
        self, module: Module, name: str, returns: Type, arguments: dict[str, Type], internal: bool
    ) -> None:
        self.module, self.name, self.returns, self.internal = module, name, returns, internal
        self.args = [Value(self, f"%{n}", t) for n, t in arguments.items()]
        self._count = 0
        self._slots: list[str] = []
        self._undone: tuple[Any, ...] | None = None  # of the last `when`, for `otherwise`
        self.entry = Block("entry")
        self.blocks = [self.entry]
        self.block: Block | None = self.entry
        self.scopes = [Scope()]

    def __str__(self) -> str:
        arguments = ", ".join(map(str, self.args))
        self.entry.lines[:0], self._slots = self._slots, []
        body = "\n".join(map(str, self.blocks))
        kind = "internal " if self.internal else ""
        return f"define {kind}{self.returns} @{self.name}({arguments}) #0 {{\n{body}\n}}"

    # -- instructions -------------------------------------------------------------------------------

    def emit(self, text: str, type: Type) -> Value:
        """An instruction that gives a value."""
        self._count += 1
        value = Value(self, f"%v{self._count}", type)
        self.do(f"{value.text} = {text}")
        return value

    def do(self, text: str) -> None:
        """An instruction without a value."""
        assert self.block is not None, f"{self.name}: nothing can follow a return: {text}"
        self.block.lines.append(f"  {text}")

    def const(self, type: Type, value: Any) -> Value:
        """A number of this type, in all lanes."""
        return Value(self, constant(value, type), type)

    def lift(self, value: Any, type: Type) -> Value:
        """A value as itself; a Python number as a constant of this type."""
        return value.now if isinstance(value, Arithmetic) else self.const(type, value)

    def call(self, name: str, returns: Type, *args: Any) -> Value:
        """Call a function of this module, of LLVM's, or of elsewhere."""
        values = [a.now if isinstance(a, Arithmetic) else self.const(i64, a) for a in args]
        self.module.declare(name, returns, [v.type for v in values])
        text = f"call {returns} @{name}({', '.join(map(str, values))})"
        if returns is void:
            self.do(text)
            return Value(self, "", void)
        return self.emit(text, returns)

    def call_pointer(self, callee: Value, returns: Type, *args: Any) -> Value:
        """Call through a pointer."""
        values = [self.lift(a, i64) for a in args]
        text = f"call {returns} {callee.text}({', '.join(map(str, values))})"
        if returns is void:
            self.do(text)
            return Value(self, "", void)
        return self.emit(text, returns)

    def address(self, name: str) -> Value:
        """The address of a function or table of this module."""
        return Value(self, f"@{name}", ptr)

    def stack(self, type: Type, count: int, align: int = 64) -> Value:
        """Room for `count` elements that lasts until the function returns."""
        self._count += 1
        name = f"%s{self._count}"
        self._slots.append(f"  {name} = alloca {type}, i64 {count}, align {align}")
        return Value(self, name, type.pointer)

    def var(self, value: Any, type: Type = i64) -> Var:
        """A variable that starts with `value`; a number is of `type`."""
        return Var(self, self.lift(value, type))

    def ret(self, value: Any = None) -> None:
        """Return."""
        self.do("ret void" if value is None else f"ret {self.lift(value, self.returns)}")
        self.block = None

    def iota(self, lanes: int, type: Type) -> Value:
        """The vector 0, 1, 2 ..."""
        return iota(self, lanes, type)

    def below(self, n: Any, lanes: int) -> Value:
        """The mask of the lanes whose number is below `n` (which is below 2^31)."""
        return compare("lt", iota(self, lanes, i32), self.lift(n, i64).to(i32))

    # -- control flow -------------------------------------------------------------------------------

    def new_block(self, name: str) -> Block:
        """A block that is not begun yet."""
        self._count += 1
        return Block(f"{name}{self._count}")

    def begin(self, block: Block) -> None:
        """What follows goes into `block`."""
        self.blocks.append(block)
        self.block = block

    def jump(self, target: Block) -> None:
        """Go on at `target`."""
        self.do(f"br label %{target.label}")
        self.block = None

    def branch(self, condition: Any, yes: Block, no: Block) -> None:
        """Go on at one of two blocks."""
        self.do(f"br {condition.now}, label %{yes.label}, label %{no.label}")
        self.block = None

    def read(self, var: Var, depth: int = -1) -> Value:
        """The value of a variable here; met for the first time in a loop, it gets a phi at the loop's
        head.
        """
        depth = depth if depth >= 0 else len(self.scopes) - 1
        scope = self.scopes[depth]
        if var in scope.values:
            return scope.values[var]
        assert depth, "a variable of a loop or branch that has ended"
        if scope.header is None:
            return self.read(var, depth - 1)
        return self._carried(scope, var, depth)

    def _carried(self, scope: Scope, var: Var, depth: int) -> Value:
        """The value a variable has at the head of a loop."""
        if var not in scope.phis:
            assert scope.header is not None and scope.entry is not None
            phi = self._phi(scope.header, var.type, [(self.read(var, depth - 1), scope.entry)])
            scope.phis[var] = phi
            scope.values.setdefault(var, phi.value)
        return scope.phis[var].value

    def _phi(self, block: Block, type: Type, edges: list[tuple[Value, Block]]) -> Phi:
        self._count += 1
        phi = Phi(Value(self, f"%p{self._count}", type))
        phi.edges += edges
        block.phis.append(phi)
        return phi

    def range(self, start: Any, stop: Any, step: Any = 1) -> Iterator[Value]:
        """for i in range(start, stop, step), counted by the machine; `step` is positive."""
        first, last = self.lift(start, i64), self.lift(stop, i64)
        before, head, after = self.block, self.new_block("loop"), self.new_block("end")
        assert before is not None
        always = _both_known(start, stop) and start < stop
        self.jump(head) if always else self.branch(first < last, head, after)
        scope = self._enter(head, before, after)
        i = self._phi(head, i64, [(first, before)])
        yield i.value
        following = i.value + step
        again, latch = following < last, self.block
        assert latch is not None
        self.branch(again, head, after)
        i.edges.append((following, latch))
        scope.exits.append((latch, dict(scope.values)))
        self._leave(scope, latch, [] if always else [before])

    def forever(self) -> Iterator[None]:
        """A loop that only `leave` ends."""
        before, head, after = self.block, self.new_block("loop"), self.new_block("end")
        assert before is not None
        self.jump(head)
        scope = self._enter(head, before, after)
        yield None
        latch = self.block
        if latch is not None:
            self.jump(head)
        self._leave(scope, latch, [])

    def leave(self, condition: Any) -> None:
        """End the innermost loop here if `condition` holds."""
        depth = max(k for k, s in enumerate(self.scopes) if s.header is not None)
        scope, block, rest = self.scopes[depth], self.block, self.new_block("on")
        assert block is not None and scope.after is not None
        held: dict[Var, Value] = {}
        for inner in self.scopes[depth:]:
            held |= inner.values
        scope.exits.append((block, held))
        self.branch(condition, scope.after, rest)
        self.begin(rest)

    def _enter(self, head: Block, before: Block, after: Block) -> Scope:
        scope = Scope(head, before)
        scope.after = after
        self.scopes.append(scope)
        self.begin(head)
        return scope

    def _leave(self, scope: Scope, latch: Block | None, skipped: list[Block]) -> None:
        """End a loop: close the phis at its head, and join what the ways out of it bring."""
        depth = len(self.scopes) - 1
        assert self.scopes[depth] is scope and scope.after is not None, "loops end inside out"
        touched = [v for v in scope.values if self._is_outer(v, depth) and _assigned(scope, v)]
        edges: dict[Var, list[tuple[Value, Block]]] = {}
        for var in touched:
            for block, held in scope.exits:
                value = held[var] if var in held else self._carried(scope, var, depth)
                edges.setdefault(var, []).append((value, block))
        for var, phi in scope.phis.items():
            if latch is not None:
                phi.edges.append((scope.values[var], latch))
        self.scopes.pop()
        self.begin(scope.after)
        for var, arriving in edges.items():
            outer = [(self.read(var), block) for block in skipped]
            self._join(var, outer + arriving)

    def _is_outer(self, var: Var, depth: int) -> bool:
        return any(var in s.values for s in self.scopes[:depth])

    def _join(self, var: Var, edges: list[tuple[Value, Block]]) -> None:
        """A variable after a join: the one value all edges bring, or a phi of them."""
        assert self.block is not None
        first = edges[0][0]
        if all(v.text == first.text for v, _ in edges):
            self.scopes[-1].values[var] = first
        else:
            self.scopes[-1].values[var] = self._phi(self.block, var.type, edges).value

    @contextmanager
    def when(self, condition: Any) -> Iterator[None]:
        """What happens only if `condition` (a scalar i1) holds."""
        then, skip, after = self.new_block("then"), self.new_block("else"), self.new_block("end")
        self.branch(condition, then, skip)
        end, held = yield from self._side(then, after)
        self.begin(skip)
        self.jump(after)
        self._undone = (skip, after, (end, held), dict(self.scopes[-1].values))
        self._merge(after, [(end, held), (skip, {})])

    @contextmanager
    def otherwise(self) -> Iterator[None]:
        """What happens if the condition of the `when` just ended does not hold."""
        assert self._undone is not None and self.block is self._undone[1], "no `when` has just ended"
        skip, after, then, values = self._undone
        self.blocks.remove(after)
        self.blocks.remove(skip)
        skip.lines.clear()
        after.phis.clear()
        self.scopes[-1].values = values
        end, held = yield from self._side(skip, after)
        self._merge(after, [then, (end, held)])

    def _side(self, block: Block, after: Block) -> Any:
        """One side of a branch: what the caller writes; returns the block it ends in, and its assignments."""
        scope = Scope()
        self.scopes.append(scope)
        self.begin(block)
        yield
        self.scopes.pop()
        end = self.block
        if end is not None:
            self.jump(after)
        return end, {v: x for v, x in scope.values.items() if v.born is not scope}

    def _merge(self, after: Block, sides: list[tuple[Block | None, dict[Var, Value]]]) -> None:
        """Go on behind a branch with what its sides (those that did not return) have assigned."""
        ways = [(block, held) for block, held in sides if block is not None]
        self.begin(after)
        if not ways:
            self.do("unreachable")
            self.block = None
            return
        for var in {v: None for _, held in ways for v in held}:
            self._join(var, [(held[var] if var in held else self.read(var), block) for block, held in ways])


def _both_known(start: Any, stop: Any) -> bool:
    return isinstance(start, int) and isinstance(stop, int)


def _assigned(scope: Scope, var: Var) -> bool:
    """Whether a loop changes a variable that is older than it."""
    held = [values[var] for _, values in scope.exits if var in values]
    return var not in scope.phis or any(v is not scope.phis[var].value for v in [scope.values[var], *held])
