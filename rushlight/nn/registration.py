"""What a module holds: `Registration` sorts parameters, buffers and submodules into their registries."""

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import rushlight.nn.global_hooks as global_hooks

from ..tensor import Parameter, Tensor
from .members import REGISTRIES, Members, hide, show
from .parameter import Buffer

CALL_HOOKS = (
    "_forward_pre_hooks",
    "_forward_hooks",
    "_backward_pre_hooks",
    "_backward_hooks",
)


def type_name(value: Any) -> str:
    """The full name of a value's type, as PyTorch's messages spell it: `torch.FloatTensor`, `str`,
    `pkg.Class`.
    """
    if isinstance(value, Tensor):
        return value.type()
    kind = value if isinstance(value, type) else type(value)
    return (
        kind.__qualname__ if kind.__module__ in ("", "builtins") else f"{kind.__module__}.{kind.__qualname__}"
    )


def _checked_name(name: Any, kind: str) -> None:
    if not isinstance(name, str):
        raise TypeError(f"{kind} name should be a string. Got {type_name(name)}")
    if "." in name:
        raise KeyError(f'{kind} name can\'t contain ".", got: {name}')
    if name == "":
        raise KeyError(f'{kind} name can\'t be empty string ""')


def _held(module: Any, registry: str) -> dict[str, Any]:
    # Not through `module.__dict__`: asking for that makes every later look-up of an attribute three times
    # slower (CPython 3.11 then gives up the inline storage of the instance).
    try:
        return object.__getattribute__(module, registry)
    except AttributeError:
        return {}


class Registration:
    """The part of a Module that knows its parameters, buffers and submodules by name.

    There is no `__getattr__`: registered things are plain attributes, and a class that has one loses
    CPython's quick look-ups for all its attributes and methods (33 instead of 9 ns).
    """

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    training: bool
    forward: Callable[..., Any]
    __call__: Callable[..., Any]
    call_super_init: bool = False
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _hooked: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if (args or kwargs) and not self.call_super_init:
            self._refuse_arguments(args, kwargs)
        set_plain, me = super().__setattr__, weakref.ref(self)
        set_plain("training", True)
        set_plain("_parameters", Members(me))
        set_plain("_buffers", Members(me))
        set_plain("_modules", Members(me))
        set_plain("_non_persistent_buffers_set", set())
        set_plain("_hooked", False)
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def _refuse_arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        call = f"{type(self).__name__}.__init__()"
        if kwargs:
            raise TypeError(f"{call} got an unexpected keyword argument '{next(iter(kwargs))}'")
        raise TypeError(f"{call} takes 1 positional argument but {len(args) + 1} were given")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Make `param` a parameter called `name`; None keeps the name for one that is not used.

        Raises AttributeError before `super().__init__()`, KeyError for a name that is taken or has a dot,
        TypeError for anything that is not a Parameter, ValueError for the result of a computation.
        """
        parameters = self._registry("_parameters", "parameter")
        self._check_free(name, parameters, "parameter")
        if param is not None:
            self._check_parameter(name, param)
            param = global_hooks.filtered(global_hooks.parameter_registration, self, name, param)
        self._enter(parameters, name, param)

    def _check_parameter(self, name: str, param: Any) -> None:
        if not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{type_name(param)}' object to parameter '{name}' (torch.nn.Parameter or "
                "None required)"
            )
        if param.grad_fn is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created "
                "explicitly. "
                f"To express '{name}' as a function of another Tensor, compute the value in the forward() "
                "method."
            )

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Make `tensor` a buffer called `name`: part of the module's state, not trained.

        A buffer with `persistent=False` moves with the module but stays out of its `state_dict`.
        """
        buffers = self._registry("_buffers", "buffer")
        self._check_free(name, buffers, "buffer")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{type_name(tensor)}' object to buffer '{name}' (torch Tensor or None "
                "required)"
            )
        tensor = global_hooks.filtered(global_hooks.buffer_registration, self, name, tensor)
        self._enter(buffers, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Any) -> None:
        """Make `module` a submodule called `name`; None keeps the name for one that is not used."""
        if module is not None and not isinstance(module, Registration):
            raise TypeError(f"{type_name(module)} is not a Module subclass")
        modules = self._registry("_modules", "module")
        self._check_free(name, modules, "module")
        self._enter_module(modules, name, module)

    def _enter_module(self, modules: dict[str, Any], name: str, module: Any) -> None:
        self._enter(
            modules, name, global_hooks.filtered(global_hooks.module_registration, self, name, module)
        )

    def register_module(self, name: str, module: Any) -> None:
        """The same as `add_module`."""
        self.add_module(name, module)

    def _registry(self, registry: str, kind: str) -> dict[str, Any]:
        try:
            return object.__getattribute__(self, registry)
        except AttributeError:
            raise AttributeError(
                f"cannot assign {kind} before Module.__init__() call: "
                f"{type(self).__name__}.__init__ should call super().__init__() first"
            ) from None

    def _check_free(self, name: Any, registry: dict[str, Any], kind: str) -> None:
        _checked_name(name, kind)
        if name not in registry and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Tensor):
            self._assign_tensor(name, value)
        elif isinstance(value, Registration):
            self._assign_module(name, value)
        else:
            self._assign_plain(name, value)

    def _assign_tensor(self, name: str, value: Tensor) -> None:
        if isinstance(value, Parameter):
            self._assign_parameter(name, value)
        elif isinstance(value, Buffer):
            self._assign_buffer(name, value)
        else:
            self._assign_plain(name, value)

    def _assign_parameter(self, name: str, value: Parameter) -> None:
        self._vacate(name, self._registry("_parameters", "parameters"))
        self.register_parameter(name, value)

    def _assign_module(self, name: str, value: Any) -> None:
        modules = self._registry("_modules", "module")
        self._refuse_parameter(name, value)
        self._vacate(name, modules)
        self._enter_module(modules, name, value)

    def _assign_buffer(self, name: str, value: Buffer) -> None:
        self._registry("_buffers", "buffer")
        self._refuse_parameter(name, value)
        self._refuse_module(name, value)
        self.register_buffer(name, value, value.persistent)

    def _assign_plain(self, name: str, value: Any) -> None:
        """Write an ordinary attribute, or a new value under a registered name."""
        try:
            registered = name in self._parameters or name in self._modules or name in self._buffers
        except AttributeError:  # before Module.__init__
            registered = False
        if registered:
            self._reassign(name, value)
        elif name in REGISTRIES:
            self._replace_registry(name, value)
        else:
            super().__setattr__(name, value)
            if name in CALL_HOOKS:
                super().__setattr__("_hooked", True)

    def _reassign(self, name: str, value: Any) -> None:
        """A registered name keeps its kind: None, or for a buffer another tensor."""
        self._refuse_parameter(name, value)
        self._refuse_module(name, value)
        if name in self._parameters:
            self.register_parameter(name, None)
        elif name in self._modules:
            self._enter_module(self._modules, name, value)
        else:
            self._replace_buffer(name, value)

    def _replace_buffer(self, name: str, value: Any) -> None:
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(
                f"cannot assign '{type_name(value)}' as buffer '{name}' "
                "(torch.nn.Buffer, torch.Tensor or None expected)"
            )
        self.register_buffer(name, value, name not in self._non_persistent_buffers_set)

    def _refuse_parameter(self, name: str, value: Any) -> None:
        if name in self._parameters and value is not None:
            raise TypeError(
                f"cannot assign '{type_name(value)}' as parameter '{name}' (torch.nn.Parameter or None "
                "expected)"
            )

    def _refuse_module(self, name: str, value: Any) -> None:
        if name in self._modules and value is not None:
            raise TypeError(
                f"cannot assign '{type_name(value)}' as child module '{name}' (torch.nn.Module or None "
                "expected)"
            )

    def _vacate(self, name: str, registry: dict[str, Any]) -> None:
        """Make room for a registered entry: take `name` out of everything but `registry`."""
        if name in registry:
            return
        for other in (self._parameters, self._buffers, self._modules):
            other.pop(name, None)
        self._non_persistent_buffers_set.discard(name)
        hide(self, name)

    def _replace_registry(self, name: str, entries: Any) -> None:
        """`module._modules = {...}`: the old entries leave the attributes, the new ones enter."""
        for old in _held(self, name):
            hide(self, old)
        registry = Members(weakref.ref(self))
        super().__setattr__(name, registry)
        registry.update(entries)

    def _enter(self, registry: dict[str, Any], name: str, value: Any) -> None:
        """Write a registry entry, also where a subclass put a plain dict in its place (in a
        `__setstate__`, say).
        """
        registry[name] = value
        if not isinstance(registry, Members):
            show(self, name, value)

    def __delattr__(self, name: str) -> None:
        for registry in (self._parameters, self._buffers, self._modules):
            if name in registry:
                del registry[name]
                self._non_persistent_buffers_set.discard(name)
                hide(self, name)
                return
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        names = {*super().__dir__(), *self._parameters, *self._modules, *self._buffers}
        return sorted(name for name in names if not name[:1].isdigit())

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state.update((registry, dict(state.get(registry, ()))) for registry in REGISTRIES)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in {"_hooked": True, "_non_persistent_buffers_set": set(), **state}.items():
            if name not in REGISTRIES:
                object.__setattr__(self, name, value)
        for registry in REGISTRIES:
            self._replace_registry(registry, state.get(registry, {}))
