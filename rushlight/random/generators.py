"""Generators of random numbers, the default one, and its state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ..arrays import generator as engine
from ..device import CPU, resolve
from ..tensor import Tensor, wrap

_Engine = engine.Generator


class Generator(_Engine):
    """A stream of random numbers of its own: `torch.Generator().manual_seed(0)`, given to `generator=`."""

    def __init__(self, device: Any = "cpu") -> None:
        super().__init__(str(resolve(device)))
        self.device = CPU

    def get_state(self) -> Tensor:
        """The whole state as 5056 bytes (uint8), in PyTorch's layout."""
        return wrap(super().get_state())

    def set_state(self, new_state: Tensor) -> Generator:
        """Continue from a state that get_state() returned, here or in PyTorch."""
        if not isinstance(new_state, Tensor):
            raise TypeError(f"set_state: expected a torch.ByteTensor, but got {type(new_state).__name__}")
        super().set_state(new_state._a)
        return self

    graphsafe_get_state = _Engine.clone_state

    def graphsafe_set_state(self, state: Generator) -> Generator:
        """Continue from the present state of another generator."""
        return self.set_state(state.get_state())

    def get_offset(self) -> int:
        """Raise RuntimeError: only CUDA generators count an offset."""
        raise RuntimeError("get_offset: CPU Generator does not use offset; get_state() tells where it stands")

    def set_offset(self, offset: int) -> Generator:
        """Raise RuntimeError: only CUDA generators count an offset."""
        raise RuntimeError("set_offset: CPU Generator does not use offset; set_state() moves it")

    def __repr__(self) -> str:
        return f"<torch.Generator on {self.device}, initial seed {self.initial_seed()}>"


# The ops of rushlight/ops draw from the engine's default generator: that one object gets the class users see.
default_generator: Generator = engine.default_generator  # pyright: ignore[reportAssignmentType]
default_generator.__class__ = Generator
default_generator.device = CPU


def stream(generator: Any) -> Generator:
    """The generator to draw from: the one given, or the default one."""
    if generator is None:
        return default_generator
    if not isinstance(generator, _Engine):
        raise TypeError(f"generator: expected a torch.Generator, but got {type(generator).__name__}")
    return generator  # pyright: ignore[reportReturnType]


def manual_seed(seed: Any) -> Generator:
    """Start the default generator's stream of `seed`, -2**63 <= seed < 2**64. Returns that generator."""
    return default_generator.manual_seed(int(seed))  # pyright: ignore[reportReturnType]


def seed() -> int:
    """Seed the default generator from the operating system's entropy. Returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the default generator was started from."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The default generator's state, 5056 bytes."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Let the default generator continue from a state that get_rng_state() returned."""
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(
    devices: Iterable[Any] | None = None,
    enabled: bool = True,
    _caller: str = "fork_rng",
    _devices_kw: str = "devices",
    device_type: str | None = None,
) -> Iterator[None]:
    """Within the block random numbers go their own way; after it the default generator is as before."""
    if not enabled:
        yield
        return
    before = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(before)
