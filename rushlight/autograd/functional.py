"""torch.autograd.functional: products with Jacobians and Hessians, and these whole, of functions of tensors.

Inputs are a tensor or a tuple of them, and answers have the same form. With `create_graph` answers can be
differentiated again, also with respect to inputs that require grad. With `strict`, what does not depend on
the inputs is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import shape_text
from ..func import vmap
from ..func.gradients import jvp as pushed_forward
from ..func.gradients import track
from .engine import binding
from .mode import enable_grad
from .tape import grad

Function = Callable[..., Any]


def vjp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """(func(inputs), vᵀ·J): `v` has the form of the output; it may be left out where that is 1 number."""
    with enable_grad():
        xs, outputs, forms = _run("vjp", func, inputs, create_graph, strict)
        cotangents = _directions("vjp", v, outputs, "output")
        found = _gradients("vjp", outputs, xs, cotangents, create_graph, strict)
    return _finish(outputs, forms[1], create_graph), _finish(found, forms[0], create_graph)


def jvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """(func(inputs), J·v): `v` has the form of the inputs; it may be left out where that is one number.

    The derivative along `v` is the vjp of the vjp, which is linear in its cotangent.
    """
    with enable_grad():
        xs, outputs, forms = _run("jvp", func, inputs, create_graph, strict)
        along = _directions("jvp", v, xs, "input")
        us = [binding.wrap(np.zeros(o._a.shape, o._a.dtype)).requires_grad_() for o in outputs]
        pulled = _gradients("jvp", outputs, xs, us, True, strict)
        found = _gradients("jvp", pulled, us, along, create_graph, strict)
    return _finish(outputs, forms[1], create_graph), _finish(found, forms[1], create_graph)


def vhp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """(func(inputs), vᵀ·H) of a function with one number as its output."""
    with enable_grad():
        xs, outputs, forms = _run("vhp", func, inputs, create_graph, strict)
        _one_number("vhp", outputs)
        along = _directions("vhp", v, xs, "input")
        first = _gradients("vhp", outputs, xs, [None], True, strict)
        found = _gradients("vhp", first, xs, along, create_graph, strict)
    return _finish(outputs, forms[1], create_graph), _finish(found, forms[0], create_graph)


def hvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """(func(inputs), H·v); H is symmetric, so this is vhp where second derivatives are continuous."""
    with enable_grad():
        xs, outputs, forms = _run("hvp", func, inputs, create_graph, strict)
        _one_number("hvp", outputs)
        along = _directions("hvp", v, xs, "input")
        first = _gradients("hvp", outputs, xs, [None], True, strict)
        us = [binding.wrap(np.zeros(x._a.shape, x._a.dtype)).requires_grad_() for x in xs]
        second = _gradients("hvp", first, xs, us, True, strict)
        found = _gradients("hvp", second, us, along, create_graph, strict)
    return _finish(outputs, forms[1], create_graph), _finish(found, forms[0], create_graph)


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """∂output/∂input, of shape output shape + input shape, for every pair: nested as outputs, then inputs.

    `vectorize` computes all rows in one mapped backward; the strategy "forward-mode" (only with vectorize)
    all columns.
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            f'Expected strategy to be either "forward-mode" or "reverse-mode", got {strategy!r}'
        )
    if strategy == "forward-mode":
        return _by_columns(func, inputs, create_graph, strict, vectorize)
    with enable_grad():
        xs, outputs, forms = _run("jacobian", func, inputs, create_graph, strict)
        rows = _rows_together if vectorize and not strict else _rows_in_turn
        found = [rows(o, xs, create_graph, strict) for o in outputs]
    nested = tuple(_finish(row, forms[0], create_graph) for row in found)
    return nested if forms[1] else nested[0]


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The second derivatives of a function with one number as its output, nested as inputs, then inputs."""
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode"')

    def first(*given: Any) -> Any:
        xs = [track(x) if x._n is None else x for x in given]
        outputs = _tensors("hessian", func(*xs), "outputs of the user-provided function", "hessian")
        _one_number("hessian", outputs)
        return tuple(_gradients("hessian", outputs, xs, [None], True, strict))

    found = jacobian(first, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)
    return found if isinstance(inputs, tuple) else found[0]


# -- pieces -------------------------------------------------------------------------------------------


def _run(
    name: str, func: Function, inputs: Any, create_graph: bool, strict: bool
) -> tuple[list[Any], list[Any], Any]:
    """Tracked inputs, the outputs of `func`, and whether each of the two is a tuple."""
    given = _tensors(name, inputs, "inputs", "user-provided function")
    xs = [x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_() for x in given]
    answer = func(*xs)
    outputs = _tensors(name, answer, "outputs of the user-provided function", name)
    for i, o in enumerate(outputs):
        if strict and o._n is None:
            raise RuntimeError(
                f"{name}: Output {i} of the user-provided function does not require gradients: it does not "
                f"depend on any of the inputs. This is not allowed in strict mode"
            )
    return xs, outputs, (isinstance(inputs, tuple), isinstance(answer, tuple))


def _tensors(name: str, given: Any, what: str, where: str) -> list[Any]:
    values = list(given) if isinstance(given, tuple) else [given]
    for i, t in enumerate(values):
        if not isinstance(t, binding.tensor):
            raise TypeError(
                f"{name}: the {what} must be a Tensor or a tuple of Tensors, "
                f"but entry {i} is a {type(t).__name__}"
            )
    return values


def _one_number(name: str, outputs: list[Any]) -> None:
    if len(outputs) != 1 or outputs[0]._a.size != 1:
        shapes = ", ".join(shape_text(o._a.shape) for o in outputs)
        raise RuntimeError(
            f"{name}: the function given should return a single Tensor with a single element; got {shapes}"
        )


def _directions(name: str, v: Any, like: list[Any], what: str) -> list[Any]:
    """The vectors of a product, checked against what they multiply; ones for one number."""
    if v is None:
        if len(like) != 1 or like[0]._a.size != 1:
            raise RuntimeError(
                f"{name}: the vector v can only be None if the {what} is a single Tensor "
                "with a single element"
            )
        return [binding.wrap(np.ones(like[0]._a.shape, like[0]._a.dtype))]
    found = _tensors(name, v, "vectors v", name)
    if len(found) != len(like):
        raise RuntimeError(f"{name}: v has {len(found)} entries for {len(like)} {what}s")
    for i, (given, t) in enumerate(zip(found, like, strict=True)):
        if given._a.shape != t._a.shape:
            raise RuntimeError(
                f"{name}: Entry {i} in v has invalid size: should be {shape_text(t._a.shape)} "
                f"but got {shape_text(given._a.shape)}"
            )
    return found


def _gradients(
    name: str, outputs: list[Any], xs: list[Any], cotangents: list[Any], create_graph: bool, strict: bool
) -> list[Any]:
    """Gradients of the outputs that depend on something; zeros (an error if strict) where there are none."""
    pairs = [(o, c) for o, c in zip(outputs, cotangents, strict=True) if o._n is not None]
    found: tuple[Any, ...] = (None,) * len(xs)
    if pairs:
        found = grad([o for o, _ in pairs], xs, [c for _, c in pairs], True, create_graph, allow_unused=True)
    for i, g in enumerate(found):
        if strict and (g is None or (create_graph and g._n is None)):
            raise RuntimeError(
                f"{name}: the derivative with respect to input {i} is zero, because the output does not "
                f"depend on it. This is not allowed in strict mode"
            )
    return [
        binding.wrap(np.zeros(x._a.shape, x._a.dtype)) if g is None else g
        for g, x in zip(found, xs, strict=True)
    ]


def _rows_in_turn(output: Any, xs: list[Any], create_graph: bool, strict: bool) -> list[Any]:
    """The Jacobians of one output, a backward for each of its elements."""
    units = _units(output)
    rows = [_gradients("jacobian", [output], xs, [unit], create_graph, strict) for unit in units]
    shape = output._a.shape
    if not rows:
        return [binding.wrap(np.zeros((*shape, *x._a.shape), x._a.dtype)) for x in xs]
    return [_stacked([row[i] for row in rows]).reshape((*shape, *x._a.shape)) for i, x in enumerate(xs)]


def _rows_together(output: Any, xs: list[Any], create_graph: bool, strict: bool) -> list[Any]:
    """The Jacobians of one output by one backward, mapped over the units."""
    if not output._a.size or output._n is None:
        return _rows_in_turn(output, xs, create_graph, strict)
    units = _units(output)
    found = grad(
        [output],
        xs,
        [units],
        True,
        create_graph,
        allow_unused=True,
        is_grads_batched=True,
        materialize_grads=True,
    )
    return [g.reshape((*output._a.shape, *x._a.shape)) for g, x in zip(found, xs, strict=True)]


def _units(t: Any) -> Any:
    n = t._a.size
    return binding.wrap(np.eye(n, dtype=t._a.dtype).reshape(n, *t._a.shape))


def _stacked(rows: list[Any]) -> Any:
    from ..ops.declare import registry

    return binding.function(registry["stack"])(rows)


def _by_columns(func: Function, inputs: Any, create_graph: bool, strict: bool, vectorize: bool) -> Any:
    """Jacobians by forward mode: a mapped jvp for all elements of an input."""
    if strict:
        raise RuntimeError('jacobian: strict=True is not supported with strategy="forward-mode"')
    if create_graph:
        raise NotImplementedError('jacobian: create_graph=True is not supported with strategy="forward-mode"')
    if not vectorize:
        raise NotImplementedError('jacobian: strategy="forward-mode" needs vectorize=True')
    given = _tensors("jacobian", inputs, "inputs", "jacobian")
    xs = tuple(x if create_graph else x.detach() for x in given)
    columns = [_columns(func, xs, i) for i in range(len(xs))]  # per input: the form of the output
    several = isinstance(columns[0], tuple)
    rows = [tuple(c[k] if several else c for c in columns) for k in range(len(columns[0]) if several else 1)]
    nested = tuple(_finish(list(row), isinstance(inputs, tuple), create_graph) for row in rows)
    return nested if several else nested[0]


def _columns(func: Function, xs: tuple[Any, ...], i: int) -> Any:
    def along(v: Any) -> Any:
        return pushed_forward(lambda x: func(*xs[:i], x, *xs[i + 1 :]), (xs[i],), (v,))[1]

    found = vmap(along)(_units(xs[i]))

    def arranged(c: Any) -> Any:
        return c.movedim(0, -1).reshape((*c._a.shape[1:], *xs[i]._a.shape))

    return tuple(map(arranged, found)) if isinstance(found, tuple) else arranged(found)


def _finish(values: list[Any], as_tuple: bool, create_graph: bool) -> Any:
    """Tensors in the form they were given in, cut off from the graph unless it is wanted."""
    shown = tuple(t if create_graph else t.detach() for t in values)
    return shown if as_tuple else shown[0]
