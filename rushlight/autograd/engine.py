"""The backward pass: a heap of nodes by creation number (newest first is already a topological order).

A node is a list `[number, backward, inputs, *kept]`. `inputs` is one node, or a tuple of nodes (None where an
input is not tracked); `backward(node, g)` gives one cotangent per input; `kept` goes once it has been used. A
`Leaf` ends a path and owns `.grad`. Cotangents are raw arrays, or Tensors under create_graph
(`backward.on_tensors`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Any

import numpy as np

import rushlight.scalar as scalar

from ..arrays.halves import narrow, wide
from ..arrays.programs import Program
from ..arrays.tracing import EAGER, onlooker, tracer
from . import mode

ndarray = np.ndarray
counter = count(0, -1)  # decreasing: the heap pops the newest node first
next_number = counter.__next__
# backward functions of nodes that keep only sizes and options: those may run again and again
lasting: set[Any] = set()


cotangent_sum = Program(scalar.var("a") + scalar.var("b"), ("a", "b"), "sum of cotangents", kinds="f")


class Leaf:
    """Where gradients arrive: `grad` is a Tensor or None, `hooks` run on each arriving gradient."""

    __slots__ = ("grad", "hooks", "after", "__weakref__")

    def __init__(self) -> None:
        self.grad: Any = None
        self.hooks: dict[int, Callable[..., Any]] | None = None  # register_hook
        self.after: dict[int, Callable[..., Any]] | None = None  # register_post_accumulate_grad_hook


class Hooked:
    """A node's backward with hooks: `hooks` on the cotangent of its output;
    `before` and `later` on tuples (grad_fn's).
    """

    __slots__ = ("backward", "hooks", "before", "later", "metadata", "__name__")

    def __init__(self, backward: Any) -> None:
        self.backward, self.__name__ = backward, backward.__name__
        self.hooks: dict[int, Callable[..., Any]] = {}
        self.before: dict[int, Callable[..., Any]] = {}
        self.later: dict[int, Callable[..., Any]] = {}
        self.metadata: dict[str, Any] = {}

    def __call__(self, n: list[Any], g: Any) -> Any:
        return self._run(self.backward, n, run_hooks(self.hooks, g))

    def on_tensors(self, n: list[Any], g: Any) -> Any:
        return self._run(self.backward.on_tensors, n, run_hooks(self.hooks, g))

    def _run(self, backward: Any, n: list[Any], g: Any) -> Any:
        for hook in list(self.before.values()):
            g = _replaced(hook(_shown(g)), g)
        grads = backward(n, g)
        for hook in list(self.later.values()):
            grads = _replaced(hook(_shown(grads), _shown(g)), grads)
        return grads

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backward, name)  # kept_names, tracked

    def __hash__(self) -> int:
        return hash(self.backward)

    def __eq__(self, other: object) -> bool:
        return self is other or self.backward is other  # so that it is in `lasting` if its backward is


def _shown(g: Any) -> tuple[Any, ...]:
    """Cotangents as the tuple of Tensors that hooks of nodes take."""
    if isinstance(g, Outputs):
        return tuple(_as_tensor(g.parts.get(i)) for i in range(max(g.parts) + 1))
    return tuple(map(_as_tensor, g)) if g.__class__ is tuple else (_as_tensor(g),)


def _as_tensor(g: Any) -> Any:
    if g is None or isinstance(g, binding.tensor):
        return g
    return binding.wrap(np.asarray(g) if isinstance(g, np.generic) else g)


def _replaced(answer: Any, g: Any) -> Any:
    """What a node's hook answered in the place of `g`, in the form that `g` has."""
    if answer is None:
        return g
    parts = answer if isinstance(answer, tuple) else (answer,)
    if not any(isinstance(p, binding.tensor) for p in (g if g.__class__ is tuple else (g,))):
        parts = tuple(None if p is None else p._a for p in parts)
    if isinstance(g, Outputs):
        return Outputs({i: p for i, p in enumerate(parts) if p is not None})
    return parts if g.__class__ is tuple else parts[0]


class _Binding:
    """What the engine must know of Tensor, set by tensor.py: the arrow points down only."""

    tensor: type
    wrap: Callable[[Any], Any]  # an array as an untracked Tensor
    # a Tensor summed to a shape and cast to a NumPy dtype, differentiably
    fit: Callable[[Any, Any, Any], Any]
    function: Callable[[Any], Any]  # an op's Tensor-level function
    sum_array: Callable[[Any], Any]  # an array summed over its first dimension
    sum_batch: Callable[[Any, int, int], Any]  # a Tensor's hidden batch at a level summed, differentiably
    bundle: Callable[[Any, list[Any]], Any]  # an op's several output Tensors as what the user gets


binding = _Binding()


def run_hooks(hooks: dict[int, Callable[..., Any]], g: Any) -> Any:
    """`g` passed through hooks that take and may replace a Tensor; stays an array if it was one."""
    for hook in list(hooks.values()):
        is_tensor = isinstance(g, binding.tensor)
        answer = hook(g if is_tensor else binding.wrap(g))
        if answer is not None:
            if not isinstance(answer, binding.tensor):
                raise TypeError(f"hook {hook!r}: expected a Tensor or None, got {type(answer).__name__}")
            g = answer if is_tensor else answer._a
    return g


def arrive(leaf: Leaf, arriving: Any, incoming: Any) -> bool | None:
    """Add a gradient into a leaf, in machine code; None where that cannot be done, or there is none.

    Another function takes this name once there is (autograd/arrivals.py).
    """


def accumulate(leaf: Leaf, arriving: Any, incoming: Any, late: dict[Any, Any]) -> None:
    """Add a gradient into a leaf; for one with hooks, into `late`: hooks are to see the whole of it."""
    if leaf.hooks or leaf.after:
        late[leaf] = plus(late[leaf], arriving) if leaf in late else arriving
    else:
        _add(leaf, arriving, incoming)


def _add(leaf: Leaf, arriving: Any, incoming: Any) -> None:
    """Add to `.grad`. A fresh array is taken over;
    one that may be shared (a view, the cotangent that came in) is copied.
    """
    traced = None if EAGER else tracer()
    if traced is not None and not isinstance(arriving, binding.tensor):
        traced.arrive(leaf, arriving, incoming)
    elif arriving.__class__ is ndarray:
        if leaf.grad is None:
            fresh = arriving is not incoming and arriving.base is None
            leaf.grad = binding.wrap(arriving if fresh else arriving.copy())
        else:
            _add_array(leaf, arriving)
    elif isinstance(arriving, binding.tensor):
        leaf.grad = arriving.clone() if leaf.grad is None else leaf.grad + arriving
    else:
        arriving = arriving if hasattr(arriving, "__op__") else np.array(arriving)
        leaf.grad = binding.wrap(arriving) if leaf.grad is None else leaf.grad + binding.wrap(arriving)


def deliver(late: dict[Any, Any]) -> None:
    """Bring what has come together for leaves with hooks to its end."""
    for leaf, g in late.items():
        if leaf.hooks:
            g = run_hooks(leaf.hooks, g)
        _add(leaf, g, g)  # a hook may have kept it: it is copied
        for hook in list((leaf.after or {}).values()):
            hook()


def _add_array(leaf: Leaf, arriving: Any) -> None:
    """Add to a gradient that is there: in place, unless it is itself part of a graph."""
    held = leaf.grad
    if held._n is not None:
        leaf.grad = held + binding.wrap(arriving)
        return
    array = held._a
    if cotangent_sum.into(array, array, arriving) is None:
        array += arriving
        held._a = array
    if held._b is None:  # a graph may hold the gradient, as it was in version 0
        held._b = [0, None, None]
    held._b[0] += 1


def plus(x: Any, y: Any) -> Any:
    """The sum of two cotangents (arrays, Tensors or Outputs)."""
    if x.__class__ is ndarray:
        made = cotangent_sum.new(x, y)
        if made is None and x.dtype.itemsize == 2 and y.__class__ is ndarray:  # as kernels do not add them
            made = narrow(wide(x) + wide(y), x.dtype)
        if made is not None:
            return made
    total = x + y
    return (
        total
        if total.__class__ is not np.float32 and not isinstance(total, np.generic)
        else np.asarray(total)
    )


class Outputs:
    """Cotangents of a node with several outputs, by position; they meet by addition."""

    __slots__ = ("parts",)

    def __init__(self, parts: dict[int, Any]) -> None:
        self.parts = parts

    def __add__(self, other: Outputs) -> Outputs:
        merged = dict(self.parts)
        for i, g in other.parts.items():
            merged[i] = plus(merged[i], g) if i in merged else g
        return Outputs(merged)


def select_backward(n: list[Any], g: Any) -> Outputs:
    """Backward of one output among several: hands its cotangent to the common node,
    marked with its position.
    """
    return Outputs({n[3]: g})


select_backward.on_tensors = select_backward
lasting.add(select_backward)


class FreedError(RuntimeError):
    """Backward through a graph whose kept values are gone."""


def freed() -> FreedError:
    """The error of a second backward, and what to do about it."""
    return FreedError(
        "backward: Trying to backward through the graph a second "
        "time: what the operations kept was freed by the first "
        "backward. Call .backward(retain_graph=True) the first time if you need to go through it again"
    )


def run(root: Any, g: Any, retain: bool = False) -> None:
    """Backward from one node with the array `g`, into the leaves. Frees as it goes unless `retain`."""
    grads: dict[Any, Any] = {}  # by the number of a node; by the leaf itself for leaves with hooks
    if root.__class__ is Leaf:
        accumulate(root, g, g, grads)
        deliver(grads)
        return
    heap: list[list[Any]] = []
    n = root
    while True:
        inputs = n[2]
        try:
            r = n[1](n, g)
        except ValueError as e:
            if len(n) == 3 and "to unpack" in str(e):
                raise freed() from None
            raise
        if not retain and n[1] not in lasting:
            del n[3:]
        c = inputs.__class__
        if c is list:  # one input that is itself a node
            if not heap:
                n, g = inputs, r
                continue  # a chain needs neither heap nor dictionary
            _wait(inputs, r, grads, heap)
        elif c is tuple:
            ahead, next_g = _branch(inputs, r, g, grads, heap)
            if ahead is not None:
                n, g = ahead, next_g
                continue
        elif r is not None and arrive(inputs, r, g) is None:
            accumulate(inputs, r, g, grads)
        if not heap:
            deliver(grads)
            return
        n = heappop(heap)
        g = grads.pop(n[0])


def _branch(inputs: Any, r: Any, g: Any, grads: dict[int, Any], heap: list[list[Any]]) -> tuple[Any, Any]:
    """Hand the cotangents `r` to several inputs.

    Returns the node to go on with and its cotangent, if there is just one and nothing else waits; else
    two None.
    """
    ahead = next_g = None
    for m, gm in zip(inputs, r):
        if gm is None or m is None:
            continue
        if m.__class__ is not list:
            if arrive(m, gm, g) is None:
                accumulate(m, gm, g, grads)
        elif ahead is None and not heap:
            ahead, next_g = m, gm
        else:
            if ahead is not None:
                grads[ahead[0]] = next_g
                heappush(heap, ahead)
                ahead = None
            _wait(m, gm, grads, heap)
    return ahead, next_g


def _wait(n: list[Any], g: Any, grads: dict[int, Any], heap: list[list[Any]]) -> None:
    """Add `g` to what has arrived at node `n`, which waits in the heap for its turn."""
    k = n[0]
    if k in grads:
        grads[k] = plus(grads[k], g)
    else:
        grads[k] = g
        heappush(heap, n)


def run_general(
    roots: Sequence[Any],
    cotangents: Sequence[Any],
    retain: bool = False,
    create_graph: bool = False,
    captures: dict[int, list[int]] | None = None,
    into_leaves: bool = True,
    through: bool = True,
) -> dict[int, Any]:
    """Backward from several roots. `captures` maps a node's number or a leaf's id to positions of a result;
    returns position -> cotangent. `into_leaves` False leaves every `.grad` alone; `through` False ends at the
    nodes that are captured, and runs no hooks of leaves.
    """
    state = _Sweep(create_graph, captures or {}, into_leaves)
    state.through = through
    for root, g in zip(roots, cotangents):
        state.arrive(root, g, g)
    wanted = set(state.captures)
    while state.heap:
        n = heappop(state.heap)
        g = state.grads.pop(n[0])
        state.capture(n[0], g)
        wanted.discard(n[0])
        if not through and n[0] in state.captures:
            continue
        if not into_leaves and not wanted:
            break  # what waits is older than all that was asked for, and so leads to none of it
        state.visit(n, g, retain)
    state.finish()
    return state.found


class _Sweep:
    """One general backward pass."""

    def __init__(self, create_graph: bool, captures: dict[int, list[int]], into_leaves: bool) -> None:
        self.create_graph, self.captures, self.into_leaves = create_graph, captures, into_leaves
        self.through = True
        self.traced = onlooker()
        self.grads: dict[int, Any] = {}
        self.heap: list[list[Any]] = []
        self.found: dict[int, Any] = {}
        self.late: dict[Leaf, Any] = {}  # of leaves with hooks, which are to see the whole gradient

    def arrive(self, m: Any, g: Any, incoming: Any) -> None:
        if m.__class__ is list:
            k = m[0]
            if k in self.grads:
                self.grads[k] = plus(self.grads[k], g)
            else:
                self.grads[k] = g
                heappush(self.heap, m)
            return
        if self.into_leaves:
            accumulate(m, g, incoming, self.late)
        elif id(m) in self.captures:
            if m.hooks and self.through:
                self.late[m] = plus(self.late[m], g) if m in self.late else g
            else:
                self.capture(id(m), g)

    def finish(self) -> None:
        """Run the hooks of leaves, and hand on what they leave."""
        if self.into_leaves:
            deliver(self.late)
            return
        for leaf, g in self.late.items():
            self.capture(id(leaf), run_hooks(leaf.hooks or {}, g))

    def capture(self, key: int, g: Any) -> None:
        positions = self.captures.get(key)
        if positions is None:
            return
        g = np.asarray(g) if isinstance(g, np.generic) else g
        for i in positions:
            self.found[i] = plus(self.found[i], g) if i in self.found else g

    def visit(self, n: list[Any], g: Any, retain: bool) -> None:
        backward = n[1]
        try:
            if self.create_graph:
                r = backward.on_tensors(n, g)
            else:
                r = backward(n, g) if self.traced is None else self.traced.backward(n, g)
        except ValueError as e:
            if len(n) == 3 and "to unpack" in str(e):
                raise freed() from None
            raise
        except RuntimeError as e:
            if n[0] in made_at:
                e.add_note(f"{n[1].__name__}: its forward ran at {made_at[n[0]]}")
            raise
        if mode.anomaly_on():
            _check_nan(n, r)
        inputs = n[2]
        if not retain and n[1] not in lasting:
            del n[3:]
        if inputs.__class__ is not tuple:
            inputs, r = (inputs,), (r,)
        for m, gm in zip(inputs, r):
            if m is not None and gm is not None:
                self.arrive(m, gm, g)


def _check_nan(n: list[Any], grads: Any) -> None:
    """Anomaly mode: a nan in a cotangent is an error naming the op that made it."""
    if mode.anomaly_on() < 2:
        return
    for i, g in enumerate(grads if grads.__class__ is tuple else (grads,)):
        array = getattr(g, "_a", g)
        if isinstance(array, ndarray) and array.dtype.kind in "fc" and np.isnan(array).any():
            where = made_at.get(n[0])
            told = f"; its forward ran at {where}" if where else ""
            raise RuntimeError(f"Function '{n[1].__name__}' returned nan values in its {i}th output{told}")


made_at: dict[int, str] = {}  # anomaly mode: node number -> the user's line that made it
