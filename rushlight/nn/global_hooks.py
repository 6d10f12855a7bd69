"""Hooks on every module there is: for profilers and debuggers, as `torch.nn.modules.module` has them."""

from collections import OrderedDict
from typing import Any

from .hooks import Hook, RemovableHandle, add_hook

forward_pre: OrderedDict[int, Hook] = OrderedDict()
forward: OrderedDict[int, Hook] = OrderedDict()
forward_with_kwargs: OrderedDict[int, bool] = OrderedDict()
forward_always_called: OrderedDict[int, bool] = OrderedDict()
backward_pre: OrderedDict[int, Hook] = OrderedDict()
backward: OrderedDict[int, Hook] = OrderedDict()
# Every hook above is marked here too, so that a call without global hooks tests one table.
around_call: OrderedDict[int, bool] = OrderedDict()

parameter_registration: OrderedDict[int, Hook] = OrderedDict()
buffer_registration: OrderedDict[int, Hook] = OrderedDict()
module_registration: OrderedDict[int, Hook] = OrderedDict()


def register_module_forward_pre_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, args)` before every module's forward; what it returns, if anything, replaces the
    args.
    """
    return add_hook(forward_pre, hook, flags=(around_call,))


def register_module_forward_hook(
    hook: Hook, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call `hook(module, args, output)` after every module's forward; what it returns replaces the output.

    `with_kwargs` hands it `(module, args, kwargs, output)`; `always_call` calls it even where forward raised.
    """
    chosen = [(with_kwargs, forward_with_kwargs), (always_call, forward_always_called)]
    return add_hook(forward, hook, flags=(around_call, *[table for wanted, table in chosen if wanted]))


def register_module_full_backward_pre_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, grad_output)` before the gradients of every module are computed."""
    return add_hook(backward_pre, hook, flags=(around_call,))


def register_module_full_backward_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` once the gradients of every module's inputs are known."""
    return add_hook(backward, hook, flags=(around_call,))


def register_module_parameter_registration_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, name, parameter)` whenever a parameter is registered; a return value replaces it."""
    return add_hook(parameter_registration, hook)


def register_module_buffer_registration_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, name, buffer)` whenever a buffer is registered; a return value replaces it."""
    return add_hook(buffer_registration, hook)


def register_module_module_registration_hook(hook: Hook) -> RemovableHandle:
    """Call `hook(module, name, submodule)` whenever a submodule is registered; a return value replaces it."""
    return add_hook(module_registration, hook)


def filtered(hooks: OrderedDict[int, Hook], module: object, name: str, value: Any) -> Any:
    """`value` as the registration hooks leave it."""
    for hook in hooks.values():
        replacement = hook(module, name, value)
        if replacement is not None:
            value = replacement
    return value
