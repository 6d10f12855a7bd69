"""Settings changed for a while, which backends of several libraries offer as `flags(...)`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any


@contextlib.contextmanager
def changed(module: str, values: Mapping[str, Any]) -> Iterator[None]:
    """Within the context the module's attributes have these values; a value of None leaves one as it is."""
    settings = vars(sys.modules[module])
    before = {name: settings[name] for name, value in values.items() if value is not None}
    settings.update({name: values[name] for name in before})
    try:
        yield
    finally:
        settings.update(before)


class Precision:
    """The precision of a kind of operation on an accelerator: attributes that programs set."""

    def __init__(self, **settings: Any) -> None:
        self.__dict__.update(settings)
