"""Parameters computed from others: a weight becomes a function of the tensors that are trained.

A parametrized tensor is a property of a class made for its module; what is trained lies in
`module.parametrizations.<name>.original` (or original0, original1 ...).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from ...autograd.mode import no_grad
from ...tensor import Parameter, Tensor
from ..containers import ModuleDict, ModuleList
from ..module import Module

_caching = 0
_cache: dict[tuple[int, str], Tensor] = {}


@contextmanager
def cached() -> Iterator[None]:
    """Within the block a parametrized tensor is computed once, when it is first asked for."""
    global _caching
    _caching += 1
    try:
        yield
    finally:
        _caching -= 1
        if not _caching:
            _cache.clear()


def _register(module: Module, name: str, value: Any) -> None:
    if isinstance(value, Parameter):
        module.register_parameter(name, value)
    else:
        module.register_buffer(name, value)


def _check_same(old: Tensor, new: Any, called: str, was: str, became: str) -> None:
    """Raise ValueError unless `new` is a tensor of the dtype and shape of `old`."""
    if not isinstance(new, Tensor):
        raise ValueError(f"{called} must return a tensor. Got {type(new).__name__}.")
    for what, differ in (("dtype", new.dtype is not old.dtype), ("shape", new.shape != old.shape)):
        if differ:
            raise ValueError(
                f"Registering a parametrization may not change the {what} of the tensor, unless the "
                "`unsafe` flag is "
                f"enabled.\n{was}.{what}: {getattr(old, what)}\n{became}.{what}: {getattr(new, what)}"
            )


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, in order of application, and its original tensors."""

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        before = original.detach().clone()
        new = self._inverse_at_first(original)
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if self.is_tensor else len(new)
        if self.is_tensor:
            self._keep_one(original, new)
        else:
            self._keep_several(original, new)
        if not unsafe:
            _check_same(before, self(), "A parametrization", "unparametrized", "parametrized")

    def _inverse_at_first(self, original: Tensor) -> Any:
        """What the originals must be for the parametrizations to give `original`, as far as they say."""
        new: Any = original
        with no_grad():
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    try:
                        new = module.right_inverse(new)
                    except NotImplementedError:  # then the tensor itself is where training starts
                        pass
        if not isinstance(new, (Tensor, Sequence)):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(new).__name__}"
            )
        return new

    def _keep_one(self, original: Tensor, new: Tensor) -> None:
        for what in ("dtype", "device"):
            if getattr(original, what) != getattr(new, what):
                raise ValueError(
                    f"When `right_inverse` outputs one tensor, it may not change the {what}.\n"
                    f"original.{what}: {getattr(original, what)}\n"
                    f"right_inverse(original).{what}: {getattr(new, what)}"
                )
        if new is not original:
            original.data = new.detach()
        _register(self, "original", original)

    def _keep_several(self, original: Tensor, new: Sequence[Any]) -> None:
        for i, part in enumerate(new):
            if not isinstance(part, Tensor):
                raise ValueError(
                    "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got "
                    "element "
                    f"{i} of the sequence with type {type(part).__name__}."
                )
            part = part.detach()
            kept = Parameter(part, original.requires_grad) if isinstance(original, Parameter) else part
            _register(self, f"original{i}", kept.requires_grad_(original.requires_grad))

    def _originals(self) -> list[Tensor]:
        return (
            [self.original]
            if self.is_tensor
            else [getattr(self, f"original{i}") for i in range(self.ntensors)]
        )

    @no_grad()
    def right_inverse(self, value: Tensor) -> None:
        """Set the originals such that the parametrized tensor becomes `value`."""
        parts: Any = value
        for module in reversed(list(self)):
            if not hasattr(module, "right_inverse"):
                raise RuntimeError(
                    f"parametrization {type(module).__name__} does not implement right_inverse."
                )
            parts = module.right_inverse(parts)
        parts = [parts] if self.is_tensor else parts
        self._check_parts(parts)
        for original, part in zip(self._originals(), parts, strict=True):
            original.data = part.detach()

    def _check_parts(self, parts: Any) -> None:
        if not isinstance(parts, Sequence):
            raise ValueError(
                f"'right_inverse' must return a sequence of tensors. Got {type(parts).__name__}."
            )
        if len(parts) != self.ntensors:
            raise ValueError(
                f"'right_inverse' must return a sequence of tensors of length {self.ntensors}. Got a "
                "sequence of "
                f"length {len(parts)}."
            )
        for i, (original, part) in enumerate(zip(self._originals(), parts, strict=True)):
            if not isinstance(part, Tensor):
                raise ValueError(f"`right_inverse` should return a tensor. Got {type(part).__name__}")
            if part.dtype is not original.dtype:
                raise ValueError(
                    f"Tensor {i} returned by `right_inverse` has dtype {part.dtype} while the original has "
                    "dtype "
                    f"{original.dtype}"
                )

    def forward(self) -> Tensor:
        first, *others = self
        value = first(*self._originals())
        for module in others:
            value = module(value)
        return value


# -- the class made for a module -----------------------------------------------------------------------


def _inject_class(module: Module) -> None:
    """Give the module a class of its own, for the properties."""
    cls = type(module)

    def copy(self: Any, memo: dict[int, Any]) -> Any:
        made: Any = object.__new__(type(self))
        memo[id(self)] = made
        made.__setstate__(deepcopy(cls.__getstate__(self), memo))
        return made

    def getstate(self: Any) -> Any:
        raise RuntimeError(
            "Serialization of parametrized modules is only supported through state_dict(): save that, and "
            "load it "
            "into a module with the same parametrizations"
        )

    body: dict[str, Any] = {"__getstate__": getstate}
    if not hasattr(cls, "__deepcopy__"):
        body["__deepcopy__"] = copy
    module.__class__ = type(f"Parametrized{cls.__name__}", (cls,), body)


def _inject_property(module: Module, name: str) -> None:
    """Let the module's class compute the tensor when it is read, and its originals when it is written."""
    if hasattr(module, name):
        raise AssertionError(f"Module already has an attribute named '{name}'")

    def get(self: Any) -> Tensor:
        parametrization = self.parametrizations[name]
        if not _caching:
            return parametrization()
        key = id(self), name
        if key not in _cache:
            _cache[key] = parametrization()
        return _cache[key]

    def put(self: Any, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    setattr(type(module), name, property(get, put))


# -- for users -----------------------------------------------------------------------------------------


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Let `module.<tensor_name>` be parametrization(original), where `original` is what it was. Returns the
    module.

    A second parametrization of the same tensor is applied to the result of the first. If the parametrization
    has a `right_inverse`, the original becomes what that makes of the tensor, and assigning to the tensor is
    possible. It may not change shape or dtype unless `unsafe`. Raises ValueError otherwise, and for an
    unknown name.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        _append(module, tensor_name, parametrization, unsafe)
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        chain = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe=unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _inject_class(module)
            module.parametrizations = ModuleDict()
        _inject_property(module, tensor_name)
        module.parametrizations[tensor_name] = chain
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
            f"'{tensor_name}'"
        )
    return module


def _append(module: Module, name: str, parametrization: Any, unsafe: bool) -> None:
    if not unsafe:
        old = getattr(module, name)
        new = parametrization(old)
        where = f"module.{name}"
        _check_same(old, new, "A parametrization", where, f"parametrization({where})")
        if hasattr(parametrization, "right_inverse"):
            try:
                back = parametrization.right_inverse(new)
            except NotImplementedError:
                back = old
            _check_same(old, back, "parametrization.right_inverse", where, "right_inverse")
    chain = module.parametrizations[name]
    chain.append(parametrization)
    chain.unsafe |= unsafe


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether any tensor of the module is parametrized, or the one that is named."""
    found = getattr(module, "parametrizations", None)
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make a tensor a parameter or buffer again: of its present value, or of the original. Returns the
    module.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    original = _unparametrized(module, tensor_name, leave_parametrized)
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _register(module, tensor_name, original)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    return module


def _unparametrized(module: Module, name: str, leave_parametrized: bool) -> Tensor:
    chain = module.parametrizations[name]
    if not chain.is_tensor:
        if not leave_parametrized:
            raise ValueError(
                "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in "
                "terms of "
                "a sequence of tensors."
            )
        value = getattr(module, name)
        return Parameter(value.detach()) if value.requires_grad else value
    if leave_parametrized:
        with no_grad():
            chain.original.data = getattr(module, name).detach()
    return chain.original


def type_before_parametrizations(module: Module) -> type:
    """The class that the module had before anything was parametrized."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Give `to_module` the parametrizations of `from_module`, all or those of one tensor, and their
    originals.
    """
    if not is_parametrized(from_module):
        return to_module
    for name in list(from_module.parametrizations) if tensor_name is None else [tensor_name]:
        source = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name).detach()))
        for parametrization in source:
            register_parametrization(to_module, name, parametrization)
        for key in [*source._parameters, *source._buffers]:
            setattr(to_module.parametrizations[name], key, getattr(source, key))
    return to_module
