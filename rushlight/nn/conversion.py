"""Moving and casting a module: every parameter stays the same object, only its data changes."""

from collections.abc import Callable
from typing import Any, Self

from ..autograd.mode import no_grad
from ..creation import empty_like
from ..device import device as Device
from ..dtypes import dtype as DType
from ..tensor import Parameter, Tensor
from .traversal import Traversal


class Conversion(Traversal):
    """The part of a Module that changes the dtype or device of what it holds."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace the data of every parameter, gradient and buffer by what `fn` makes of it."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        for parameter in self._parameters.values():
            if parameter is not None:
                _convert_parameter(parameter, fn)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move to a device, or cast floating-point parameters and buffers: `to(device)`, `to(dtype)`,
        `to(tensor)`.

        `to(device, dtype, non_blocking)` does both; integer tensors keep their dtype. TypeError for a dtype
        that is neither floating-point nor complex. The module itself is changed, and returned.
        """
        device, dtype, non_blocking = parse_to(*args, **kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}"
            )

        def convert(tensor: Tensor) -> Tensor:
            wanted = dtype if tensor.is_floating_point() or tensor.is_complex() else None
            return tensor.to(device=device, dtype=wanted, non_blocking=non_blocking)

        return self._apply(convert)

    def float(self) -> Self:
        """Cast floating-point parameters and buffers to float32."""
        return self._apply(lambda t: t.float() if t.is_floating_point() else t)

    def double(self) -> Self:
        """Cast floating-point parameters and buffers to float64."""
        return self._apply(lambda t: t.double() if t.is_floating_point() else t)

    def half(self) -> Self:
        """Cast floating-point parameters and buffers to float16."""
        return self._apply(lambda t: t.half() if t.is_floating_point() else t)

    def bfloat16(self) -> Self:
        """Cast floating-point parameters and buffers to bfloat16."""
        return self._apply(lambda t: t.bfloat16() if t.is_floating_point() else t)

    def type(self, dst_type: Any) -> Self:
        """Cast every parameter and buffer, integer ones too, to `dst_type`."""
        return self._apply(lambda t: t.type(dst_type))

    def cpu(self) -> Self:
        """Move to the CPU."""
        return self._apply(lambda t: t.cpu())

    def cuda(self, device: Any = None) -> Self:
        """Move to a CUDA device; the current one where none is given."""
        return self._apply(lambda t: t.cuda(device))

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """Move to `device` without copying: the values there are whatever the memory held."""
        return self._apply(lambda t: empty_like(t, device=device), recurse=recurse)

    def share_memory(self) -> Self:
        """Move parameters and buffers to memory that child processes share."""
        return self._apply(lambda t: t.share_memory_())


def _convert_parameter(parameter: Parameter, fn: Callable[[Tensor], Tensor]) -> None:
    grad = parameter.grad
    with no_grad():
        parameter.data = fn(parameter)
        if grad is not None:
            grad.data = fn(grad)


def parse_to(*args: Any, **kwargs: Any) -> tuple[Any, Any, bool]:
    """The (device, dtype, non_blocking) that a call of `to` asks for; each is None or False where
    not given.
    """
    names = {"device", "dtype", "non_blocking", "copy", "memory_format", "tensor"}
    unknown = set(kwargs) - names
    if unknown:
        raise TypeError(f"to() received an invalid keyword argument: {sorted(unknown)[0]}")
    found = {"device": kwargs.get("device"), "dtype": kwargs.get("dtype")}
    rest = list(args)
    if isinstance(kwargs.get("tensor"), Tensor):
        rest.insert(0, kwargs["tensor"])
    if rest and isinstance(rest[0], Tensor):
        other = rest.pop(0)
        found.update(device=other.device, dtype=other.dtype)
    elif rest and isinstance(rest[0], DType):
        found["dtype"] = rest.pop(0)
    elif rest:
        found["device"] = rest.pop(0)
        if rest and (rest[0] is None or isinstance(rest[0], DType)):
            found["dtype"] = rest.pop(0)
    if found["device"] is not None:
        found["device"] = Device(found["device"])
    return found["device"], found["dtype"], bool(rest and rest[0]) or bool(kwargs.get("non_blocking", False))
