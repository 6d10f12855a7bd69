"""GradScaler: losses scaled up, so that small gradients do not underflow in half types, and gradients down.

The scale grows while steps succeed, and shrinks when a gradient overflows; that step is then skipped
(Micikevicius et al. 2018, section 3.2).
"""

from __future__ import annotations

import math
import warnings
from collections import defaultdict
from collections.abc import Iterable
from enum import Enum
from typing import Any

from ..arrays.tracing import EAGER
from ..autograd.mode import no_grad
from ..creation import full
from ..dtypes import float16, float32, float64, int32
from ..kernels import native
from ..kernels.updates import squares
from ..nn.utils.clip_grad import scale_at_once
from ..ops.declare import registry
from ..tensor import Tensor, function_of


class OptState(Enum):
    """How far an optimizer is since the last `update`."""

    READY = 0
    UNSCALED = 1
    STEPPED = 2


def _fresh_state() -> dict[str, Any]:
    return {"stage": OptState.READY, "found_inf_per_device": {}}


class GradScaler:
    """Scales losses and unscales gradients, and skips a step whose gradients are not finite.

    scaler.scale(loss).backward(); scaler.step(optimizer); scaler.update(). The scale is `init_scale` at
    first; `update` multiplies it by `growth_factor` after `growth_interval` steps in a row, and by
    `backoff_factor` after one that was skipped. Not `enabled`, or for "cuda", of which there is none: it
    passes everything on. Raises AssertionError for factors that do not grow, or do not back off.
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if device == "cuda" and enabled:
            warnings.warn(
                "torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  Disabling.", stacklevel=2
            )
        self._device, self._enabled = device, enabled and device != "cuda"
        if not self._enabled:
            return
        if growth_factor <= 1.0:
            raise AssertionError("The growth factor must be > 1.0.")
        if backoff_factor >= 1.0:
            raise AssertionError("The backoff factor must be < 1.0.")
        self._init_scale, self._init_growth_tracker = init_scale, 0
        self._scale: Tensor | None = None
        self._growth_tracker: Tensor | None = None  # steps in a row that were not skipped
        self._growth_factor, self._backoff_factor = growth_factor, backoff_factor
        self._growth_interval = growth_interval
        self._per_optimizer_states: dict[int, dict[str, Any]] = defaultdict(_fresh_state)

    # -- a step -------------------------------------------------------------------------------------

    def scale(self, outputs: Any) -> Any:
        """A tensor, or tensors in lists and other iterables, times the scale.

        Raises ValueError for anything else.
        """
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return outputs * self._started(outputs)
        if isinstance(outputs, Iterable):
            scaled = map(self.scale, outputs)
            return type(outputs)(scaled) if isinstance(outputs, list | tuple) else scaled
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def _started(self, outputs: Tensor) -> Tensor:
        if self._scale is None:
            self._scale = full((), self._init_scale, dtype=float32, device=outputs.device)
            tracker = self._init_growth_tracker
            self._growth_tracker = full((), tracker, dtype=int32, device=outputs.device)
        return self._scale

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of an optimizer's parameters by the scale, for who looks at them before the
        step (to clip them). Once for each optimizer between updates.

        Raises RuntimeError for a second time, ValueError for float16 gradients, AssertionError before
        anything was scaled.
        """
        if not self._enabled:
            return
        scale, _ = self._of_scaling("unscale_")
        state = self._per_optimizer_states[id(optimizer)]
        if state["stage"] is OptState.UNSCALED:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        if state["stage"] is OptState.STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        state["found_inf_per_device"] = _unscale(optimizer, scale)
        state["stage"] = OptState.UNSCALED

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """optimizer.step(*args, **kwargs) with unscaled gradients, and what it returns; None if it was
        skipped, because a gradient is inf or nan.

        Raises RuntimeError for a closure, and for a second step before `update`; AssertionError before
        anything was scaled, or where no parameter has a gradient.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        self._of_scaling("step")
        state = self._per_optimizer_states[id(optimizer)]
        if state["stage"] is OptState.STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if state["stage"] is OptState.READY:
            self.unscale_(optimizer)
        found = state["found_inf_per_device"]
        if not found:
            raise AssertionError("No inf checks were recorded for this optimizer.")
        skipped = sum(v.item() for v in found.values())
        result = None if skipped else optimizer.step(*args, **kwargs)
        state["stage"] = OptState.STEPPED
        return result

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Let the scale grow or shrink after the steps of an iteration, or set it to `new_scale`.

        Raises AssertionError before any step, and for a `new_scale` that is neither a float nor one element
        without requires_grad.
        """
        if not self._enabled:
            return
        scale, tracker = self._of_scaling("update")
        if new_scale is None:
            self._grow_or_shrink(scale, tracker)
        elif isinstance(new_scale, float):
            scale.fill_(new_scale)
        else:
            scale.copy_(_one_element(new_scale, self._device))
        self._per_optimizer_states = defaultdict(_fresh_state)

    def _grow_or_shrink(self, scale: Tensor, tracker: Tensor) -> None:
        states = self._per_optimizer_states.values()
        found = [v.item() for state in states for v in state["found_inf_per_device"].values()]
        if not found:
            raise AssertionError("No inf checks were recorded prior to update.")
        if any(found):
            scale.mul_(self._backoff_factor)
            tracker.zero_()
        elif int(tracker.item()) + 1 < self._growth_interval:
            tracker.add_(1)
        else:
            grown = scale * self._growth_factor
            if grown.isfinite().item():
                scale.copy_(grown)
            tracker.zero_()

    def _of_scaling(self, name: str) -> tuple[Tensor, Tensor]:
        """The scale and the steps in a row. Raises AssertionError before anything was scaled."""
        if self._scale is None or self._growth_tracker is None:
            raise AssertionError(
                f"Attempted {name} but _scale is None.  This may indicate your script did not use "
                "scaler.scale(loss or outputs) earlier in the iteration."
            )
        return self._scale, self._growth_tracker

    # -- settings -----------------------------------------------------------------------------------

    def get_scale(self) -> float:
        """The scale now; 1 if not enabled."""
        if not self._enabled:
            return 1.0
        return self._init_scale if self._scale is None else self._scale.item()

    def get_growth_factor(self) -> float:
        """What the scale is multiplied by when it grows."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Set what the scale is multiplied by when it grows."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """What the scale is multiplied by when it shrinks."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Set what the scale is multiplied by when it shrinks."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """How many steps in a row make the scale grow."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Set how many steps in a row make the scale grow."""
        self._growth_interval = new_interval

    def _get_growth_tracker(self) -> int:
        if not self._enabled:
            return 0
        return self._init_growth_tracker if self._growth_tracker is None else int(self._growth_tracker.item())

    def is_enabled(self) -> bool:
        """Whether it scales at all."""
        return self._enabled

    # -- checkpoints --------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """The scale, its settings and the steps in a row, as PyTorch names them; {} if not enabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self.get_scale(),
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._get_growth_tracker(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave. Raises RuntimeError for the state of one that was not enabled."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled instance of "
                "GradScaler."
            )
        self._init_scale = state_dict["scale"]
        self._init_growth_tracker = state_dict["_growth_tracker"]
        self._growth_factor, self._backoff_factor = state_dict["growth_factor"], state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        if self._scale is not None and self._growth_tracker is not None:
            self._scale.fill_(self._init_scale)
            self._growth_tracker.fill_(self._init_growth_tracker)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        if self._enabled:
            if self._per_optimizer_states:
                raise AssertionError(
                    "A GradScaler instance may only be pickled at the beginning of an iteration, or at the "
                    "end after scaler.update()."
                )
            state["_init_scale"], state["_init_growth_tracker"] = self.get_scale(), self._get_growth_tracker()
            state["_scale"] = state["_growth_tracker"] = None
        return state


def _one_element(new_scale: Any, device: str) -> Tensor:
    fits = isinstance(new_scale, Tensor) and new_scale.device.type == device and new_scale.numel() == 1
    if not fits or new_scale.requires_grad:
        raise AssertionError(
            "new_scale should be a float or a 1-element torch.cuda.FloatTensor or torch.FloatTensor with "
            "requires_grad=False."
        )
    return new_scale.reshape(())


# -- the gradients ---------------------------------------------------------------------------------------


@no_grad()
def _unscale(optimizer: Any, scale: Tensor) -> dict[Any, Tensor]:
    """Divide all gradients by the scale; whether one is not finite, as 1 or 0 for each device."""
    by_kind: dict[Any, list[Tensor]] = {}
    for group in optimizer.param_groups:
        for p in group["params"]:
            if p.grad is not None:
                by_kind.setdefault((p.grad.device, p.grad.dtype), []).append(p.grad)
    if any(kind is float16 for _, kind in by_kind):
        raise ValueError("Attempting to unscale FP16 gradients.")
    found: dict[Any, Tensor] = {}
    for (device, _), grads in by_kind.items():
        bad = 0.0 if _all_finite(grads) else 1.0
        bad += found[device].item() if device in found else 0.0
        found[device] = full((), min(bad, 1.0), dtype=float32, device=device)
        _multiply(grads, scale.to(float64).reciprocal().to(float32))
    return found


def _all_finite(grads: list[Tensor]) -> bool:
    """Whether all numbers are: the sum of their squares tells of many in one call. That of float32 numbers,
    taken in float64, cannot overflow; where that of others did, they are looked at.
    """
    total = squares(tuple([g._a for g in grads])) if native.on() and EAGER else None
    if total is not None and (math.isfinite(total) or grads[0].dtype is float32):
        return math.isfinite(total)
    isfinite = function_of(registry["isfinite"])
    return all(bool(isfinite(g).all()) for g in grads)


def _multiply(grads: list[Tensor], factor: Tensor) -> None:
    if not (EAGER and scale_at_once(grads, float(factor))):
        for g in grads:
            g.mul_(factor)
