"""An unpickler that can only make what a checkpoint needs.

A pickle is a program for a small stack machine. Python's own machine lets the program import and call
anything; this one knows the same opcodes, but a name must stand in `allowed.ALLOWED` (or be added by the
user), what is called is our own maker, which checks its arguments, and state is set only on types that expect
it. No name is imported because a file says so. The opcodes are those of protocol 2 (torch's) and their later
short forms; `pickletools` in Python's library documents each.
"""

from __future__ import annotations

import collections
import pickle
import struct
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

import rushlight.io.allowed as allowed
from rushlight.io.names import NOT_YET
from rushlight.io.plain import check_key, set_array_state, set_dtype_state
from rushlight.io.rebuild import wrong

Handler = Callable[["Unpickler"], None]
HANDLERS: dict[int, Handler] = {}


def opcode(*codes: bytes) -> Callable[[Handler], Handler]:
    """Register a handler for some opcodes."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update({code[0]: handler for code in codes})
        return handler

    return register


class Stop(Exception):
    """The program has ended, with the object it carries."""


class Unpickler:
    """Runs the pickle in `data`; `persistent_load` turns the tuple that names a storage into the storage."""

    def __init__(self, data: bytes, persistent_load: Callable[[Any], Any]) -> None:
        self.data, self.position = data, 0
        self.persistent_load = persistent_load
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.added = allowed.added_table()

    def load(self) -> Any:
        """Return the object. Raises pickle.UnpicklingError for what is refused, damaged or unknown."""
        try:
            while True:
                self._step()
        except Stop as stop:
            return stop.args[0]
        except (
            IndexError,
            KeyError,
            TypeError,
            ValueError,
            OverflowError,
            AttributeError,
            struct.error,
        ) as error:
            raise wrong(f"the pickle goes wrong before byte {self.position}: {error!r:.200}") from error

    def _step(self) -> None:
        code = self.take(1)[0]
        handler = HANDLERS.get(code)
        if handler is None:
            raise wrong(f"opcode {code:#04x} before byte {self.position} is not one that checkpoints use")
        handler(self)

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        end = self.position + count
        if count < 0 or end > len(self.data):
            raise wrong(f"the pickle ends at byte {len(self.data)}, in the middle of a value")
        part, self.position = self.data[self.position : end], end
        return part

    def number(self, form: str) -> int:
        """Return the next number, in `struct`'s notation."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> str:
        """Return the text up to the next line feed."""
        end = self.data.find(b"\n", self.position)
        if end < 0:
            raise wrong("the pickle ends in the middle of a name")
        text = self.take(end - self.position).decode("utf-8")
        self.position += 1
        return text

    def pop_mark(self) -> list[Any]:
        """Return what was pushed since the last mark."""
        items, self.stack = self.stack, self.marks.pop()
        return items

    def push_global(self, module: str, name: str) -> None:
        """Push what `module.name` stands for, if it is allowed."""
        # protocol 2 writes the names that Python 2 had: __builtin__ for builtins
        module, name = NAME_MAPPING.get((module, name)) or (IMPORT_MAPPING.get(module, module), name)
        full = f"{module}.{name}"
        if module.split(".")[0] in allowed.BLOCKED_MODULES:
            refuse(full, f"the module {module} is never allowed")
        if full in allowed.ALLOWED:
            self.stack.append(allowed.ALLOWED[full])
        elif full in self.added:
            self.stack.append(self.added[full])
        else:
            refuse(full)

    def is_added(self, obj: Any) -> bool:
        """Whether the user allowed this very object."""
        return any(obj is item for item in self.added.values())


def refuse(full: str, why: str = "") -> NoReturn:
    """Raise the error that names what the file asks for, and says what to do about it."""
    head = f"load: this file asks for `{full}`"
    if why:
        raise pickle.UnpicklingError(f"{head}; {why}. Do not load this file unless you know who made it.")
    if full in NOT_YET:
        raise pickle.UnpicklingError(
            f"{head}: Rushlight has no {NOT_YET[full]} yet. Convert them before saving."
        )
    raise pickle.UnpicklingError(
        f"{head}, which is not among the things a checkpoint of tensors consists of, and could run any code. "
        "If you trust whoever made the file: allow this one name with "
        f"torch.serialization.add_safe_globals([{full.removeprefix('builtins.')}]), or let the file do "
        "anything with load(..., weights_only=False). Else ask for the state_dict() alone."
    )


# -- names, calls and state: what makes pickles dangerous ------------------------------------------------


@opcode(pickle.GLOBAL)
def _(self: Unpickler) -> None:
    module = self.line()
    self.push_global(module, self.line())


@opcode(pickle.STACK_GLOBAL)
def _(self: Unpickler) -> None:
    name, module = self.stack.pop(), self.stack.pop()
    if type(name) is not str or type(module) is not str:
        raise wrong("a name is no text")
    self.push_global(module, name)


@opcode(pickle.REDUCE)
def _(self: Unpickler) -> None:
    args, func = self.stack.pop(), self.stack.pop()
    maker = func if self.is_added(func) else allowed.maker_of(func)
    if maker is None or type(args) is not tuple:
        raise wrong(f"it calls {func!r:.80}, which is no way to build a part of a checkpoint")
    self.stack.append(maker(*args))


@opcode(pickle.NEWOBJ)
def _(self: Unpickler) -> None:
    args, cls = self.stack.pop(), self.stack.pop()
    if type(args) is not tuple:
        raise wrong("an object's arguments are no tuple")
    if self.is_added(cls):
        self.stack.append(cls.__new__(cls, *args))
        return
    maker = allowed.maker_of(cls)
    if maker is None or not isinstance(cls, type):
        raise wrong(f"it makes a {cls!r:.80}, which is no part of a checkpoint")
    self.stack.append(maker(*args))


@opcode(pickle.BUILD)
def _(self: Unpickler) -> None:
    state, obj = self.stack.pop(), self.stack[-1]
    if type(obj) is collections.OrderedDict:
        set_dict_attributes(obj, state)
    elif isinstance(obj, np.dtype):
        set_dtype_state(obj, state)
    elif type(obj) is np.ndarray:
        set_array_state(obj, state)
    elif self.is_added(type(obj)):
        set_state(obj, state)
    else:
        raise wrong(f"it sets the state of a {type(obj).__name__}")


def set_dict_attributes(obj: collections.OrderedDict[Any, Any], state: Any) -> None:
    """Restore attributes of an OrderedDict (`state_dict()` has `_metadata`) that hide none of its methods."""
    if type(state) is not dict or not all(type(k) is str and not hasattr(type(obj), k) for k in state):
        raise wrong("an OrderedDict's attributes would replace its methods")
    obj.__dict__.update(state)


def set_state(obj: Any, state: Any) -> None:
    """Set the state of an object whose class the user allowed, as pickle does."""
    if hasattr(obj, "__setstate__"):
        obj.__setstate__(state)
        return
    own, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
    if own:
        obj.__dict__.update(own)
    for name, value in (slots or {}).items():
        setattr(obj, name, value)


@opcode(pickle.BINPERSID)
def _(self: Unpickler) -> None:
    self.stack.append(self.persistent_load(self.stack.pop()))


# -- containers ------------------------------------------------------------------------------------------

DICTS = (dict, collections.OrderedDict, collections.Counter, collections.defaultdict)


def put(target: Any, items: list[Any]) -> None:
    """Put keys and values, in turn, into a dict."""
    if type(target) not in DICTS or len(items) % 2:
        raise wrong(f"it sets items of a {type(target).__name__}")
    for key, value in zip(items[::2], items[1::2], strict=True):
        target[check_key(key)] = value


def extend(target: Any, items: list[Any]) -> None:
    """Append to a list."""
    if type(target) is not list:
        raise wrong(f"it appends to a {type(target).__name__}")
    target.extend(items)


@opcode(pickle.APPEND)
def _(self: Unpickler) -> None:
    item = self.stack.pop()
    extend(self.stack[-1], [item])


@opcode(pickle.APPENDS)
def _(self: Unpickler) -> None:
    items = self.pop_mark()
    extend(self.stack[-1], items)


@opcode(pickle.SETITEM)
def _(self: Unpickler) -> None:
    value, key = self.stack.pop(), self.stack.pop()
    put(self.stack[-1], [key, value])


@opcode(pickle.SETITEMS)
def _(self: Unpickler) -> None:
    items = self.pop_mark()
    put(self.stack[-1], items)


@opcode(pickle.ADDITEMS)
def _(self: Unpickler) -> None:
    items = self.pop_mark()
    if type(self.stack[-1]) is not set:
        raise wrong(f"it adds to a {type(self.stack[-1]).__name__}")
    self.stack[-1].update(map(check_key, items))


@opcode(pickle.FROZENSET)
def _(self: Unpickler) -> None:
    items = self.pop_mark()
    self.stack.append(frozenset(map(check_key, items)))


@opcode(pickle.MARK)
def _(self: Unpickler) -> None:
    self.marks.append(self.stack)
    self.stack = []


@opcode(pickle.TUPLE)
def _(self: Unpickler) -> None:
    items = self.pop_mark()  # before `append` is looked up: it puts the outer stack back
    self.stack.append(tuple(items))


def _short_tuple(count: int) -> Handler:
    def handler(self: Unpickler) -> None:
        if len(self.stack) < count:
            raise wrong("a tuple has too few parts")
        self.stack[-count:] = [tuple(self.stack[-count:])]

    return handler


HANDLERS |= {
    pickle.TUPLE1[0]: _short_tuple(1),
    pickle.TUPLE2[0]: _short_tuple(2),
    pickle.TUPLE3[0]: _short_tuple(3),
}


# -- values ----------------------------------------------------------------------------------------------


def _constant(make: Callable[[], Any]) -> Handler:
    return lambda self: self.stack.append(make())


def _number(form: str) -> Handler:
    return lambda self: self.stack.append(self.number(form))


def _text(length: str) -> Handler:
    return lambda self: self.stack.append(str(self.take(self.number(length)), "utf-8", "surrogatepass"))


def _bytes(length: str) -> Handler:
    return lambda self: self.stack.append(self.take(self.number(length)))


def _long(length: str) -> Handler:
    return lambda self: self.stack.append(pickle.decode_long(self.take(self.number(length))))


HANDLERS |= {
    pickle.NONE[0]: _constant(lambda: None),
    pickle.NEWTRUE[0]: _constant(lambda: True),
    pickle.NEWFALSE[0]: _constant(lambda: False),
    pickle.EMPTY_TUPLE[0]: _constant(tuple),
    pickle.EMPTY_LIST[0]: _constant(list),
    pickle.EMPTY_DICT[0]: _constant(dict),
    pickle.EMPTY_SET[0]: _constant(set),
    pickle.BININT[0]: _number("<i"),
    pickle.BININT1[0]: _number("<B"),
    pickle.BININT2[0]: _number("<H"),
    pickle.BINFLOAT[0]: _number(">d"),
    pickle.LONG1[0]: _long("<B"),
    pickle.LONG4[0]: _long("<i"),
    pickle.BINUNICODE[0]: _text("<I"),
    pickle.SHORT_BINUNICODE[0]: _text("<B"),
    pickle.BINUNICODE8[0]: _text("<Q"),
    pickle.SHORT_BINSTRING[0]: _text("<B"),
    pickle.SHORT_BINBYTES[0]: _bytes("<B"),
    pickle.BINBYTES[0]: _bytes("<I"),
    pickle.BINBYTES8[0]: _bytes("<Q"),
    pickle.BYTEARRAY8[0]: lambda self: self.stack.append(bytearray(self.take(self.number("<Q")))),
}


# -- the machine itself ----------------------------------------------------------------------------------


def _memo_get(form: str) -> Handler:
    return lambda self: self.stack.append(self.memo[self.number(form)])


def _memo_put(form: str) -> Handler:
    def handler(self: Unpickler) -> None:
        self.memo[self.number(form)] = self.stack[-1]

    return handler


HANDLERS |= {
    pickle.BINGET[0]: _memo_get("<B"),
    pickle.LONG_BINGET[0]: _memo_get("<I"),
    pickle.BINPUT[0]: _memo_put("<B"),
    pickle.LONG_BINPUT[0]: _memo_put("<I"),
}


@opcode(pickle.MEMOIZE)
def _(self: Unpickler) -> None:
    self.memo[len(self.memo)] = self.stack[-1]


@opcode(pickle.PROTO)
def _(self: Unpickler) -> None:
    version = self.take(1)[0]
    if not 2 <= version <= 5:
        raise wrong(f"pickle protocol {version} is none that torch ever wrote (2 to 5)")


@opcode(pickle.FRAME)
def _(self: Unpickler) -> None:
    self.take(8)  # a hint for readers of streams


@opcode(pickle.STOP)
def _(self: Unpickler) -> None:
    raise Stop(self.stack.pop())
