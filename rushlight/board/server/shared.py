"""What the answers to all questions share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..logs.store import Store
from .hub import Hub


@dataclass
class Shared:
    """The logs, and the pages that watch them."""

    store: Store
    hub: Hub
    closing: list[Callable[[], None]] = field(default_factory=list)  # called when the server ends
