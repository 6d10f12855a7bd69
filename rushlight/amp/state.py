"""The autocast state of a thread, read and set: `torch.is_autocast_enabled` and its like."""

from __future__ import annotations

import warnings
from typing import Any

from ..autograd.autocast import State, region, set_state
from ..dtypes import dtype

DEVICES = ("cpu", "cuda")


def is_autocast_available(device_type: str) -> bool:
    """Whether there is autocast for a type of device: "cpu" and "cuda"."""
    return device_type in DEVICES


def state_of(device_type: str) -> State:
    """The state of this thread for a type of device. Raises RuntimeError for one without autocast."""
    if device_type == "cpu":
        return region.state
    if device_type not in DEVICES:
        raise RuntimeError(
            f"autocast: there is none for device type {device_type!r}; there is for {' and '.join(DEVICES)}"
        )
    return region.others[device_type]


def put(device_type: str, **changes: Any) -> None:
    """Change parts of the state of this thread for a type of device."""
    new = state_of(device_type)._replace(**changes)
    if device_type == "cpu":
        set_state(new)
    else:
        region.others[device_type] = new


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether ops on a type of device are cast in this thread; as in PyTorch, without one that is "cuda"."""
    return state_of(device_type).enabled


def set_autocast_enabled(device_type: str, enabled: bool) -> None:
    """Have listed ops cast their inputs in this thread, or no longer. `torch.autocast` also puts it back."""
    put(device_type, enabled=bool(enabled))


def get_autocast_dtype(device_type: str) -> dtype:
    """The dtype that ops are cast to: bfloat16 on the CPU, unless set otherwise."""
    return state_of(device_type).dtype


def set_autocast_dtype(device_type: str, dtype: dtype) -> None:
    """Set the dtype that ops are cast to. Nothing checks it: `torch.autocast` does."""
    put(device_type, dtype=dtype)


def is_autocast_cache_enabled() -> bool:
    """Whether a parameter is cast once for a whole region."""
    return region.state.cached


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Have parameters cast once for a whole region, or each time."""
    put("cpu", cached=bool(enabled))


def clear_autocast_cache() -> None:
    """Forget the parameters that were cast."""
    region.cache.clear()


def autocast_increment_nesting() -> int:
    """Note that a region is entered. Returns how many are open in this thread."""
    region.nesting += 1
    return region.nesting


def autocast_decrement_nesting() -> int:
    """Note that a region is left. Returns how many are open in this thread."""
    region.nesting -= 1
    return region.nesting


# -- the old names -------------------------------------------------------------------------------------


def _old(name: str, new: str) -> None:
    warnings.warn(
        f"torch.{name} is deprecated. Please use torch.{new} instead.", DeprecationWarning, stacklevel=3
    )


def is_autocast_cpu_enabled() -> bool:
    """The old name of is_autocast_enabled("cpu")."""
    _old("is_autocast_cpu_enabled()", "is_autocast_enabled('cpu')")
    return is_autocast_enabled("cpu")


def get_autocast_cpu_dtype() -> dtype:
    """The old name of get_autocast_dtype("cpu")."""
    _old("get_autocast_cpu_dtype()", "get_autocast_dtype('cpu')")
    return get_autocast_dtype("cpu")


def get_autocast_gpu_dtype() -> dtype:
    """The old name of get_autocast_dtype("cuda")."""
    _old("get_autocast_gpu_dtype()", "get_autocast_dtype('cuda')")
    return get_autocast_dtype("cuda")
