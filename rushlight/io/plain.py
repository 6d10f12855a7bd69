"""Makes the plain objects a checkpoint may hold: containers, bytes, NumPy arrays. Makers check arguments.

The file chooses the arguments. So `bytearray(10**12)`, which would take all memory, or a dtype with objects,
which would run code, must not get through: nothing here passes arguments on unseen.
"""

from __future__ import annotations

import collections
import re
from typing import Any

import numpy as np

from rushlight.io.adapter import bridge, device_object
from rushlight.io.rebuild import counts, wrong

MAX_KEY_PARTS = 1000
FACTORIES = (list, dict, set, tuple, int, float, str, bool, bytes, complex, collections.OrderedDict, None)
NUMPY_TYPE = re.compile(r"[?bBhHiIlLqQefdFD]|[<>=|]?([biufcSU][0-9]{1,4})|bool")


def check_key(key: Any) -> Any:
    """Return `key`, refused unless hashing is harmless: for nested tuples it may take for ever."""
    parts, waiting = 0, [key]
    while waiting:
        part, parts = waiting.pop(), parts + 1
        if parts > MAX_KEY_PARTS:
            raise wrong("a key has too many parts")
        if type(part) is tuple:
            waiting.extend(part[:MAX_KEY_PARTS])
        elif type(part) is frozenset or type(part).__hash__ is None:
            raise wrong(f"a {type(part).__name__} cannot be a key here")
    return key


def check_keys(keys: Any, kind: type | tuple[type, ...]) -> Any:
    """Return a container whose elements are all harmless to hash."""
    if type(keys) not in (kind if isinstance(kind, tuple) else (kind,)):
        raise wrong(f"a set or dict is built from a {type(keys).__name__}")
    for key in keys:
        check_key(key)
    return keys


def make_set(items: Any = ()) -> set[Any]:
    """Make a set from a list."""
    return set(check_keys(items, (list, tuple, set)))


def make_frozenset(items: Any = ()) -> frozenset[Any]:
    """Make a frozenset from a list."""
    return frozenset(check_keys(items, (list, tuple, set)))


def make_ordered_dict(pairs: Any = ()) -> collections.OrderedDict[Any, Any]:
    """Make an OrderedDict from nothing, or from a list of pairs (as Python 2 wrote it)."""
    if type(pairs) not in (list, tuple) or not all(type(p) in (list, tuple) and len(p) == 2 for p in pairs):
        raise wrong("an OrderedDict is built from something else than pairs")
    return collections.OrderedDict((check_key(key), value) for key, value in pairs)


def make_counter(items: Any = ()) -> collections.Counter[Any]:
    """Make a Counter from a dict of counts."""
    return collections.Counter(check_keys(items, (dict, tuple)))


def make_defaultdict(factory: Any = None, *rest: Any) -> collections.defaultdict[Any, Any]:
    """Make a defaultdict whose factory is a builtin type."""
    if not any(factory is allowed for allowed in FACTORIES) or rest:
        raise wrong(f"a defaultdict may only make builtin types, not {factory!r:.60}")
    return collections.defaultdict(factory)


def make_complex(real: Any, imag: Any) -> complex:
    """Make a complex number from two floats."""
    if type(real) is not float or type(imag) is not float:
        raise wrong("a complex number is built from something else than two floats")
    return complex(real, imag)


def encode(text: Any, encoding: Any) -> bytes:
    """Make bytes: pickle protocol 2 writes them as text in latin1."""
    if type(text) is not str or encoding not in ("latin1", "latin-1"):
        raise wrong("bytes are built from something else than latin1 text")
    return text.encode("latin-1")


def make_bytearray(data: Any = b"", encoding: Any = "latin1") -> bytearray:
    """Make a bytearray from bytes or latin1 text; a number would be a size, and is refused."""
    return bytearray(data if type(data) is bytes else encode(data, encoding))


def make_bytes(*args: Any) -> bytes:
    """Make empty bytes, the only ones that protocol 2 writes this way."""
    if args:
        raise wrong("bytes are built from something else than text")
    return b""


def make_size(sizes: Any) -> Any:
    """Make a torch.Size."""
    return bridge().size(counts(sizes, "Size"))


def make_device(*args: Any) -> Any:
    """Make a torch.device from a type and an index."""
    if not all(type(arg) in (str, int) for arg in args) or not 1 <= len(args) <= 2:
        raise wrong("a device is built from something else than a name and an index")
    return device_object(*args)


# -- NumPy -----------------------------------------------------------------------------------------


def make_numpy_dtype(code: Any, align: Any = False, copy: Any = True) -> np.dtype:
    """Make a NumPy dtype of numbers or text; objects and records are refused."""
    if type(code) is not str or not NUMPY_TYPE.fullmatch(code):
        raise wrong(f"the NumPy dtype {code!r:.60} is not one of plain numbers")
    return np.dtype(code, False, True)  # a copy: set_dtype_state changes it


def set_dtype_state(dtype: np.dtype, state: Any) -> None:
    """Apply the state of a pickled dtype, of which only the byte order may say something."""
    if type(state) is not tuple or len(state) not in (8, 9) or state[1] not in ("<", ">", "=", "|"):
        raise wrong("a NumPy dtype has a strange state")
    if any(part is not None for part in state[2:5]) or not all(type(part) is int for part in state[5:8]):
        raise wrong("a NumPy dtype has fields")
    if dtype.kind in "SU" and (state[5] != dtype.itemsize or state[7] not in (0, 8)):
        raise wrong("a NumPy text dtype contradicts its own size")
    if state[1] in "<>" and dtype.itemsize > 1:
        elements = state[5:7] if dtype.kind in "SU" else (-1, -1)
        dtype.__setstate__((3, state[1], None, None, None, *elements, 0))  # type: ignore[attr-defined]


def make_numpy_array(kind: Any, shape: Any, code: Any) -> np.ndarray:
    """Make the empty array that NumPy's pickles start with; its state follows."""
    if kind is not np.ndarray or shape != (0,) or code != b"b":
        raise wrong("a NumPy array is built in a strange way")
    return np.ndarray((0,), np.int8)


def set_array_state(array: np.ndarray, state: Any) -> None:
    """Fill an array made by `make_numpy_array`."""
    if array.shape != (0,) or array.dtype != np.int8 or type(state) is not tuple or len(state) != 5:
        raise wrong("a NumPy array has a strange state")
    version, shape, dtype, fortran, data = state
    check_numpy(dtype)
    expected = dtype.itemsize
    for size in counts(shape, "shape"):
        expected *= size
    if type(data) is not bytes or len(data) != expected or type(fortran) is not bool:
        raise wrong(f"a NumPy array of shape {shape} and type {dtype} does not come with {expected} bytes")
    array.__setstate__((1, shape, dtype, fortran, data))  # type: ignore[arg-type]


def make_numpy_scalar(dtype: Any, data: Any = b"") -> Any:
    """Make a NumPy scalar from its bytes."""
    check_numpy(dtype)
    if type(data) is not bytes or len(data) != dtype.itemsize or not data:
        raise wrong(f"a NumPy scalar of type {dtype} does not come with {dtype.itemsize} bytes")
    return np.frombuffer(data, dtype)[0]


def check_numpy(dtype: Any) -> None:
    """Refuse what is no dtype of plain numbers or text."""
    if not isinstance(dtype, np.dtype) or dtype.hasobject or dtype.kind not in "biufcSU":
        raise wrong(f"{dtype!r:.60} is not a NumPy dtype of plain numbers")
