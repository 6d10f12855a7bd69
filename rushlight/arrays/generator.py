"""The random generator: torch's CPU engine (mt19937), its seeding and its 5056-byte state, on NumPy.

Source: Matsumoto and Nishimura, "Mersenne Twister" (1998). NumPy ships the same engine, so the raw words
come from `np.random.MT19937`; what is torch's own is how a seed, the words and the state are laid out.
"""

from __future__ import annotations

import os
from contextvars import ContextVar
from typing import Any

import numpy as np

DEFAULT_SEED = 67280421310721
_WORDS = 624  # 32-bit words in the state of mt19937

# torch stores the state as a C struct of an older generation: words widened to 64 bits, unused fields kept.
_LAYOUT = np.dtype(
    {
        "names": "seed left seeded next words normal has_normal normal32 has_normal32".split(),
        "formats": ["<u8", "<i4", "<i4", "<u8", ("<u8", (_WORDS,)), "<f8", "<i4", "<f4", "u1"],
        "offsets": [0, 8, 12, 16, 24, 5024, 5040, 5048, 5052],
        "itemsize": 5056,
    }
)


#: what drawing means inside the innermost running vmap: "error", "same", "different"; None outside
randomness: ContextVar[str | None] = ContextVar("vmap_randomness", default=None)


class Generator:
    """A stream of random words, equal word for word to `torch.Generator` on the CPU."""

    def __init__(self, device: str = "cpu") -> None:
        if str(device) != "cpu":
            raise RuntimeError(f"Generator: no generator for device {str(device)!r}; this one draws on 'cpu'")
        self.device: Any = device
        self._engine: Any = None
        self._reset(DEFAULT_SEED)

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of `seed`, -2**63 <= seed < 2**64; a negative one counts from 2**64."""
        if isinstance(seed, (bool, np.bool_)) or not isinstance(seed, (int, np.integer)):
            given = type(seed).__name__
            raise RuntimeError(f"manual_seed expected a long, but got {given}; give a Python int")
        if not -(2**63) <= seed < 2**64:
            raise ValueError(f"Overflow: manual_seed got {seed}; a seed lies in [-2**63, 2**64)")
        self._reset(int(seed) % 2**64)
        return self

    def seed(self) -> int:
        """Seed from the operating system's entropy, and return that seed."""
        self._reset(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """Return the seed the stream was started from."""
        return self._seed

    def _reset(self, seed: int) -> None:
        self._seed = seed
        self._fresh = True  # seeded, and no word drawn yet: torch's state tells this from "block used up"
        self.next_normal: float | None = None  # the second half of the last Box-Muller pair
        self._next_normal32: float | None = None  # never set by a CPU draw; kept so that a state round-trips
        if self._engine is not None:
            self._start_engine()

    def _start_engine(self) -> Any:
        # numpy.random is imported at the first draw, for a light `import rushlight`.
        # RandomState.seed is Knuth's initialisation (`init_genrand`), frozen by NumPy; it takes the low word.
        import numpy.random

        if self._engine is None:
            self._engine = numpy.random.MT19937(0)
        numpy.random.RandomState(self._engine).seed(self._seed & 0xFFFFFFFF)
        return self._engine

    def _raw(self, n: int) -> np.ndarray:
        if randomness.get() == "error":
            raise RuntimeError(
                "vmap: called random operation while in randomness "
                "error mode. Please either use the 'same' or "
                "'different' randomness flags on vmap or perform the randomness operation outside of vmap"
            )
        engine = self._engine if self._engine is not None else self._start_engine()
        self._fresh = self._fresh and n == 0
        return engine.random_raw(n)

    def random32(self, n: int) -> np.ndarray:
        """Draw the next n words as uint32."""
        return self._raw(n).astype(np.uint32)

    def random64(self, n: int) -> np.ndarray:
        """Draw the next 2n words as n uint64; of each pair the first word is the high half."""
        words = self._raw(2 * n)
        high = words[0::2] << np.uint64(32)
        high |= words[1::2]
        return high

    def get_state(self) -> np.ndarray:
        """Return the whole state as 5056 uint8, in torch's layout."""
        engine = self._engine if self._engine is not None else self._start_engine()
        inner = engine.state["state"]
        used = inner["pos"]  # words used of the present block of 624
        state = np.zeros((), _LAYOUT)
        state["seed"], state["seeded"], state["words"] = self._seed, 1, inner["key"]
        state["left"] = _WORDS + 1 - used
        state["next"] = 0 if self._fresh else used
        for name, value in (("normal", self.next_normal), ("normal32", self._next_normal32)):
            state[name], state["has_" + name] = value or 0.0, value is not None
        return np.frombuffer(state.tobytes(), np.uint8).copy()

    def set_state(self, state: np.ndarray) -> Generator:
        """Continue from a state that `get_state`, or torch's, returned: 5056 uint8."""
        fields = _read_state(state)
        left, after = int(fields["left"]), int(fields["next"])
        engine = self._engine if self._engine is not None else self._start_engine()
        words = fields["words"].astype(np.uint32)
        engine.state = {
            "bit_generator": "MT19937",
            "state": {"key": words, "pos": _WORDS if left == 1 else after},
        }
        self._seed, self._fresh = int(fields["seed"]), left == 1 and after == 0
        self.next_normal = float(fields["normal"]) if fields["has_normal"] else None
        self._next_normal32 = float(fields["normal32"]) if fields["has_normal32"] else None
        return self

    def clone_state(self) -> Generator:
        """Return a new generator that continues from the same state, independent of this one."""
        return type(self)(self.device).set_state(self.get_state())

    def __getstate__(self) -> dict[str, Any]:
        return {"device": self.device, "state": self.get_state()}

    def __setstate__(self, saved: dict[str, Any]) -> None:
        self.device, self._engine = saved["device"], None
        self._reset(DEFAULT_SEED)
        self.set_state(saved["state"])


def _read_state(state: np.ndarray) -> np.ndarray:
    if not isinstance(state, np.ndarray) or state.dtype != np.uint8:
        given = state.dtype if isinstance(state, np.ndarray) else type(state).__name__
        raise TypeError(f"set_state: the state must be 5056 values of uint8, but got {given}")
    if state.size != _LAYOUT.itemsize:
        raise RuntimeError(f"set_state: Expected a state of size {_LAYOUT.itemsize} but found {state.size}")
    fields = np.frombuffer(state.tobytes(), _LAYOUT)[0]
    if not (fields["seeded"] and 0 < fields["left"] <= _WORDS and fields["next"] <= _WORDS):
        raise RuntimeError("set_state: Invalid mt19937 state; pass what get_state() returned, unchanged")
    return fields


def _nondeterministic() -> Generator:
    generator = Generator()
    generator.seed()
    return generator


# Seeded from entropy, as torch's: `torch.initial_seed()` differs from one process to the next.
default_generator = _nondeterministic()
