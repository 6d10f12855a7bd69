"""DataParallel: one device here, so it runs its module."""

from __future__ import annotations

from typing import Any

from .module import Module


class DataParallel(Module):
    """`module` itself, under `.module`, for programs that wrap their model; on one device there is nothing to
    split.
    """

    def __init__(
        self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0
    ) -> None:
        super().__init__()
        self.module = module
        self.device_ids = [] if device_ids is None else list(device_ids)
        self.output_device = output_device
        self.dim = dim

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)
