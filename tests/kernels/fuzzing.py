"""Random calls, and a program that makes them and keeps what came of it: `file side family:seed ...`.

The program runs with machine code or without (RUSHLIGHT_JIT=0), for any processor (RUSHLIGHT_CPU), and with
guarded memory (side: end, start), ordinary (none), or in an emulator (aarch64). It draws the same calls each
time. Before each it notes in `file`.at what it is about to do, so that it can be told after a crash.
"""

import os
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

import rushlight as torch

SIZES = (1, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 65, 100, 129)
LARGE = (255, 1000, 2049, 3001)
LAYOUTS = ("plain", "permuted", "stepped", "offset", "expanded", "reversed")
FLOATS = ("float32", "float32", "float64")
ALL = (*FLOATS, "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
SPECIAL = (np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-40, 1e30, -1e30)


class Case(NamedTuple):
    """A call: what it is, how to make it, what to differentiate by, and how close results are (0: equal).

    `ulps` is in units of the last place of the largest number among results. `large` calls are made with
    1, 2 and 3 threads, and must give the same bits.
    """

    label: str
    call: Callable[[], Any]
    by: tuple[Any, ...] = ()
    ulps: float = 32
    large: bool = False


class Draw:
    """Random sizes, numbers and layouts, the same for the same seed."""

    def __init__(self, family: str, seed: int) -> None:
        self.random = Random(f"{family} {seed}")
        self.rng = np.random.default_rng(self.random.getrandbits(32))

    def one(self, choices: Any) -> Any:
        return self.random.choice(tuple(choices))

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def int(self, low: int, high: int) -> int:
        return self.random.randint(low, high)

    def shape(
        self, least: int = 0, most: int = 4, elements: int = 6000, empty: float = 0.05
    ) -> tuple[int, ...]:
        """Sizes with at most so many elements in all; sometimes one is 0."""
        n = self.int(least, most)
        sizes: list[int] = []
        for _ in range(n):
            left = elements // max(int(np.prod(sizes)), 1)
            fits = [s for s in (*SIZES, *LARGE) if s <= left] or [1]
            sizes.append(self.one(fits))
        self.random.shuffle(sizes)
        if sizes and self.chance(empty):
            sizes[self.int(0, n - 1)] = 0
        return tuple(sizes)

    def numbers(self, shape: Any, dtype: str, kind: str = "normal") -> np.ndarray:
        """normal, positive, small (within ±0.9), special (some nan, infinities ...)."""
        kind = "normal" if kind == "special" and dtype not in ("float32", "float64") else kind
        if dtype == "bool":
            return np.asarray(self.rng.random(shape) < 0.5)
        if "float" not in dtype:
            return np.asarray(
                self.rng.integers(1 if kind == "positive" or dtype == "uint8" else -9, 10, shape)
            ).astype(dtype)
        x = np.asarray(self.rng.standard_normal(shape))
        x = np.asarray({"positive": np.abs(x) + 0.3, "small": np.tanh(x) * 0.9}.get(kind, x))
        if kind == "special" and x.size:
            spots = self.rng.integers(0, x.size, max(x.size // 20, 1))
            x.reshape(-1)[spots] = self.rng.choice(SPECIAL, len(spots))
        with np.errstate(all="ignore"):
            return np.asarray(x.astype("float32" if dtype == "bfloat16" else dtype))

    def tensor(
        self, shape: Any, dtype: str = "float32", kind: str = "normal", layout: str = "", grad: bool = False
    ) -> Any:
        """A Tensor with this shape over memory of any layout."""
        shape = tuple(shape)
        layout = layout or (self.one(LAYOUTS) if self.chance(0.6) else "plain")
        x = getattr(self, "_" + layout)(shape, lambda s: self._tensor(s, dtype, kind))
        assert tuple(x.shape) == shape, (layout, shape, x.shape)
        return x.detach().requires_grad_() if grad and "float" in dtype else x

    def _tensor(self, shape: Any, dtype: str, kind: str) -> Any:
        x = torch.from_numpy(self.numbers(shape, dtype, kind))
        return x.to(torch.bfloat16) if dtype == "bfloat16" else x

    def _plain(self, shape: Any, make: Any) -> Any:
        return make(shape)

    def _permuted(self, shape: Any, make: Any) -> Any:
        order = self.random.sample(range(len(shape)), len(shape))
        return make([shape[d] for d in order]).permute([order.index(d) for d in range(len(shape))])

    def _stepped(self, shape: Any, make: Any) -> Any:
        """Each step ends at the last element: what follows is not there."""
        steps = [self.one((1, 2, 3)) for _ in shape]
        x = make([(n - 1) * s + 1 if n else 0 for n, s in zip(shape, steps)])
        return x[tuple(slice(None, None, s) for s in steps)] if shape else x

    def _offset(self, shape: Any, make: Any) -> Any:
        starts = [self.int(0, 3) for _ in shape]
        x = make([n + s + self.int(0, 2) for n, s in zip(shape, starts)])
        return x[tuple(slice(s, s + n) for n, s in zip(shape, starts))] if shape else x

    def _expanded(self, shape: Any, make: Any) -> Any:
        kept = [n if self.chance(0.5) else 1 for n in shape]
        return make(kept).expand(shape)

    def _reversed(self, shape: Any, make: Any) -> Any:
        x = make(shape)
        steps = tuple(slice(None, None, self.one((1, -1))) for _ in shape)
        return x if x.dtype == torch.bfloat16 or not shape else torch.from_numpy(x.numpy()[steps])

    def whole(self, shape: Any, dtype: str) -> tuple[Any, Any]:
        """Room with canaries all around a part of this shape, and the part."""
        room = torch.from_numpy(np.full([n + 4 for n in shape], 7).astype(dtype))
        part = room[tuple(slice(2, 2 + n) for n in shape)] if shape else room
        if len(shape) > 1 and self.chance(0.3):
            part = torch.from_numpy(np.full([n + 4 for n in shape[::-1]], 7).astype(dtype))
            room, part = part, part.permute(list(range(len(shape)))[::-1])
            part = part[tuple(slice(2, 2 + n) for n in shape)]
        return room, part


def stretched(d: Draw, shape: Any) -> tuple[int, ...]:
    """A shape that broadcasts to this one."""
    sizes = [1 if d.chance(0.25) else n for n in shape]
    return tuple(sizes[d.int(0, len(sizes)) :]) if d.chance(0.3) else tuple(sizes)


# -- the program --------------------------------------------------------------------------------------


def flat(result: Any) -> Iterator[np.ndarray]:
    """The arrays of a result."""
    if isinstance(result, (tuple, list)):
        for part in result:
            yield from flat(part)
    elif isinstance(result, torch.Tensor):
        yield np.array(result.detach()._a)
    elif result is not None:
        yield np.asarray(result)


def made(case: Case, rng: np.random.Generator) -> list[np.ndarray]:
    """The results of a call and its gradients, or the kind of error."""
    try:
        result = case.call()
    except (RuntimeError, ValueError, IndexError) as error:
        return [np.array(type(error).__name__)]
    found = list(flat(result))
    outs = [result] if isinstance(result, torch.Tensor) else result
    outs = [t for t in outs if isinstance(t, torch.Tensor) and t.requires_grad] if case.by else []
    if outs:
        seeds = [cotangent(t, rng) for t in outs]
        found += flat(torch.autograd.grad(outs, case.by, seeds, allow_unused=True))
    return found


def cotangent(t: Any, rng: np.random.Generator) -> Any:
    """A gradient of a result: plain, transposed or expanded."""
    kind, x = rng.integers(4), np.asarray(rng.standard_normal(t.shape))
    if kind == 0 and x.size:
        x = np.broadcast_to(x.reshape(-1)[:1].reshape((1,) * x.ndim), x.shape).copy()
    g = torch.from_numpy(np.array(x)).to(t.dtype)
    if kind == 0 and x.size:
        g = g.as_strided(g.shape, (0,) * x.ndim)
    return g.t().contiguous().t() if kind == 1 and x.ndim == 2 else g


class Result(NamedTuple):
    """What came of a case: results and gradients."""

    label: str
    ulps: float
    arrays: list[np.ndarray]


def run(family: Any, seed: int, crowd: bool, note: Callable[[str], Any]) -> Iterator[Result]:
    """The results of a family's calls; in a crowd with 1, 2 and 3 threads."""
    draw = Draw(family.__name__, seed)
    note(f"{family.__name__} {seed}: drawing")
    for k, case in enumerate(family(draw)):
        label = f"{family.__name__} {seed} ({k}): {case.label}"
        note(label)
        arrays = made(case, np.random.default_rng(seed))
        for threads in (2, 3) if case.large and crowd else ():
            torch.set_num_threads(threads)
            again = made(case, np.random.default_rng(seed))
            torch.set_num_threads(1)
            if [a.tobytes() for a in arrays] != [a.tobytes() for a in again]:
                arrays = [*arrays, np.array(f"other bits with {threads} threads")]
        yield Result(label, case.ulps, arrays)


def differences(found: Result, wanted: Result) -> str:
    """What is wrong with a result, or nothing."""
    label, ulps, arrays = found
    assert label == wanted[0]
    if len(arrays) != len(wanted[2]):
        return f"{label}: {len(arrays)} results, wanted {len(wanted[2])}: {arrays[-1]}"
    for k, (a, b) in enumerate(zip(arrays, wanted[2])):
        why = _difference(a, b, ulps)
        if why:
            return f"{label}: result {k}: {why}"
    return ""


_EPS = {"bfloat16": 2**-7, "float16": 2**-10, "float32": 2**-23, "float64": 2**-52}


def _difference(a: np.ndarray, b: np.ndarray, ulps: float) -> str:
    if (a.shape, a.dtype) != (b.shape, b.dtype):
        return f"{a.dtype}{a.shape}, wanted {b.dtype}{b.shape} ({a.ravel()[:2]}, {b.ravel()[:2]})"
    eps = _EPS.get(a.dtype.name)
    ulps = min(ulps, 4) if a.dtype.itemsize == 2 else ulps  # the steps between are made in float32
    if not eps or not ulps:
        wrong = (a != b) & ~((a != a) & (b != b))
    else:
        with np.errstate(all="ignore"):
            x, y = a.astype(np.float64), b.astype(np.float64)
            most = np.max(np.abs(y), initial=1, where=np.isfinite(y))
            wrong = ~((np.abs(x - y) <= ulps * eps * most) | (x == y) | (np.isnan(x) & np.isnan(y)))
    if not wrong.any():
        return ""
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    return f"{a[at]} for {b[at]} at {at}, {int(wrong.sum())} of {wrong.size}"


def read(file: Path) -> list[Result]:
    """What the program kept."""
    return [Result(*pickle.loads(r)) for r in pickle.loads(file.read_bytes())]


def describe(*tensors: Any) -> str:
    return ", ".join(f"{tuple(t.shape)}/{t.stride()} {str(t.dtype)[6:]}" for t in tensors)


def main(file: str, side: str, *jobs: str) -> None:
    from tests.kernels import guarded, qemu
    from tests.kernels.fuzz import arithmetic, broken, layers, moves

    warnings.simplefilter("ignore")
    if side == "aarch64":
        qemu.install()
    elif side != "none":
        guarded.install(side)
    torch.set_num_threads(1)
    place = os.open(f"{file}.at", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    note = lambda text: os.pwrite(place, text.ljust(1000).encode()[:1000], 0)  # noqa: E731
    crowd = not {"RUSHLIGHT_JIT", "RUSHLIGHT_CPU"} & set(os.environ)  # once is enough
    families = vars(arithmetic) | vars(layers) | vars(moves) | vars(broken)
    found: list[bytes] = []  # guarded arrays are few: each takes three of the system's 65,530 mappings
    for job in jobs:
        family, seed = job.split(":")
        found += [pickle.dumps(tuple(r)) for r in run(families[family], int(seed), crowd, note)]
    note(f"done {sum(qemu.launched.values())} {qemu.launched}")
    Path(file).write_bytes(pickle.dumps(found))
    sys.stdout.flush()
    os._exit(0)  # guarded memory does not outlive the interpreter


if __name__ == "__main__":
    main(*sys.argv[1:])
