"""Where a DataLoader stands: its place in the epoch and its generators, as something to save and to go back
to.

An epoch is a function of the states its generators began with. So a place in it is those states and a count
of batches: to go back, the draws of the beginning are made again and that many lists of indices are skipped.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..arrays.generator import Generator, default_generator
from ..tensor import Tensor, from_numpy

States = list[np.ndarray]


@dataclass
class Progress:
    """One epoch: what its draws began with, and how many batches it has handed out."""

    base_seed: int = 0
    drew_seed: bool = True  # an epoch that goes on with workers it has does not draw a base seed
    states: States = field(default_factory=list)
    yielded: int = 0
    finished: bool = False


def generators(loader: Any) -> list[Generator]:
    """What an epoch draws from: the loader's generator (or the default one) first, then those of
    its samplers.
    """
    found = [loader.generator or default_generator]
    for sampler in (loader.sampler, loader.batch_sampler, getattr(loader.batch_sampler, "sampler", None)):
        own = getattr(sampler, "generator", None)
        if isinstance(own, Generator) and all(own is not known for known in found):
            found.append(own)
    return found


def read_states(loader: Any) -> States:
    """The present states of the loader's generators."""
    return [Generator.get_state(generator) for generator in generators(loader)]


def write_states(loader: Any, states: States) -> None:
    """Set the loader's generators to these states."""
    for generator, state in zip(generators(loader), states, strict=True):
        Generator.set_state(generator, state)


def pack(loader: Any, progress: Progress | None) -> dict[str, Any]:
    """The state_dict of a loader: numbers and tensors only, so that `save` and `load` take it."""
    state: dict[str, Any] = {"generators": [from_numpy(s) for s in read_states(loader)], "epoch": None}
    if progress is not None and not progress.finished:
        state["epoch"] = {
            "base_seed": progress.base_seed,
            "drew_seed": progress.drew_seed,
            "generators": [from_numpy(s) for s in progress.states],
            "yielded": progress.yielded,
        }
    return state


def unpack(loader: Any, state: dict[str, Any]) -> Progress | None:
    """Set the generators as saved; the epoch to go on with, if the state is from the middle of one."""
    count = len(generators(loader))
    if not isinstance(state, dict) or not {"generators", "epoch"} <= set(state):
        raise ValueError("DataLoader.load_state_dict: expected what DataLoader.state_dict() returned")
    if len(state["generators"]) != count:
        raise ValueError(
            f"DataLoader.load_state_dict: the state is of a loader with {len(state['generators'])} "
            "generators, this "
            f"one has {count}; make it with the same sampler and generator arguments"
        )
    write_states(loader, _arrays(state["generators"]))
    epoch = state["epoch"]
    if epoch is None:
        return None
    return Progress(epoch["base_seed"], epoch["drew_seed"], _arrays(epoch["generators"]), epoch["yielded"])


def _arrays(tensors: list[Tensor]) -> States:
    return [tensor.numpy() for tensor in tensors]
