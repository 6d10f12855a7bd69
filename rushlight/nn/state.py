"""`state_dict` and `load_state_dict`: a module's parameters and buffers by dotted name, out and in again."""

import warnings
import weakref
from collections import OrderedDict, namedtuple
from collections.abc import Mapping
from typing import Any

from ..autograd.mode import no_grad
from ..tensor import Parameter, Tensor
from .conversion import Conversion
from .hooks import Hook, HookTable, RemovableHandle, add_hook
from .parameter import is_lazy

EXTRA_STATE = "_extra_state"


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict` returns: the names it looked for in vain, and those it had no use for."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


class State(Conversion):
    """The part of a Module that saves and loads."""

    _version: int = 1
    _state_dict_hooks = HookTable()
    _state_dict_pre_hooks = HookTable()
    _load_state_dict_pre_hooks = HookTable()
    _load_state_dict_post_hooks = HookTable()

    def get_extra_state(self) -> Any:
        """What else belongs in the state of this module: a subclass may say, together with
        `set_extra_state`.
        """
        raise RuntimeError(f"{type(self).__name__} defines no get_extra_state: it has no extra state to give")

    def set_extra_state(self, state: Any) -> None:
        """Take back what `get_extra_state` gave."""
        raise RuntimeError(f"{type(self).__name__} defines no set_extra_state: it cannot take an extra state")

    def state_dict(
        self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> Any:
        """An OrderedDict of every parameter and persistent buffer by dotted name, sharing memory with the
        module.

        The tensors are detached unless `keep_vars`. `_metadata`, an attribute of the result, has each
        module's version.
        """
        if args:
            destination, prefix, keep_vars = _positional(args, destination, prefix, keep_vars)
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        return self._after_state_dict(destination, prefix, metadata)

    def _after_state_dict(self, destination: Any, prefix: str, metadata: dict[str, Any]) -> Any:
        for hook in self._state_dict_hooks.values():
            replacement = hook(self, destination, prefix, metadata)
            if replacement is None:
                continue
            if getattr(hook, "_from_public_api", False):
                raise RuntimeError("state_dict post-hook must return None")
            destination = replacement
        return destination

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Write this module's own entries; a subclass may add its own."""
        for name, tensor in self._persistent().items():
            destination[prefix + name] = tensor if keep_vars else tensor.detach()
        if type(self).get_extra_state is not State.get_extra_state:
            destination[prefix + EXTRA_STATE] = self.get_extra_state()

    def _persistent(self) -> dict[str, Tensor]:
        transient = self._non_persistent_buffers_set
        buffers = {name: buffer for name, buffer in self._buffers.items() if name not in transient}
        return {k: v for k, v in {**self._parameters, **buffers}.items() if v is not None}

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Copy the values of `state_dict` into the parameters and buffers of the same names.

        `assign` puts the given tensors in place of the module's own. RuntimeError lists every size that
        differs and, with `strict`, every key that is missing or unexpected; without it they are only
        returned.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        entries: Any = OrderedDict(state_dict)
        metadata = getattr(state_dict, "_metadata", None)
        if metadata is not None:
            entries._metadata = metadata
        found = _IncompatibleKeys([], [])
        errors: list[str] = []
        _load(self, entries, "", metadata or {}, assign, found, errors)
        _raise_load_errors(type(self).__name__, found if strict else _IncompatibleKeys([], []), errors)
        return found

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Load this module's own entries; a subclass overrides it to read older versions
        (`local_metadata`).
        """
        for hook in self._load_state_dict_pre_hooks.values():
            hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        assign = local_metadata.get("assign_to_params_buffers", False)
        own = self._persistent()
        for name, tensor in own.items():
            if prefix + name in state_dict:
                error_msgs += self._load_one(name, tensor, prefix + name, state_dict[prefix + name], assign)
            elif strict:
                missing_keys.append(prefix + name)
        self._load_extra_state(state_dict, prefix + EXTRA_STATE, strict, missing_keys, unexpected_keys)
        if strict:
            unexpected_keys += self._unexpected(state_dict, prefix, own)

    def _load_one(self, name: str, own: Tensor, key: str, given: Any, assign: bool) -> list[str]:
        """Load one entry; the complaint, if there is one, as a list of one message."""
        if not isinstance(given, Tensor):
            return [
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object '
                "from "
                f"checkpoint but received {type(given)}"
            ]
        if not is_lazy(own):
            if own.dim() == 0 and tuple(given.shape) == (1,):
                given = given[0]  # scalars were saved with shape (1,) by PyTorch before 0.4
            if given.shape != own.shape:
                return [
                    f"size mismatch for {key}: copying a param with shape {given.shape} from checkpoint, "
                    f"the shape in current model is {own.shape}."
                ]
        try:
            self._take(name, own, given, assign)
        except Exception as problem:
            return [
                f'While copying the parameter named "{key}", whose dimensions in the model are {own.size()} '
                "and "
                f"whose dimensions in the checkpoint are {given.size()}, an exception occurred : "
                f"{problem.args}."
            ]
        return []

    def _take(self, name: str, own: Tensor, given: Tensor, assign: bool) -> None:
        with no_grad():
            if not assign:
                own.copy_(given)
                return
            if isinstance(own, Parameter):
                if isinstance(given, Parameter):
                    given.requires_grad_(own.requires_grad)
                else:
                    given = Parameter(given, requires_grad=own.requires_grad)
            setattr(self, name, given)

    def _load_extra_state(
        self, state_dict: Any, key: str, strict: bool, missing_keys: list[str], unexpected_keys: list[str]
    ) -> None:
        if type(self).set_extra_state is State.set_extra_state:
            if strict and key in state_dict:
                unexpected_keys.append(key)
        elif key in state_dict:
            self.set_extra_state(state_dict[key])
        elif strict:
            missing_keys.append(key)

    def _unexpected(self, state_dict: Any, prefix: str, own: dict[str, Tensor]) -> list[str]:
        def is_known(key: str) -> bool:
            name, dot, _ = key[len(prefix) :].partition(".")
            return name in self._modules if dot else name in own

        names = [key for key in state_dict if key.startswith(prefix) and key != prefix + EXTRA_STATE]
        return [key for key in names if not is_known(key)]

    def register_state_dict_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before this module's state is collected."""
        return add_hook(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Any) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` afterwards; it changes
        state_dict in place.
        """
        hook._from_public_api = True
        return add_hook(self._state_dict_hooks, hook)

    def _register_state_dict_hook(self, hook: Hook) -> RemovableHandle:
        if getattr(hook, "_from_public_api", False):
            raise RuntimeError(
                "Cannot register the same function as the state dict post hook that was previously "
                "registered via "
                "register_state_dict_post_hook"
            )
        return add_hook(self._state_dict_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata, strict, missing, unexpected, errors)`
        before loading.
        """
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(self, hook: Hook, with_module: bool = False) -> RemovableHandle:
        return add_hook(self._load_state_dict_pre_hooks, _OfModule(hook, self) if with_module else hook)

    def register_load_state_dict_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` after loading; it may change those lists in place."""
        return add_hook(self._load_state_dict_post_hooks, hook)


class _OfModule:
    """A hook that is handed its module first; it holds the module weakly, and can be pickled and copied with
    it.
    """

    def __init__(self, hook: Hook, module: Any):
        self.hook = hook
        self.module = weakref.ref(module)

    def __call__(self, *args: Any) -> Any:
        module = self.module()
        if module is None:
            raise RuntimeError("You are trying to call the hook of a dead Module!")
        return self.hook(module, *args)

    def __getstate__(self) -> dict[str, Any]:
        return {"hook": self.hook, "module": self.module()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if state["module"] is None:
            raise RuntimeError("You are trying to revive the hook of a dead Module!")
        self.__init__(state["hook"], state["module"])


def _positional(
    args: tuple[Any, ...], destination: Any, prefix: str, keep_vars: bool
) -> tuple[Any, str, bool]:
    warnings.warn(
        "Positional args are being deprecated, use kwargs instead: state_dict(destination=..., prefix=..., "
        "keep_vars=...)",
        FutureWarning,
        stacklevel=3,
    )
    destination = args[0] if destination is None else destination
    if len(args) > 1 and prefix == "":
        prefix = args[1]
    if len(args) > 2 and keep_vars is False:
        keep_vars = args[2]
    return destination, prefix, keep_vars


def _load(
    module: Any,
    entries: Any,
    prefix: str,
    metadata: Any,
    assign: bool,
    found: _IncompatibleKeys,
    errors: list[str],
) -> None:
    """Load `module` and all below it, each from the entries that start with its prefix."""
    local_metadata = metadata.get(prefix[:-1], {})
    if assign:
        local_metadata["assign_to_params_buffers"] = assign
    # Always strict in here: what is missing is also returned where it raises nothing.
    module._load_from_state_dict(
        entries, prefix, local_metadata, True, found.missing_keys, found.unexpected_keys, errors
    )
    for name, child in module._modules.items():
        if child is not None:
            path = f"{prefix}{name}."
            below = {key: value for key, value in entries.items() if key.startswith(path)}
            _load(child, below, path, metadata, assign, found, errors)
    for hook in module._load_state_dict_post_hooks.values():
        if hook(module, found) is not None:
            raise AssertionError(
                "Hooks registered with ``register_load_state_dict_post_hook`` are not expected to return new "
                "values, "
                "if incompatible_keys need to be modified, it should be done inplace."
            )


def _raise_load_errors(name: str, keys: _IncompatibleKeys, errors: list[str]) -> None:
    for words, listed in (("Unexpected", keys.unexpected_keys), ("Missing", keys.missing_keys)):
        if listed:
            quoted = ", ".join(f'"{key}"' for key in listed)
            errors.insert(0, f"{words} key(s) in state_dict: {quoted}. ")
    if errors:
        raise RuntimeError("Error(s) in loading state_dict for {}:\n\t{}".format(name, "\n\t".join(errors)))
