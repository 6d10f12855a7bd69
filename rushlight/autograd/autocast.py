"""Autocast: which ops compute in a lower precision while a region is open, and the casts before them.

Only the ops listed here look: their functions ask `REGIONS`, which is empty while no thread has a region
open, and calls in machine code are sent to those functions as long as it is not (`diverted`). All other ops
know nothing of regions. The lists are those of PyTorch's CPU autocast (aten/src/ATen/autocast_mode.h).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

import rushlight.dtypes as dtypes

from ..ops.declare import Op
from .engine import Leaf, binding
from .mode import grad_on
from .signatures import by_name

LOWER, FULL, WIDEST, AS_GIVEN = "lower", "full", "widest", "as given"

_LOWER = """
    addbmm addmm baddbmm bmm linear matmul mm prelu scaled_dot_product_attention vecdot
    conv1d conv2d conv3d contract conv_transpose1d conv_transpose2d conv_transpose3d
    lstm rnn_tanh rnn_relu rnn_tanh_cell rnn_relu_cell
"""
_FULL = """
    adaptive_avg_pool3d adaptive_max_pool3d avg_pool3d max_pool3d max_unpool2d max_unpool3d
    pad_by grid_sample
    binary_cross_entropy binary_cross_entropy_with_logits cosine_embedding_loss cross_entropy ctc_loss
    hinge_embedding_loss huber_loss kl_div l1_loss margin_ranking_loss mse_loss multi_margin_loss
    multilabel_margin_loss nll_loss poisson_nll_loss smooth_l1_loss soft_margin_loss triplet_margin_loss
    cdist prod quantile nanquantile trace view_as_complex
    fft fft2 fftn hfft ifft ifft2 ifftn ihfft irfft irfft2 irfftn rfft rfft2 rfftn
    cholesky cholesky_inverse cholesky_solve cond geqrf inverse lu_solve matrix_rank orgqr ormqr pinverse qr
    svd triangular_solve eigvals eigvalsh svdvals tensorinv tensorsolve linalg_cholesky linalg_cholesky_ex
    linalg_eig linalg_eigh linalg_inv_ex linalg_lstsq linalg_qr linalg_solve linalg_svd
"""
#: the policy of each listed op: its floating inputs are cast to the region's dtype, to float32, or to the
#: widest among them; or nothing is, nor within it
POLICIES = {
    **dict.fromkeys(_LOWER.split(), LOWER),
    **dict.fromkeys(_FULL.split(), FULL),
    **dict.fromkeys(("cat", "stack", "index_copy"), WIDEST),
    "bilinear": AS_GIVEN,
}

#: one entry for each thread with a region open: what generated functions ask first
REGIONS: list[bool] = []

_FLOAT32 = dtypes.float32.np
_FLOAT64 = dtypes.float64.np
_lock = threading.Lock()
_diverted: list[Callable[[bool], None]] = []


class State(NamedTuple):
    """What a region sets on the CPU."""

    enabled: bool
    dtype: Any
    cached: bool


class _Region(threading.local):
    """The autocast state of a thread."""

    on = False  # whether ops are cast now: not so within one that has cast its inputs
    state = State(False, dtypes.bfloat16, True)
    nesting = 0

    def __init__(self) -> None:
        self.cache: dict[Any, _Cached] = {}  # by id, dtype and grad mode
        self.others = {"cuda": State(False, dtypes.float16, True)}  # devices there are none of


class _Cached(NamedTuple):
    """A parameter that was cast, as it was then, and what it was cast to."""

    leaf: Any
    array: Any
    version: int
    cast: Any


region = _Region()


def autocast_state() -> State:
    """The state of this thread for the CPU."""
    return region.state


def set_state(new: State) -> None:
    """Have the ops of this thread cast as `new` says."""
    old, region.state, region.on = region.state, new, new.enabled
    if old.enabled is not new.enabled:
        with _lock:
            (REGIONS.append if new.enabled else REGIONS.remove)(True)
            for divert in _diverted:
                divert(bool(REGIONS))


def divert_with_regions(divert: Callable[[bool], None]) -> None:
    """Have `divert(open)` called whenever there comes to be a region, or none; and now."""
    with _lock:
        _diverted.append(divert)
        divert(bool(REGIONS))


@contextmanager
def in_state(state: State) -> Iterator[None]:
    """A region like the one in which `state` was taken, with casts of its own: what runs a function again
    must meet the same casts in the same places of the graph.
    """
    old = region.state
    set_state(state)
    try:
        with own_casts():
            yield
    finally:
        set_state(old)


@contextmanager
def own_casts() -> Iterator[None]:
    """Use no parameter that was cast outside, and let none out that is cast here: graphs keep apart."""
    held, region.cache = region.cache, {}
    try:
        yield
    finally:
        region.cache = held


# -- casts ---------------------------------------------------------------------------------------------


def recast(policy: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of an op, with tensors (and those in lists) cast as its policy says."""
    if policy == AS_GIVEN:
        return values
    if policy == WIDEST:
        to = _widest([t for v in values for t in _tensors(v)])
    else:
        to = _FLOAT32 if policy == FULL else region.state.dtype.np
    return tuple([_cast_all(v, to) for v in values])


def _tensors(value: Any) -> Sequence[Any]:
    if isinstance(value, binding.tensor):
        return (value,)
    return [v for v in value if isinstance(v, binding.tensor)] if value.__class__ in (list, tuple) else ()


def _widest(tensors: Sequence[Any]) -> np.dtype:
    """float32 if a tensor has it, else the region's dtype. Raises RuntimeError for another half type."""
    lower, found = region.state.dtype.np, {t._a.dtype for t in tensors if _is_eligible(t)}
    others = found - {lower, _FLOAT32}
    if others:
        raise RuntimeError(
            "Unexpected floating ScalarType in at::autocast::prioritize: "
            f"{', '.join(str(dtypes.OF_NUMPY[d]) for d in others)} in a region of {region.state.dtype}; cast "
            "the tensor first"
        )
    return _FLOAT32 if _FLOAT32 in found else lower


def _is_eligible(t: Any) -> bool:
    """Whether a tensor is cast at all: of a floating type up to float32, on the CPU."""
    d = t._a.dtype
    return (d.kind == "f" or d.kind == "V") and d is not _FLOAT64 and dtypes.OF_NUMPY[d].is_floating_point


def _cast_all(value: Any, to: np.dtype) -> Any:
    if isinstance(value, binding.tensor):
        cast = value._a.dtype is not to and _is_eligible(value) and value.is_cpu
        return _cast(value, to) if cast else value
    if value.__class__ is list or value.__class__ is tuple:
        return value.__class__([_cast_all(v, to) for v in value])
    return value


def _cast(t: Any, to: np.dtype) -> Any:
    """t in another dtype, recorded. A parameter is cast once in a region, as long as nobody changes it."""
    kept = t._n.__class__ is Leaf and t._v is None and t._a.dtype is _FLOAT32
    if not (kept and to is region.state.dtype.np and region.state.cached):
        return t.to(dtypes.OF_NUMPY[to])
    key, version = (id(t), to, grad_on()), 0 if t._b is None else t._b[0]
    found = region.cache.get(key)
    if found is None or found.array is not t._a or found.version != version:
        found = region.cache[key] = _Cached(t, t._a, version, t.to(dtypes.OF_NUMPY[to]))
    return found.cast


# -- text of generated functions -------------------------------------------------------------------------

#: what else must hold of the arguments, where PyTorch has several ops for one of ours
_WHERE = {
    "pad_by": "(mode == 'replicate' or mode == 'reflect' and len(pads) < 3)",
    "contract": "any(k in ys and k not in zs for k in xs)",
}


def autocast_text(op: Op) -> str:
    """Statements in front of a listed op's function: it is called again with its arguments cast, as a whole:
    the ops it is made of are not cast. With `out=` nothing is, as in PyTorch.
    """
    policy = POLICIES.get(op.name)
    if policy is None:
        return ""
    guards = [_WHERE[op.name]] if op.name in _WHERE else []
    guards += ["out is None"] if "o" in op.forms else []
    return _RECAST.format(
        name=op.name,
        policy=policy,
        guards="".join(f" and {g}" for g in guards),
        values=", ".join(op.signature.parameters),
        call=by_name(op),
    )


_RECAST = """\
    if REGIONS and region.on{guards}:
        {values}, = recast({policy!r}, ({values},))
        region.on = False
        try: return call_{name}({call})
        finally: region.on = True"""
