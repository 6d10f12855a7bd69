"""Full backward hooks of a module: two identity functions in the graph, one before its forward and one
behind.

Backward reaches the one behind first, with the gradients of the outputs, and the one before last, with the
gradients of the inputs; all that the module computed lies in between.
"""

import warnings
from typing import Any

from ..autograd import Function
from ..autograd.mode import is_grad_enabled
from ..tensor import Tensor
from .hooks import Hook


class _Behind(Function):
    """Identity on the outputs of a module; its backward runs the pre-hooks."""

    @staticmethod
    def forward(ctx: Any, hooks: "BackwardHooks", *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.hooks = hooks
        ctx.set_materialize_grads(False)  # an output that nobody used shows as None
        return _aliases(ctx, tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:
        return (None, *ctx.hooks.run_before(grads))


class _Before(Function):
    """Identity on the inputs of a module; its backward runs the hooks."""

    @staticmethod
    def forward(ctx: Any, hooks: "BackwardHooks", *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.hooks = hooks
        return _aliases(ctx, tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        return (None, *ctx.hooks.run_after(grads))


def _aliases(ctx: Any, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    aliases = tuple(tensor.view_as(tensor) for tensor in tensors)
    ctx.mark_non_differentiable(*[a for a, tensor in zip(aliases, tensors) if not tensor.requires_grad])
    return aliases


class BackwardHooks:
    """The backward hooks around one call of a module."""

    def __init__(self, module: Any, after: list[Hook], before: list[Hook]):
        self.module = module
        self.after = after
        self.before = before
        self.n_inputs = 0
        self.n_outputs = 0
        self.inputs: list[int] | None = (
            None  # which arguments are tensors; None where none of them needs gradients
        )
        self.outputs: list[int] = []
        self.grad_outputs: Any = None

    def watch_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, with the tensors among them behind an identity that runs the hooks."""
        self.n_inputs = len(args)
        args, self.inputs = self._through(_Before, args)
        return args

    def watch_outputs(self, result: Any) -> Any:
        """The result (a tensor or a tuple), with its tensors behind an identity that runs the pre-hooks."""
        if not isinstance(result, (Tensor, tuple)):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors but "
                "received "
                f"{type(result)}",
                stacklevel=2,
            )
        results = result if isinstance(result, tuple) else (result,)
        self.n_outputs = len(results)
        results, places = self._through(_Behind, results)
        self.outputs = places or []
        return results if isinstance(result, tuple) else results[0]

    def _through(self, function: type[Function], values: tuple[Any, ...]) -> tuple[Any, list[int] | None]:
        places = [i for i, value in enumerate(values) if isinstance(value, Tensor)]
        if not (is_grad_enabled() and any(values[i].requires_grad for i in places)):
            return values, None
        changed = list(values)
        for i, tensor in zip(places, function.apply(self, *[values[i] for i in places])):
            changed[i] = tensor
        return (tuple(changed) if type(values) is tuple else type(values)(*changed)), places

    def run_before(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        """Let the pre-hooks change the gradients of the outputs; where no input needs any, run the hooks as
        well.
        """
        grad_outputs = _spread(grads, self.outputs, self.n_outputs)
        for hook in self.before:
            changed = hook(self.module, grad_outputs)
            if changed is not None:
                changed = changed if isinstance(changed, (tuple, list)) else (changed,)
                _check_count("Backward pre hook", "grad_output", changed, grad_outputs)
                grad_outputs = changed
        self.grad_outputs = grad_outputs
        if self.inputs is None:
            self._run_after_without_inputs()
        return tuple(grad_outputs[i] for i in self.outputs)

    def run_after(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        """Let the hooks change the gradients of the inputs."""
        if self.grad_outputs is None or self.inputs is None:
            return grads
        grad_inputs: Any = _spread(grads, self.inputs, self.n_inputs)
        for hook in self.after:
            changed = hook(self.module, grad_inputs, self.grad_outputs)
            if changed is not None:
                _check_count("Backward hook", "grad_input", changed, grad_inputs)
                grad_inputs = changed
        self.grad_outputs = None
        return tuple(grad_inputs[i] for i in self.inputs)

    def _run_after_without_inputs(self) -> None:
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to module outputs since "
            "no inputs "
            "require gradients.",
            stacklevel=5,
        )
        nothing = (None,) * self.n_inputs
        for hook in self.after:
            changed = hook(self.module, nothing, self.grad_outputs)
            if changed is not None and not (isinstance(changed, tuple) and all(c is None for c in changed)):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always return None or "
                    "None "
                    "for all gradients."
                )
        self.grad_outputs = None


def _spread(values: tuple[Any, ...], places: list[int], size: int) -> tuple[Any, ...]:
    """A tuple of `size` with the values at their places and None elsewhere."""
    spread = [None] * size
    for place, value in zip(places, values):
        spread[place] = value
    return tuple(spread)


def _check_count(who: str, what: str, given: Any, expected: Any) -> None:
    if len(given) != len(expected):
        raise RuntimeError(
            f"{who} returned an invalid number of {what}, got {len(given)}, but expected {len(expected)}"
        )
