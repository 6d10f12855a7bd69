"""Layers that learn their input's size from the first input: LazyLinear, LazyConv2d, LazyBatchNorm1d ..."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import rushlight.nn.batchnorm as norms
import rushlight.nn.conv as convs

from ..arrays.tracing import by, happens_once
from ..autograd.mode import no_grad
from ..creation import tensor
from ..dtypes import int64
from ..tensor import Tensor
from .linear import Linear
from .parameter import UninitializedBuffer, UninitializedParameter, is_lazy

Sizes = int | Sequence[int]


class LazyModuleMixin:
    """Parameters get their shapes in a hook before the first forward; then the module becomes ordinary.

    A subclass defines `initialize_parameters(*inputs)`, and may name the class to become in `cls_to_become`.
    """

    cls_to_become: type[Any] | None = None

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self._register_load_state_dict_pre_hook(self._lazy_load_hook)
        self._initialize_hook = self.register_forward_pre_hook(self._infer_parameters, with_kwargs=True)

    def _save_to_state_dict(self: Any, destination: Any, prefix: str, keep_vars: bool) -> None:
        for name, held in self._persistent().items():
            destination[prefix + name] = held if is_lazy(held) or keep_vars else held.detach()

    def _lazy_load_hook(self: Any, state_dict: Any, prefix: str, *_: Any) -> None:
        """Give uninitialized parameters the shapes of what is about to be loaded."""
        for name, held in chain(self._parameters.items(), self._buffers.items()):
            given = state_dict.get(prefix + name)
            if given is not None and is_lazy(held) and not is_lazy(given):
                with no_grad():
                    held.materialize(given.shape)

    def initialize_parameters(self: Any, *args: Any, **kwargs: Any) -> None:
        """Give every parameter its shape and values, from the inputs of the first call."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self: Any) -> bool:
        """Whether a parameter or buffer still waits for its shape."""
        return any(map(is_lazy, chain(self._parameters.values(), self._buffers.values())))

    def _infer_parameters(self: Any, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        happens_once()
        with by(None):
            module.initialize_parameters(*args, **kwargs)
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {self._get_name()} has not been fully initialized")
        for hook in ("_initialize_hook", "_load_hook"):
            getattr(module, hook).remove()
            delattr(module, hook)
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become


class LazyLinear(LazyModuleMixin, Linear):
    """A Linear layer that takes in_features from its first input."""

    cls_to_become = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, once they have shapes."""
        if not self.has_uninitialized_params() and self.in_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Take in_features from `input`."""
        width = input.shape[-1]
        if self.has_uninitialized_params():
            self.in_features = width
            self.weight.materialize((self.out_features, width))
            if self.bias is not None:
                self.bias.materialize((self.out_features,))
            self.reset_parameters()
        if self.in_features == 0:  # the weight was loaded
            if width != self.weight.shape[-1]:
                raise AssertionError(
                    f"The in_features inferred from input: {width} is not equal to in_features from "
                    f"self.weight: {self.weight.shape[-1]}"
                )
            self.in_features = width


# -- convolutions --------------------------------------------------------------------------------------


class _LazyConvNd(LazyModuleMixin):
    """A convolution that takes in_channels from its first input."""

    def _wait(self: Any, out_channels: int, bias: bool, device: Any, dtype: Any) -> None:
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_channels = out_channels
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self: Any) -> None:
        """Draw weight and bias anew, once they have shapes."""
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self: Any, input: Tensor, *args: Any, **kwargs: Any) -> None:
        """Take in_channels from `input`."""
        self.in_channels = channels = self._get_in_channels(input)
        if not self.has_uninitialized_params():
            return  # they were loaded
        if channels % self.groups != 0:
            raise ValueError(f"in_channels must be divisible by groups: {channels} by {self.groups}")
        first, second = (channels, self.out_channels) if self.transposed else (self.out_channels, channels)
        self.weight.materialize((first, second // self.groups, *self.kernel_size))
        if self.bias is not None:
            self.bias.materialize((self.out_channels,))
        self.reset_parameters()

    def _get_in_channels(self: Any, input: Tensor) -> int:
        one, batch = self.axes + 1, self.axes + 2
        if input.ndim not in (one, batch):
            raise RuntimeError(
                f"Expected {one}D (unbatched) or {batch}D (batched) input to {type(self).__name__}, but got "
                f"input of size: {input.shape}"
            )
        return input.shape[input.ndim - one]


class _LazyConv(_LazyConvNd):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: str | Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode, device, dtype
        )
        self._wait(out_channels, bias, device, dtype)


class _LazyConvTranspose(_LazyConvNd):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        window = kernel_size, stride, padding, output_padding
        super().__init__(0, 0, *window, groups, False, dilation, padding_mode, device, dtype)
        self._wait(out_channels, bias, device, dtype)


class LazyConv1d(_LazyConv, convs.Conv1d):
    """A Conv1d that takes in_channels from its first input."""

    cls_to_become = convs.Conv1d


class LazyConv2d(_LazyConv, convs.Conv2d):
    """A Conv2d that takes in_channels from its first input."""

    cls_to_become = convs.Conv2d


class LazyConv3d(_LazyConv, convs.Conv3d):
    """A Conv3d that takes in_channels from its first input."""

    cls_to_become = convs.Conv3d


class LazyConvTranspose1d(_LazyConvTranspose, convs.ConvTranspose1d):
    """A ConvTranspose1d that takes in_channels from its first input."""

    cls_to_become = convs.ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, convs.ConvTranspose2d):
    """A ConvTranspose2d that takes in_channels from its first input."""

    cls_to_become = convs.ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTranspose, convs.ConvTranspose3d):
    """A ConvTranspose3d that takes in_channels from its first input."""

    cls_to_become = convs.ConvTranspose3d


# -- normalisations ------------------------------------------------------------------------------------


class _LazyNorm(LazyModuleMixin):
    """A normalisation that takes num_features from its first input."""

    def __init__(
        self: Any,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, False, False, device, dtype, bias=False)
        self.affine = affine
        self.track_running_stats = track_running_stats
        place = {"device": device, "dtype": dtype}
        for name in ("weight", "bias") if affine and bias else ("weight",) if affine else ():
            setattr(self, name, UninitializedParameter(**place))
        if track_running_stats:
            self.running_mean = UninitializedBuffer(**place)
            self.running_var = UninitializedBuffer(**place)
            self.num_batches_tracked = tensor(0, dtype=int64, device=device)

    def reset_parameters(self: Any) -> None:
        """Set the first values, once there are shapes."""
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self: Any, input: Tensor) -> None:
        """Take num_features from `input`."""
        self.num_features = input.shape[1]
        if not self.has_uninitialized_params():
            return  # they were loaded
        for held in (self.weight, self.bias, self.running_mean, self.running_var):
            if held is not None:
                held.materialize((self.num_features,))
        self.reset_parameters()


class LazyBatchNorm1d(_LazyNorm, norms.BatchNorm1d):
    """A BatchNorm1d that takes num_features from its first input."""

    cls_to_become = norms.BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, norms.BatchNorm2d):
    """A BatchNorm2d that takes num_features from its first input."""

    cls_to_become = norms.BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, norms.BatchNorm3d):
    """A BatchNorm3d that takes num_features from its first input."""

    cls_to_become = norms.BatchNorm3d


class LazyInstanceNorm1d(_LazyNorm, norms.InstanceNorm1d):
    """An InstanceNorm1d that takes num_features from its first input."""

    cls_to_become = norms.InstanceNorm1d


class LazyInstanceNorm2d(_LazyNorm, norms.InstanceNorm2d):
    """An InstanceNorm2d that takes num_features from its first input."""

    cls_to_become = norms.InstanceNorm2d


class LazyInstanceNorm3d(_LazyNorm, norms.InstanceNorm3d):
    """An InstanceNorm3d that takes num_features from its first input."""

    cls_to_become = norms.InstanceNorm3d
