"""`autograd.Function`: operations whose forward and backward the user writes."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from . import inplace, record
from .engine import binding, freed, next_number, select_backward
from .mode import enable_grad, grad_on, no_grad


class FunctionContext:
    """`ctx`: what forward leaves for backward. Any attribute may be set on it."""

    _node: Any  # a bound method of what holds the node while backward runs
    _name: str

    def __init__(self) -> None:
        self.needs_input_grad: tuple[bool, ...] = ()
        self._saved: list[tuple[Any, Any, bool]] = []
        self._non_differentiable: tuple[Any, ...] = ()
        self._dirty: tuple[Any, ...] = ()
        self._materialize = True
        self._freed = False

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep inputs or outputs for backward; a change in place before backward is an error."""
        self._to_save = tensors

    save_for_forward = save_for_backward

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        if self._freed:
            from .engine import freed

            raise freed()
        return tuple(self._restore(t, v, is_output) for t, v, is_output in self._saved)

    def _restore(self, t: Any, v: Any, is_output: bool) -> Any:
        if t is None or not isinstance(t, (binding.tensor, _SavedOutput)):
            return t
        if is_output:
            return t.restore(self._node, self._name)
        return record.kept_tensor(t, v, self._name, "saved tensor")

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Name outputs that carry no gradient."""
        self._non_differentiable = tensors

    def mark_dirty(self, *tensors: Any) -> None:
        """Name inputs that forward changed in place and returned."""
        self._dirty = tensors
        for t in tensors:
            record.bump(t, "mark_dirty")

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (the default) or None for outputs without a gradient."""
        self._materialize = value


class _SavedOutput:
    """A saved output: its array and version box, linked to the node again when asked for
    (holding it would be a cycle).
    """

    __slots__ = ("array", "box", "position", "at")

    def __init__(self, t: Any, position: int) -> None:
        if t._b is None:
            t._b = [0, None, None]
        self.array, self.box, self.position, self.at = t._a, t._b, position, t._b[0]

    def restore(self, node: Any, name: str) -> Any:
        if self.box[0] != self.at:
            record.changed(name, "out", self.box)
        t = binding.wrap(self.array)
        n = node()
        t._n = (
            [n[0] - (1 + self.position) / 1024, select_backward, n, self.position] if n is not None else None
        )
        return t


class Function:
    """An operation with its own derivative: subclass it with static `forward` and `backward`,
    call `.apply(...)`.

    Either `forward(ctx, *args)`, or `forward(*args)` with `setup_context(ctx, inputs, output)`.
    `backward(ctx, *grads)` returns one gradient (or None) per argument of forward. Written with tensor
    operations it can be differentiated again.
    """

    generate_vmap_rule = False

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        raise NotImplementedError(
            "You must implement either the backward or vjp method for "
            "your custom autograd.Function to use it with backward mode AD."
        )

    def __init__(self) -> None:
        warnings.warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so "
            f"you should invoke them on the class itself: {type(self).__name__}.apply(...)",
            DeprecationWarning,
            stacklevel=2,
        )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "vjp" in cls.__dict__ and "backward" not in cls.__dict__:
            cls.backward = cls.__dict__["vjp"]

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward without recording, and record this function as one node."""
        ctx = FunctionContext()
        ctx.needs_input_grad = tuple(isinstance(a, binding.tensor) and a._n is not None for a in args)
        tracked = grad_on() and any(ctx.needs_input_grad)
        with no_grad():
            if cls.setup_context is not Function.setup_context:
                output = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args, **kwargs)
        return _record(cls, ctx, args, output) if tracked else output


def _record(cls: type, ctx: FunctionContext, args: tuple[Any, ...], output: Any) -> Any:
    single = not isinstance(output, tuple)
    outputs = (output,) if single else output
    nodes = tuple(a._n if needed else None for a, needed in zip(args, ctx.needs_input_grad, strict=True))
    made = tuple(_fresh(t, args, ctx) for t in outputs)
    backward = _Backward(cls, args, made)
    common: list[Any] = [next_number(), backward, nodes, ctx]
    for i, t in enumerate(made):
        if _differentiable(t, ctx, outputs[i]):
            node = [next_number(), select_backward, common, i]
            if any(t is d for d in ctx._dirty):
                inplace.guard_leaf(t, cls.__name__)
                inplace.rebase(t, node)
            else:
                t._n = node
    _save(cls, ctx, common, outputs, made)
    if not ctx._saved:  # then nothing is freed, and backward may run again
        backward.ctx = common.pop()
    return made[0] if single else made


def _differentiable(t: Any, ctx: FunctionContext, original: Any) -> bool:
    return (
        isinstance(t, binding.tensor)
        and t._a.dtype.kind in "fcV"
        and not any(original is x for x in ctx._non_differentiable)
    )


def _fresh(t: Any, args: tuple[Any, ...], ctx: FunctionContext) -> Any:
    """An output as its own Tensor: an input returned as it is becomes a new one, unless marked dirty."""
    if not isinstance(t, binding.tensor) or any(t is d for d in ctx._dirty):
        return t
    return binding.wrap(t._a) if any(t is a for a in args) else t


def _save(
    cls: type, ctx: FunctionContext, node: list[Any], outputs: tuple[Any, ...], made: tuple[Any, ...]
) -> None:
    """Note saved tensors with their versions;
    the node is held weakly through a list that can be referenced.
    """
    holder = _Holder(node)
    ctx._node, ctx._name = holder.get, cls.__name__
    for t in getattr(ctx, "_to_save", ()):
        at = next((i for i, o in enumerate(outputs) if o is t), None)
        if at is not None and isinstance(t, binding.tensor) and made[at]._n is not None:
            ctx._saved.append((_SavedOutput(made[at], at), None, True))
        else:
            ctx._saved.append((t, record.version(t), False))


class _Holder:
    """The node while backward runs (a list cannot be referenced weakly)."""

    def __init__(self, node: list[Any]) -> None:
        self.number = node[0]
        self.current: list[Any] | None = None

    def get(self) -> list[Any] | None:
        return self.current


def _proto(t: Any) -> Any:
    """Shape and dtype of a Tensor, None for what is none."""
    return (t._a.shape, t._a.dtype) if isinstance(t, binding.tensor) else None


def _expands(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, to) == to
    except ValueError:
        return False


class _Backward:
    """The backward of a Function's node: calls the user's code on Tensors,
    in arrays or for another derivative.
    """

    def __init__(self, cls: Any, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> None:
        self.ctx: FunctionContext | None = None  # of a node that saved no tensors
        self.cls, self.__name__ = cls, f"{cls.__name__}Backward"
        self.inputs, self.protos = list(map(_proto, inputs)), list(map(_proto, outputs))

    def __call__(self, n: list[Any], g: Any) -> Any:
        with no_grad():
            grads = self._run(n, {i: binding.wrap(part) for i, part in g.parts.items()})
        return tuple(None if x is None else x._a for x in grads)

    def on_tensors(self, n: list[Any], g: Any) -> Any:
        with enable_grad():
            return self._run(n, g.parts)

    def _run(self, n: list[Any], parts: dict[int, Any]) -> tuple[Any, ...]:
        nodes = n[2]
        if self.ctx is None and len(n) == 3:
            raise freed()
        ctx: Any = self.ctx or n[3]
        ctx._node.__self__.current = n
        try:
            answer = self.cls.backward(
                ctx, *(self._cotangent(i, parts, ctx) for i in range(len(self.protos)))
            )
        finally:
            ctx._node.__self__.current = None
        return self._checked(answer if isinstance(answer, tuple) else (answer,), nodes)

    def _cotangent(self, i: int, parts: dict[int, Any], ctx: FunctionContext) -> Any:
        if i in parts or not ctx._materialize or self.protos[i] is None:
            return parts.get(i)
        return binding.wrap(np.zeros(*self.protos[i]))

    def _checked(self, grads: tuple[Any, ...], nodes: tuple[Any, ...]) -> tuple[Any, ...]:
        if (
            len(grads) != len(nodes)
            and any(g is not None for g in grads[len(nodes) :])
            or len(grads) < len(nodes)
        ):
            raise RuntimeError(
                f"function {self.__name__} returned an incorrect number "
                f"of gradients (expected {len(nodes)}, got {len(grads)})"
            )
        return tuple(
            None if n is None or g is None else self._fitted(i, g)
            for i, (g, n) in enumerate(zip(grads, nodes))
        )

    def _fitted(self, i: int, g: Any) -> Any:
        """A gradient in the shape and dtype of its input: one of a broadcast shape is summed."""
        if not isinstance(g, binding.tensor):
            raise RuntimeError(
                f"function {self.__name__}: expected a Tensor or None "
                f"for gradient {i}, got {type(g).__name__}"
            )
        shape, dtype = self.inputs[i]
        if g._a.shape != shape and not _expands(shape, g._a.shape):
            raise RuntimeError(
                f"Function {self.__name__} returned an invalid gradient at index {i} - "
                f"got {list(g._a.shape)} but expected shape compatible with {list(shape)}"
            )
        return g if g._a.shape == shape and g._a.dtype == dtype else binding.fit(g, shape, dtype)


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a Function's backward as one that cannot be differentiated again: trying to is an error."""

    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any) -> Any:
        with no_grad():
            outputs = fn(ctx, *args)
        if not grad_on() or not any(isinstance(a, binding.tensor) and a._n is not None for a in args):
            return outputs
        single = not isinstance(outputs, tuple)
        made = [_refusing(t) for t in ((outputs,) if single else outputs)]
        return made[0] if single else tuple(made)

    return wrapper


def _refusing(t: Any) -> Any:
    if not isinstance(t, binding.tensor):
        return t
    fresh = binding.wrap(t._a)
    fresh._n = [next_number(), _refuse, (), None]
    return fresh


def _refuse(n: list[Any], g: Any) -> Any:
    raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")


_refuse.on_tensors = _refuse
