"""What the answers to all questions share."""

from __future__ import annotations

from dataclasses import dataclass

from ..logs.store import Store
from .hub import Hub


@dataclass
class Shared:
    """The logs, and the pages that watch them."""

    store: Store
    hub: Hub
