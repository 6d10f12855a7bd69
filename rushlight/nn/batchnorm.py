"""Normalisation with running statistics: batch and instance normalisation."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import rushlight.nn.functional as F

from ..creation import ones, tensor, zeros
from ..dtypes import int64
from ..tensor import Tensor
from .making import parameter
from .module import Module
from .norm import ones_and_zeros


class _NormBase(Module):
    """Channel-wise weight and bias, and running statistics with the count of batches they have seen."""

    _version = 2  # since 2 there is num_batches_tracked

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        for name, wanted in (("weight", True), ("bias", bias)):
            made = parameter(num_features, device=device, dtype=dtype) if affine and wanted else None
            self.register_parameter(name, made)
        tracked = track_running_stats
        self.register_buffer(
            "running_mean", zeros(num_features, device=device, dtype=dtype) if tracked else None
        )
        self.register_buffer(
            "running_var", ones(num_features, device=device, dtype=dtype) if tracked else None
        )
        self.register_buffer(
            "num_batches_tracked", tensor(0, dtype=int64, device=device) if tracked else None
        )
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget the batches seen: mean 0, variance 1."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Set weight to ones and bias to zeros, and forget the batches seen."""
        self.reset_running_stats()
        if self.affine:
            ones_and_zeros(self.weight, self.bias)

    def _check_input_dim(self, input: Tensor) -> None:
        raise NotImplementedError

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: Any,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        self._convert_state(state_dict, prefix, local_metadata.get("version"), error_msgs)
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )

    def _convert_state(self, state_dict: Any, prefix: str, version: int | None, errors: list[str]) -> None:
        """A state from before version 2 has no num_batches_tracked: keep the present one."""
        key = f"{prefix}num_batches_tracked"
        if (version is None or version < 2) and self.track_running_stats and key not in state_dict:
            count = self.num_batches_tracked
            state_dict[key] = tensor(0, dtype=int64) if count is None or count.is_meta else count


class _BatchNorm(_NormBase):
    """(x - mean) / √(var + eps) per channel over the batch; in eval mode with the running statistics."""

    ranks: ClassVar[tuple[int, ...]]

    def _check_input_dim(self, input: Tensor) -> None:
        if input._a.ndim not in self.ranks:
            raise ValueError(f"expected {_ranks(self.ranks)} input (got {input.ndim}D input)")

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        momentum, training = self.momentum, self.training
        if training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if momentum is None:  # a cumulative average: every batch counts the same
                momentum = 1.0 / self.num_batches_tracked.item()
        mean, var = self.running_mean, self.running_var
        if training and not self.track_running_stats:
            mean = var = None
        own = training or (self.running_mean is None and self.running_var is None)
        return F.batch_norm(input, mean, var, self.weight, self.bias, own, momentum or 0.0, self.eps)


def _ranks(ranks: tuple[int, ...]) -> str:
    """(2, 3) as messages write it: "2D or 3D"."""
    return " or ".join(f"{rank}D" for rank in ranks)


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (N, C) or (N, C, L) over all but C (Ioffe and Szegedy 2015)."""

    ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of (N, C, H, W) over all but C (Ioffe and Szegedy 2015)."""

    ranks = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of (N, C, D, H, W) over all but C (Ioffe and Szegedy 2015)."""

    ranks = (5,)


class SyncBatchNorm(_BatchNorm):
    """Batch normalisation of (N, C, …) over all but C; statistics are those of this process."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = process_group

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"expected at least 2D input (got {input.ndim}D input)")
        if input.size(1) == 0:
            raise ValueError("SyncBatchNorm number of input channels should be non-zero")

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """`module` with every BatchNorm replaced by a SyncBatchNorm of the same parameters and buffers."""
        converted = module
        if isinstance(module, _BatchNorm):
            converted = cls(
                module.num_features,
                module.eps,
                module.momentum,
                module.affine,
                module.track_running_stats,
                process_group,
                bias=module.bias is not None,
            )
            for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked", "training"):
                setattr(converted, name, getattr(module, name))
        for name, child in module.named_children():
            converted.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return converted


class _InstanceNorm(_NormBase):
    """(x - mean) / √(var + eps) per example and channel; in eval mode with running statistics, if tracked."""

    rank: ClassVar[int]  # of an input without a batch

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _check_input_dim(self, input: Tensor) -> None:
        ranks = (self.rank, self.rank + 1)
        if input.ndim not in ranks:
            raise ValueError(f"expected {_ranks(ranks)} input (got {input.ndim}D input)")

    def _convert_state(self, state_dict: Any, prefix: str, version: int | None, errors: list[str]) -> None:
        super()._convert_state(state_dict, prefix, version, errors)
        kept = [key for key in (f"{prefix}running_mean", f"{prefix}running_var") if key in state_dict]
        if version is not None or self.track_running_stats or not kept:
            return
        name = type(self).__name__
        errors.append(
            f"Unexpected running stats buffer(s) {' and '.join(map(repr, kept))} for {name} with "
            "track_running_stats=False. If state_dict is a checkpoint saved before 0.4.0, this may be "
            f"expected, because {name} does not track running stats by default since 0.4.0. Please remove "
            f"these keys from state_dict. Or set track_running_stats=True."
        )
        for key in kept:
            state_dict.pop(key)

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        self._check_channels(input)
        if input.ndim == self.rank:
            return self._normalize(input.unsqueeze(0)).squeeze(0)
        return self._normalize(input)

    def _check_channels(self, input: Tensor) -> None:
        dim = input.ndim - self.rank
        channels = input.size(dim)
        if channels == self.num_features:
            return
        if self.affine:
            raise ValueError(
                f"expected input's size at dim={dim} to match num_features ({self.num_features}), "
                f"but got: {channels}."
            )
        warnings.warn(
            f"input's size at dim={dim} does not match num_features. You can silence this warning by not "
            "passing in num_features, which is not used because affine=False",
            stacklevel=4,
        )

    def _normalize(self, input: Tensor) -> Tensor:
        own = self.training or not self.track_running_stats
        momentum = 0.0 if self.momentum is None else self.momentum
        stats = self.running_mean, self.running_var
        return F.instance_norm(input, *stats, self.weight, self.bias, own, momentum, self.eps)


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of (N, C, L) or (C, L) over L (Ulyanov et al. 2016)."""

    rank = 2


class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation of (N, C, H, W) or (C, H, W) over the image (Ulyanov et al. 2016)."""

    rank = 3


class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation of (N, C, D, H, W) or (C, D, H, W) over the volume (Ulyanov et al. 2016)."""

    rank = 4
