"""Dropout: elements or whole channels set to zero at random in training, the rest scaled up."""

from __future__ import annotations

from typing import Any

import rushlight.nn.functional as F

from ..autograd.mode import grad_on
from ..errors import advise
from ..tensor import Tensor
from .functional import dropout
from .module import Module


class _DropoutNd(Module):
    """A dropout of probability `p`."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


def _advise_eval(module: Any) -> None:
    """Say once that dropout is on although no gradients are recorded: most likely `eval()` was forgotten."""
    if module.p and not grad_on():
        advise(
            "dropout without eval()",
            f"{type(module).__name__} drops values at random although no gradients are recorded: call "
            "model.eval() before inference (and model.train() before training goes on)",
        )


class Dropout(_DropoutNd):
    """Each element zero with probability p, else times 1 / (1 - p) (Hinton et al. 2012)."""

    def forward(self, input: Tensor) -> Tensor:
        if self.training and input._n is None:  # in normal training there is a node, and nothing more to ask
            _advise_eval(self)
        return dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_DropoutNd):
    """Each channel of (N, C, L) or (C, L) zero with probability p, else times 1 / (1 - p)."""

    def forward(self, input: Tensor) -> Tensor:
        if self.training and input._n is None:
            _advise_eval(self)
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """Each channel of (N, C, H, W) or (C, H, W) zero with probability p, else times 1 / (1 - p)."""

    def forward(self, input: Tensor) -> Tensor:
        if self.training and input._n is None:
            _advise_eval(self)
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """Each channel of (N, C, D, H, W) or (C, D, H, W) zero with probability p, else times 1 / (1 - p)."""

    def forward(self, input: Tensor) -> Tensor:
        if self.training and input._n is None:
            _advise_eval(self)
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """Dropout that keeps mean 0 and variance 1 behind SELU (Klambauer et al. 2017)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """AlphaDropout of whole channels."""

    def forward(self, input: Tensor) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training)
