"""Every sampler beside torch's call, and the golden file of torch's numbers, for where torch is absent.

`python -m tests.arrays.random_calls` writes the file anew, from torch.
"""

import json
from pathlib import Path

import ml_dtypes
import numpy as np

from rushlight.arrays import distributions as d

GOLDEN = Path(__file__).with_name("random_golden.json")
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
FLOATS = {"float32": np.dtype("f4"), "float64": np.dtype("f8"), "float16": np.dtype("f2")}
FLOATS["bfloat16"] = BFLOAT16
INTS = {name: np.dtype(name) for name in ("uint8", "int8", "int16", "int32", "int64")}
DTYPES = {**FLOATS, **INTS, "bool": np.dtype(bool)}

# name: (ours(generator, shape, dtype), torch's(empty tensor, generator))
CONTINUOUS = {
    "uniform": (lambda g, s, t: d.uniform(g, s, t), lambda x, g: x.uniform_(generator=g)),
    "uniform -0.1 0.3": (
        lambda g, s, t: d.uniform(g, s, t, -0.1, 0.3),
        lambda x, g: x.uniform_(-0.1, 0.3, generator=g),
    ),
    "uniform 2 9.7": (
        lambda g, s, t: d.uniform(g, s, t, 2, 9.7),
        lambda x, g: x.uniform_(2, 9.7, generator=g),
    ),
    "uniform 0 0.7": (
        lambda g, s, t: d.uniform(g, s, t, 0, 0.7),
        lambda x, g: x.uniform_(0, 0.7, generator=g),
    ),
    "uniform 1 1": (lambda g, s, t: d.uniform(g, s, t, 1, 1), lambda x, g: x.uniform_(1, 1, generator=g)),
    "normal": (lambda g, s, t: d.normal(g, s, t), lambda x, g: x.normal_(generator=g)),
    "normal 0.3 1.7": (
        lambda g, s, t: d.normal(g, s, t, 0.3, 1.7),
        lambda x, g: x.normal_(0.3, 1.7, generator=g),
    ),
    "normal 5 0": (lambda g, s, t: d.normal(g, s, t, 5, 0), lambda x, g: x.normal_(5, 0, generator=g)),
    "log_normal": (lambda g, s, t: d.log_normal(g, s, t), lambda x, g: x.log_normal_(generator=g)),
    "exponential": (lambda g, s, t: d.exponential(g, s, t), lambda x, g: x.exponential_(generator=g)),
    "exponential 3": (lambda g, s, t: d.exponential(g, s, t, 3), lambda x, g: x.exponential_(3, generator=g)),
    "cauchy": (lambda g, s, t: d.cauchy(g, s, t), lambda x, g: x.cauchy_(generator=g)),
    "cauchy 1 2.5": (lambda g, s, t: d.cauchy(g, s, t, 1, 2.5), lambda x, g: x.cauchy_(1, 2.5, generator=g)),
}
DISCRETE = {
    "geometric": (lambda g, s, t: d.geometric(g, s, t, 0.3), lambda x, g: x.geometric_(0.3, generator=g)),
    "bernoulli": (lambda g, s, t: d.bernoulli(g, s, t, 0.3), lambda x, g: x.bernoulli_(0.3, generator=g)),
    "random": (lambda g, s, t: d.random(g, s, t), lambda x, g: x.random_(generator=g)),
    "random 7": (lambda g, s, t: d.random(g, s, t, None, 7), lambda x, g: x.random_(7, generator=g)),
    "random 3 100": (lambda g, s, t: d.random(g, s, t, 3, 100), lambda x, g: x.random_(3, 100, generator=g)),
    "random 3 None": (lambda g, s, t: d.random(g, s, t, 3), lambda x, g: x.random_(3, None, generator=g)),
}
WIDE = {
    "random 2**28 - 1": (
        lambda g, s, t: d.random(g, s, t, 0, 2**28 - 1),
        lambda x, g: x.random_(0, 2**28 - 1, generator=g),
    ),
    "random 2**28": (
        lambda g, s, t: d.random(g, s, t, 0, 2**28),
        lambda x, g: x.random_(0, 2**28, generator=g),
    ),
    "random beyond 2**32": (
        lambda g, s, t: d.random(g, s, t, -(2**40), 2**50),
        lambda x, g: x.random_(-(2**40), 2**50, generator=g),
    ),
    "random all": (
        lambda g, s, t: d.random(g, s, t, -(2**63)),
        lambda x, g: x.random_(-(2**63), None, generator=g),
    ),
    "random to the end": (
        lambda g, s, t: d.random(g, s, t, 2**62, 2**63 - 1),
        lambda x, g: x.random_(2**62, 2**63 - 1, generator=g),
    ),
}
CALLS = {**CONTINUOUS, **DISCRETE, **WIDE}

GOLDEN_SEED, GOLDEN_SIZES = 42, (3, 18)  # element by element, and one block of 16 and more
GOLDEN_CASES = [(call, dtype) for call in CONTINUOUS for dtype in ("float32", "float64", "bfloat16")]
GOLDEN_CASES += [(call, dtype) for call in DISCRETE for dtype in ("float32", "int64", "uint8")]
GOLDEN_CASES += [(call, "int64") for call in WIDE]


def numpy_of(tensor):
    """The tensor's numbers as NumPy holds them."""
    import torch

    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view(BFLOAT16)
    return tensor.numpy()


def numbers(array):
    """An array as JSON numbers, exactly."""
    return [float(v) if array.dtype in FLOATS.values() else int(v) for v in array.ravel()]


def write():
    """Ask torch, and write the golden file."""
    import torch

    golden = {}
    for call, dtype in GOLDEN_CASES:
        generator = torch.Generator().manual_seed(GOLDEN_SEED)
        drawn = [CALLS[call][1](torch.empty(n, dtype=getattr(torch, dtype)), generator) for n in GOLDEN_SIZES]
        drawn.append(torch.empty(1, dtype=torch.int64).random_(0, 2**27, generator=generator))
        golden[f"{call}: {dtype}"] = [numbers(numpy_of(t)) for t in drawn]
    generator = torch.Generator().manual_seed(GOLDEN_SEED)
    weights = torch.tensor([0.1, 3.0, 0.0, 1.7, 2.2, 0.4])
    golden["randperm"] = torch.randperm(20, generator=generator).tolist()
    golden["multinomial"] = torch.multinomial(weights, 4, generator=generator).tolist()
    golden["multinomial with replacement"] = torch.multinomial(weights, 8, True, generator=generator).tolist()
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in golden.items()]
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    write()
