"""Compiled functions whose numbers do not depend on when they were compiled.

The call that `compile` captures runs op by op, the later ones as a plan: they round differently, and draw
other random numbers. A training that is taken up again captures at another step than one that ran through,
and would go another way. So here a call that made a plan is undone, and made once more, by that plan.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.mode import no_grad
from ..compiler.compiled import Compiled
from ..errors import advise
from ..nn import Module
from ..optim import Optimizer
from ..random import get_rng_state, set_rng_state
from ..tensor import Tensor


class Exact(Compiled):
    """f, compiled. `keep()` notes all that f may change, and returns what puts it back."""

    def __init__(self, f: Callable[..., Any], keep: Callable[[], Callable[[], None]]) -> None:
        super().__init__(f)
        self.keep, self.again = keep, False

    def _captured(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], structure: Any, sizes: Any = None
    ) -> Any:
        if self.again:  # the plan just made does not fit the very call it was made of
            return self.f(*args, **kwargs)
        put_back, plans = self.keep(), list(self.plans)
        result = super()._captured(args, kwargs, structure, sizes)
        if self.suspected:  # of drawing from generators that are not ours: once more, looked at closely
            put_back()
            result = super()._captured(args, kwargs, structure, sizes)
        if self.split is not None:
            self._run_uncompiled()
        if self.given_up or self.plans[:1] == plans[:1]:  # no plan: or the call made state
            return result
        put_back()
        self.again = True
        try:
            return self(*args, **kwargs)
        finally:
            self.again = False

    def _run_uncompiled(self) -> None:
        """Have no plans. Parts of a split function are captured one by one, at calls that are not undone."""
        self.split, self.given_up = None, True
        self.plans.clear()
        advise(
            "train.uncompiled",
            "the model or the loss looks at numbers in Python (.item(), if tensor, print), or leaves values "
            "there, so the Trainer runs uncompiled; RUSHLIGHT_LOG=breaks names the lines, compile=False says "
            "that it is meant",
        )

    def state_dict(self) -> dict[str, Any]:
        """What later calls depend on besides their arguments."""
        return {"given_up": self.given_up, "recompiled": self.recompiled}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the state of another process."""
        self.given_up, self.recompiled = state["given_up"], state["recompiled"]


@no_grad()
def kept(model: Module, optimizer: Optimizer | None = None) -> Callable[[], None]:
    """Note parameters, buffers, tensors in attributes of modules, gradients, the optimizer's state and all
    generators; returns what puts them back, numbers into the same memory.
    """
    places = [place for m in model.modules() for place in (vars(m), m._buffers)]
    attributes = [(place, dict(place)) for place in places]
    tensors = [v for _, old in attributes for v in old.values() if isinstance(v, Tensor)]
    tensors += model.parameters()
    groups = [] if optimizer is None else optimizer.param_groups
    tensors += [p for group in groups for p in group["params"]]
    values = [(t, t.detach().clone()) for t in {id(t): t for t in tensors}.values()]
    grads = [(t, t.grad, None if t.grad is None else t.grad.detach().clone()) for t in tensors if t.is_leaf]
    live: Any = {} if optimizer is None else optimizer.state
    states = {p: _copied(state) for p, state in live.items()}
    generators = random_states()

    @no_grad()
    def put_back() -> None:
        for place, old in attributes:
            _names_restored(place, old)
        for t, value in values:
            t.copy_(value)
        for t, grad, value in grads:
            t.grad = grad if value is None else grad.copy_(value)
        for group in groups:
            for p in group["params"]:
                if p in live:
                    _restored(live[p], states.get(p) or _first(optimizer, p, group))
        set_random_states(generators)

    return put_back


def _names_restored(place: dict[str, Any], old: dict[str, Any]) -> None:
    """Have names mean what they meant, where they are or were those of tensors."""
    for name, value in list(place.items()):
        before = old.get(name)
        if value is not before and (isinstance(value, Tensor) or isinstance(before, Tensor)):
            if name in old:
                place[name] = before
            else:
                del place[name]


def _copied(state: dict[str, Any]) -> dict[str, Any]:
    return {k: v.detach().clone() if isinstance(v, Tensor) else v for k, v in state.items()}


def _first(optimizer: Any, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
    """The state before the first step, of a parameter whose first step was the one to undo."""
    state: dict[str, Any] = {}
    optimizer.start(p, state, group)
    return state


def _restored(state: dict[str, Any], values: dict[str, Any]) -> None:
    for k, v in values.items():
        if isinstance(v, Tensor):
            state[k].copy_(v)
        else:
            state[k] = v


# -- generators ------------------------------------------------------------------------------------------


def random_states() -> dict[str, Any]:
    """Where the generators of Rushlight, NumPy and Python stand, in numbers and arrays only."""
    name, words, position, has_gauss, gauss = np.random.get_state(legacy=True)
    version, integers, pending = random.getstate()
    return {
        "default": get_rng_state(),
        "numpy": (str(name), np.asarray(words), int(position), int(has_gauss), float(gauss)),
        "python": (version, np.array(integers, np.int64), pending),
    }


def set_random_states(states: dict[str, Any]) -> None:
    """Set the generators as noted by `random_states`."""
    set_rng_state(states["default"])
    np.random.set_state(states["numpy"])
    version, integers, pending = states["python"]
    random.setstate((version, tuple(map(int, integers)), pending))
