"""The names of `torch.utils`: each is another room, under the name that PyTorch programs know it by."""

import importlib
from types import ModuleType

from ..errors import missing

_ROOMS = {"data"}


def __getattr__(name: str) -> ModuleType:
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise missing(__name__, name, _ROOMS)


def __dir__() -> list[str]:
    return sorted(_ROOMS)
