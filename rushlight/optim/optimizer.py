"""What all optimisers share: parameter groups, per-parameter state, steps, hooks, checkpoints."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

import rushlight.optim.forgotten as forgotten
import rushlight.optim.together as together

from ..arrays.tracing import EAGER, cleared, this_run_only
from ..autograd.mode import enable_grad, no_grad
from ..autograd.tape import RemovableHandle
from ..kernels.updates import Update
from ..tensor import Tensor

required: Any = object()


class Optimizer:
    """Base of optimisers: holds `param_groups` (dicts of params and settings)
    and `state` (a dict for each parameter).

    A subclass states its settings in `defaults` and one method, `update(param, grad, state, group)`,
    called for every parameter that has a gradient, without recording. Or it overrides `step` as in PyTorch.

    One that also states its `formula` and the `numbers` in it steps all parameters of a group in one call,
    where there is machine code; both must mean the same.
    """

    #: whether the state of every parameter holds "step", the number of its steps
    counts_steps = False

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable "
                f"of Tensors or dicts, but got {type(params).__name__}; "
                f"pass [tensor]"
            )
        self.defaults = defaults
        self.state: defaultdict[Any, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._hooks: dict[str, OrderedDict[int, Any]] = defaultdict(OrderedDict)
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(dict(group))

    # -- groups -----------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with settings of their own; missing settings are the defaults."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered "
                "collections, but the ordering of tensors in sets will change "
                "between runs. Please use a list instead."
            )
        params = [params] if isinstance(params, Tensor) else list(params)
        named = [isinstance(p, tuple) for p in params]
        if any(named):
            param_group["param_names"] = [name for name, _ in params]
            params = [p for _, p in params]
        param_group["params"] = params
        for p in params:
            _check_parameter(p)
        self._fill_defaults(param_group)
        self._check_new(params)
        self.param_groups.append(param_group)

    def _fill_defaults(self, group: dict[str, Any]) -> None:
        for name, default in self.defaults.items():
            if default is required and name not in group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter {name}"
                )
            group.setdefault(name, default)

    def _check_new(self, params: list[Tensor]) -> None:
        if len({id(p) for p in params}) != len(params):
            raise ValueError("optimizer contains a parameter group with duplicate parameters")
        known = {id(p) for group in self.param_groups for p in group["params"]}
        if any(id(p) in known for p in params):
            raise ValueError("some parameters appear in more than one parameter group")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None and set_to_none and not EAGER:
                    cleared(p._n)
                if p.grad is not None:
                    if set_to_none:
                        p.grad = None
                    else:
                        p.grad.detach_()
                        p.grad.zero_()

    # -- steps ------------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step over all parameters that have a gradient.

        `closure`, if given, computes the loss anew and is returned.
        """
        for hook in self._hooks["step_pre"].values():
            hook(self, (), {})
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        forgotten.look(self)
        with no_grad():
            for group in self.param_groups:
                self.update_group(group)
        for hook in self._hooks["step_post"].values():
            hook(self, (), {})
        return loss

    def update_group(self, group: dict[str, Any]) -> None:
        """Update every parameter of one group that has a gradient."""
        for p in together.step(self, group):
            self._update_alone(p, group)

    def _update_alone(self, p: Tensor, group: dict[str, Any]) -> None:
        """Update one parameter by its gradient."""
        state = self.state.get(p)
        if state is None:
            state = {}
        self.update(p, -p.grad if group.get("maximize", False) else p.grad, state, group)
        if state and p not in self.state:
            self.state[p] = state
            this_run_only()

    def update(self, param: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Change one parameter by its gradient."""
        raise NotImplementedError(
            f"{type(self).__name__} must define update(param, grad, state, group), or step()"
        )

    def formula(self, group: dict[str, Any]) -> Update | None:
        """What `update` does after the first step, as new values of "param" and of what the state names.

        None: it cannot be said so.
        """
        return None

    def start(self, param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> bool:
        """Make the state before the first step; whether that step is then as `formula` says."""
        return True

    def numbers(self, group: dict[str, Any], count: float) -> tuple[float, ...]:
        """The numbers of the formula at step `count` (0 where the state has no "step"), in their order."""
        raise NotImplementedError(f"{type(self).__name__} has a formula, and must define numbers")

    def __init_subclass__(cls, **options: Any) -> None:
        """A class with an `update` of its own has no formula but its own."""
        super().__init_subclass__(**options)
        if "update" in vars(cls) and "formula" not in vars(cls):
            cls.formula = Optimizer.formula  # type: ignore[method-assign]

    # -- hooks ------------------------------------------------------------------------------------

    def _register(self, kind: str, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        hooks = self._hooks[kind]
        handle = RemovableHandle(hooks)
        hooks[handle.id] = hook
        if prepend:
            hooks.move_to_end(handle.id, last=False)
        return handle

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(optimizer, args, kwargs) before each step."""
        return self._register("step_pre", hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(optimizer, args, kwargs) after each step."""
        return self._register("step_post", hook)

    def register_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call hook(optimizer) before state_dict()."""
        return self._register("state_dict_pre", hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call hook(optimizer, state_dict) after state_dict(); what it returns (if not None) replaces it."""
        return self._register("state_dict_post", hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call hook(optimizer, state_dict) before load_state_dict();
        what it returns (if not None) is loaded instead.
        """
        return self._register("load_pre", hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call hook(optimizer) after load_state_dict()."""
        return self._register("load_post", hook, prepend)

    # -- checkpoints ------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """{"state": {index: ...}, "param_groups": [...]}:
        parameters are counted through the groups, as in PyTorch's files.
        """
        for hook in self._hooks["state_dict_pre"].values():
            hook(self)
        index = {id(p): i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}
        found = {
            "state": {index[id(p)] if isinstance(p, Tensor) else p: s for p, s in self.state.items()},
            "param_groups": [
                {k: v for k, v in group.items() if k != "params"}
                | {"params": [index[id(p)] for p in group["params"]]}
                for group in self.param_groups
            ],
        }
        for hook in self._hooks["state_dict_post"].values():
            found = hook(self, found) or found
        return found

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over settings and state from `state_dict()`; the groups must have the same sizes.

        Raises ValueError if not.
        """
        state_dict = dict(state_dict)
        for hook in self._hooks["load_pre"].values():
            state_dict = hook(self, state_dict) or state_dict
        saved = deepcopy(state_dict["param_groups"])
        self._check_groups(saved)
        params = chain.from_iterable(group["params"] for group in self.param_groups)
        numbers = chain.from_iterable(group["params"] for group in saved)
        of_number = dict(zip(numbers, params, strict=True))
        self.state = defaultdict(dict)
        for key, value in state_dict["state"].items():
            p = of_number.get(key)
            self.state[key if p is None else p] = deepcopy(value) if p is None else _as_state_of(p, value)
        for group, new in zip(self.param_groups, saved, strict=True):
            new["params"] = group["params"]
        self.param_groups = saved
        for hook in self._hooks["load_post"].values():
            hook(self)

    def _check_groups(self, saved: list[dict[str, Any]]) -> None:
        if len(saved) != len(self.param_groups):
            raise ValueError(
                "loaded state dict has a different number of parameter groups: "
                f"{len(saved)} where this optimizer has {len(self.param_groups)}"
            )
        for i, (group, new) in enumerate(zip(self.param_groups, saved, strict=True)):
            if len(group["params"]) != len(new["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't "
                    f"match the size of optimizer's group: group {i} has "
                    f"{len(new['params'])} parameters there and {len(group['params'])} here"
                )

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._hooks = defaultdict(OrderedDict)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {k}: {group[k]}" for k in sorted(group) if k != "params"]
        return "\n".join([*lines, ")"])


def _check_parameter(p: Any) -> None:
    if not isinstance(p, Tensor):
        raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}")
    if p._n.__class__ is list:
        raise ValueError(
            "can't optimize a non-leaf Tensor: give the optimizer the tensor it was computed from"
        )


def _as_state_of(p: Tensor, value: Any, key: str = "") -> Any:
    """A saved state's tensors copied in the dtype of their parameter (step counts keep theirs)."""
    if isinstance(value, Tensor):
        return (
            value.detach().clone()
            if key == "step" or not p.is_floating_point()
            else value.detach().to(p.dtype, copy=True)
        )
    if isinstance(value, dict):
        return {k: _as_state_of(p, v, k) for k, v in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return type(value)(_as_state_of(p, v) for v in value)  # pyright: ignore[reportCallIssue]
    return value


def check_range(
    name: str, value: Any, low: float = 0.0, high: float = float("inf"), closed: bool = True
) -> None:
    """Raise ValueError "Invalid ..." unless low <= value < high (or <= high where that is infinite)."""
    if not (low <= value < high or value == high == float("inf")):
        raise ValueError(f"Invalid {name}: {value}")
