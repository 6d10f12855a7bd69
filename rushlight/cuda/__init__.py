"""`torch.cuda`: what programs ask about GPUs. This release computes on the CPU only: there is none.

What a program may call everywhere (seeds, clearing caches, memory figures) does nothing or gives 0; what
needs a device raises AssertionError, as in a PyTorch built without CUDA.
"""

from __future__ import annotations

from typing import Any, NoReturn

from ..lazy import lazy_names

__all__ = [
    "current_device",
    "current_stream",
    "device_count",
    "empty_cache",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "get_rng_state_all",
    "init",
    "ipc_collect",
    "is_available",
    "is_bf16_supported",
    "is_initialized",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "max_memory_reserved",
    "memory_allocated",
    "memory_reserved",
    "seed",
    "seed_all",
    "set_device",
    "synchronize",
]


def is_available() -> bool:
    """Whether there is a GPU to compute on."""
    return False


def device_count() -> int:
    """How many GPUs there are."""
    return 0


def is_initialized() -> bool:
    """Whether CUDA has been used."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether the GPU computes with bfloat16."""
    return False


# -- nothing to do without a GPU ----------------------------------------------------------------------


def empty_cache() -> None:
    """Nothing is cached."""


def ipc_collect() -> None:
    """No memory is shared between processes."""


def manual_seed(seed: int) -> None:
    """There is no generator to seed; `torch.manual_seed` seeds the CPU's."""


manual_seed_all = manual_seed


def seed() -> None:
    """There is no generator to seed."""


seed_all = seed


def get_rng_state_all() -> list[Any]:
    """The state of each GPU's generator."""
    return []


def memory_allocated(device: Any = None) -> int:
    """Bytes that tensors take on the GPU."""
    return 0


max_memory_allocated = memory_reserved = max_memory_reserved = memory_allocated


# -- what needs a GPU ---------------------------------------------------------------------------------


def _none(what: str) -> NoReturn:
    raise AssertionError(
        f"torch.cuda.{what}: Torch not compiled with CUDA enabled: this Rushlight computes on the CPU only. "
        "Ask torch.cuda.is_available() first"
    )


def init() -> None:
    """Raises AssertionError: there is no CUDA."""
    _none("init")


def current_device() -> int:
    """Raises AssertionError: there is no CUDA."""
    _none("current_device")


def synchronize(device: Any = None) -> None:
    """Raises AssertionError: there is no CUDA."""
    _none("synchronize")


def get_device_name(device: Any = None) -> str:
    """Raises AssertionError: there is no CUDA."""
    _none("get_device_name")


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """Raises AssertionError: there is no CUDA."""
    _none("get_device_capability")


def get_device_properties(device: Any = None) -> Any:
    """Raises AssertionError: there is no CUDA."""
    _none("get_device_properties")


def set_device(device: Any) -> None:
    """Raises AssertionError: there is no CUDA."""
    _none("set_device")


def current_stream(device: Any = None) -> Any:
    """Raises AssertionError: there is no CUDA."""
    _none("current_stream")


__getattr__, _ = lazy_names(__name__, {"amp": ".amp"}, shown="torch.cuda")
