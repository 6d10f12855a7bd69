"""python -m benchmarks [--rounds N] [--threads N] [ops backward steps footprint]:
tables of Rushlight beside torch.
"""

from __future__ import annotations

import argparse
import os
import sys


def main() -> None:
    """Run the chosen suites."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", default=["ops", "backward", "steps", "footprint"])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    try:
        import torch
    except ImportError:
        sys.exit("benchmarks compare with PyTorch, which is not here: pip install torch==2.13.0")
    import rushlight

    torch.set_num_threads(options.threads)
    from . import footprint, ops, steps
    from .timing import show

    print(
        f"torch {torch.__version__}, rushlight {rushlight.__version__}, "
        f"{options.threads} thread(s), medians of {options.rounds}"
    )
    tables = {
        "ops": ("Operations", ops.forward),
        "backward": ("Backward per node", ops.backward),
        "steps": ("Training steps", steps.steps),
    }
    for suite in options.suites:
        if suite == "footprint":
            footprint.show_footprint()
        else:
            title, rows = tables[suite]
            show(title, rows(torch, rushlight, options.rounds))


if __name__ == "__main__":
    main()
