"""What a checkpoint may name. Everything else is refused before it is even imported."""

from __future__ import annotations

import collections
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import numpy as np

import rushlight.io.plain as plain
import rushlight.io.rebuild as rebuild
from rushlight.io.adapter import dtype_object
from rushlight.io.names import STORAGE_CLASSES, UNTYPED_DTYPES
from rushlight.io.rebuild import StorageClass, TensorClass

SafeGlobal = Any  # a class or function, or (class or function, "the.name.it.has.in.files")

#: never allowed, not even when a user lists them (torch's list)
BLOCKED_MODULES = frozenset({"sys", "os", "posix", "nt"})

#: name in the file -> what makes the object, in place of the thing named
MAKERS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": rebuild.rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": rebuild.rebuild_tensor_v2,
    "torch._utils._rebuild_tensor_v3": rebuild.rebuild_tensor_v3,
    "torch._utils._rebuild_parameter": rebuild.rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": rebuild.rebuild_parameter_with_state,
    "torch._utils._rebuild_meta_tensor_no_storage": rebuild.rebuild_meta,
    "torch._tensor._rebuild_from_type_v2": rebuild.rebuild_from_type,
    "torch.Size": plain.make_size,
    "torch.device": plain.make_device,
    "_codecs.encode": plain.encode,
    "numpy.core.multiarray._reconstruct": plain.make_numpy_array,
    "numpy._core.multiarray._reconstruct": plain.make_numpy_array,
    "numpy.core.multiarray.scalar": plain.make_numpy_scalar,
    "numpy._core.multiarray.scalar": plain.make_numpy_scalar,
    "numpy.dtype": plain.make_numpy_dtype,
}

#: types that may stand in a file as they are (as a defaultdict's factory), with what is called in their place
TYPES: dict[type, Callable[..., Any] | None] = {
    collections.OrderedDict: plain.make_ordered_dict,
    collections.Counter: plain.make_counter,
    collections.defaultdict: plain.make_defaultdict,
    set: plain.make_set,
    frozenset: plain.make_frozenset,
    complex: plain.make_complex,
    bytearray: plain.make_bytearray,
    bytes: plain.make_bytes,
    **dict.fromkeys((list, dict, tuple, int, float, str, bool)),
}


def _table() -> dict[str, Any]:
    storages = {f"torch.{name}": StorageClass(name, element) for name, element in STORAGE_CLASSES.items()}
    dtypes = {f"torch.{name}": dtype_object(name) for name in (*STORAGE_CLASSES.values(), *UNTYPED_DTYPES)}
    return {
        **MAKERS,
        **{f"{kind.__module__}.{kind.__name__}": kind for kind in TYPES},
        **storages,
        **{f"torch.storage.{name.removeprefix('torch.')}": storage for name, storage in storages.items()},
        "torch.storage.UntypedStorage": StorageClass("UntypedStorage", None),
        **{name: dtype for name, dtype in dtypes.items() if dtype is not None},
        "torch.Tensor": TensorClass(False),
        "torch.nn.parameter.Parameter": TensorClass(True),
        "numpy.ndarray": np.ndarray,
    }


ALLOWED: dict[str, Any] = _table()

_CALLED = {id(maker): maker for maker in MAKERS.values()} | {id(k): make for k, make in TYPES.items() if make}


def maker_of(obj: Any) -> Callable[..., Any] | None:
    """Return what to call where a file calls `obj`; None where it may not be called."""
    return _CALLED.get(id(obj))


# -- what the user adds ----------------------------------------------------------------------------

_added: list[SafeGlobal] = []


def add_safe_globals(safe_globals: Sequence[SafeGlobal]) -> None:
    """Let `load` make objects of these classes and call these functions, which you trust.

    An entry is a class or function, or a tuple of one and the full name it has in files.
    """
    _added.extend(item for item in safe_globals if item not in _added)


def get_safe_globals() -> list[SafeGlobal]:
    """Return what was added by `add_safe_globals`."""
    return list(_added)


def clear_safe_globals() -> None:
    """Forget all that was added by `add_safe_globals`."""
    _added.clear()


class safe_globals:
    """Context manager: `with safe_globals([MyClass]): load(...)` allows classes for one block."""

    def __init__(self, safe_globals: Sequence[SafeGlobal]) -> None:
        self.safe_globals = safe_globals

    def __enter__(self) -> None:
        self._before = get_safe_globals()
        add_safe_globals(self.safe_globals)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        _added[:] = self._before


def added_table() -> dict[str, Any]:
    """Return what the user added, by full name. Raises ValueError or TypeError for a malformed tuple."""
    return dict(map(named, _added))


def named(item: SafeGlobal) -> tuple[str, Any]:
    """Return the full name and the object of one entry."""
    if not isinstance(item, tuple):
        return f"{item.__module__}.{item.__qualname__}", item
    if len(item) != 2:
        raise ValueError(f"add_safe_globals: expected (object, name), got a tuple of length {len(item)}")
    if type(item[1]) is not str:
        raise TypeError(
            f"add_safe_globals: the name in (object, name) must be a str, got {type(item[1]).__name__}"
        )
    return item[1], item[0]
