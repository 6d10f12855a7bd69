"""Calling a module: `forward` with the hooks around it, and errors that say in which module they happened."""

import sys
import warnings
from typing import Any

import rushlight.nn.global_hooks as global_hooks

from .hooks import Hook, HookTable, RemovableHandle, add_hook
from .state import State
from .whereabouts import note_module

_NOTHING = object()  # stands for an argument that was not given


class Calling(State):
    """The part of a Module that runs its forward, and the hooks that were registered around it."""

    _forward_pre_hooks = HookTable(called=True)
    _forward_pre_hooks_with_kwargs = HookTable()
    _forward_hooks = HookTable(called=True)
    _forward_hooks_with_kwargs = HookTable()
    _forward_hooks_always_called = HookTable()
    _backward_pre_hooks = HookTable(called=True)
    _backward_hooks = HookTable(called=True)
    _is_full_backward_hook: bool | None = None

    def __call__(self, input: Any = _NOTHING, /, *args: Any, **kwargs: Any) -> Any:
        """`forward(input, *args, **kwargs)`, with the hooks before and after it."""
        try:
            if args or kwargs or input is _NOTHING or self._hooked or global_hooks.around_call:
                return _call_in_general(self, () if input is _NOTHING else (input, *args), kwargs)
            return self.forward(input)  # the common case by itself: 40 % faster than with `*args, **kwargs`
        except Exception as error:
            note_module(error, self, sys._getframe(1))
            raise

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes: every subclass defines it."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile `forward`, in place; the arguments are those of `torch.compile` behind the module."""
        from ..compiler.compiled import compile

        object.__setattr__(self, "forward", compile(self.forward, *args, **kwargs))

    def register_forward_pre_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before forward; what it returns, if anything, replaces the args.

        With `with_kwargs` it is `hook(module, args, kwargs)`, returning None or (args, kwargs).
        """
        flags = (self._forward_pre_hooks_with_kwargs,) if with_kwargs else ()
        return add_hook(self._forward_pre_hooks, hook, flags=flags, prepend=prepend)

    def register_forward_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after forward; what it returns, if anything, replaces the output.

        With `with_kwargs` it is `hook(module, args, kwargs, output)`; `always_call` calls it even where
        forward raised.
        """
        flags = []
        if with_kwargs:
            flags.append(self._forward_hooks_with_kwargs)
        if always_call:
            flags.append(self._forward_hooks_always_called)
        return add_hook(self._forward_hooks, hook, flags=tuple(flags), prepend=prepend)

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` before this module's gradients; what it returns replaces
        grad_output.
        """
        return add_hook(self._backward_pre_hooks, hook, prepend=prepend)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` once the gradients of the inputs are known.

        What it returns, if anything, replaces grad_input. Both are tuples, None where there is no gradient.
        """
        self._is_full_backward_hook = True
        return add_hook(self._backward_hooks, hook, prepend=prepend)


def _call_in_general(module: Calling, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if module._hooked or global_hooks.around_call:
        return _call_with_hooks(module, args, kwargs)
    return module.forward(*args, **kwargs)


def _call_with_hooks(module: Calling, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    call = _Call(module, args, kwargs)
    try:
        return call.run()
    except Exception:
        call.call_those_always_called()
        raise


class _Call:
    """One call of a module that has hooks: arguments and result as the hooks leave them."""

    def __init__(self, module: Calling, args: tuple[Any, ...], kwargs: dict[str, Any]):
        self.module = module
        self.args = args
        self.kwargs = kwargs
        self.result: Any = None
        self.called: set[int] = set()

    def run(self) -> Any:
        """The result of forward, after all hooks."""
        module = self.module
        before_backward = [*global_hooks.backward_pre.values(), *module._backward_pre_hooks.values()]
        after_backward = [*global_hooks.backward.values(), *module._backward_hooks.values()]
        self.before_forward()
        if not (before_backward or after_backward):
            self.result = module.forward(*self.args, **self.kwargs)
            self.after_forward()
            return self.result
        from .backward_hooks import BackwardHooks

        around = BackwardHooks(module, after_backward, before_backward)
        self.args = around.watch_inputs(self.args)
        self.result = module.forward(*self.args, **self.kwargs)
        self.after_forward()
        return around.watch_outputs(self.result)

    def before_forward(self) -> None:
        """Let the forward pre-hooks change the arguments."""
        module = self.module
        for hook_id, hook in (*global_hooks.forward_pre.items(), *module._forward_pre_hooks.items()):
            if hook_id in module._forward_pre_hooks_with_kwargs:
                self.take_arguments(hook(module, self.args, self.kwargs))
            else:
                changed = hook(module, self.args)
                if changed is not None:
                    self.args = changed if isinstance(changed, tuple) else (changed,)

    def take_arguments(self, changed: Any) -> None:
        """Take what a pre-hook with kwargs returned."""
        if changed is None:
            return
        if not (isinstance(changed, tuple) and len(changed) == 2):
            raise RuntimeError(
                f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {changed}."
            )
        self.args, self.kwargs = changed

    def after_forward(self) -> None:
        """Let the forward hooks change the result."""
        for hook_id, hook in (*global_hooks.forward.items(), *self.module._forward_hooks.items()):
            if self.is_always_called(hook_id):
                self.called.add(hook_id)
            self.call_forward_hook(hook_id, hook)

    def is_always_called(self, hook_id: int) -> bool:
        """Whether the hook asked to be called also where forward raises."""
        return (
            hook_id in self.module._forward_hooks_always_called
            or hook_id in global_hooks.forward_always_called
        )

    def call_forward_hook(self, hook_id: int, hook: Hook) -> None:
        """Call one forward hook, and take what it returns."""
        module = self.module
        if hook_id in module._forward_hooks_with_kwargs or hook_id in global_hooks.forward_with_kwargs:
            changed = hook(module, self.args, self.kwargs, self.result)
        else:
            changed = hook(module, self.args, self.result)
        if changed is not None:
            self.result = changed

    def call_those_always_called(self) -> None:
        """After an error: call the hooks that asked for it and were not reached; their own errors become
        warnings.
        """
        for words, hooks in (("global module", global_hooks.forward), ("module", self.module._forward_hooks)):
            for hook_id, hook in hooks.items():
                if self.is_always_called(hook_id) and hook_id not in self.called:
                    try:
                        self.call_forward_hook(hook_id, hook)
                    except Exception as error:
                        warnings.warn(
                            f"{words} forward hook with ``always_call=True`` raised an exception that was "
                            "silenced "
                            f"as another error was raised in forward: {error}",
                            stacklevel=2,
                        )
