"""Stories told twice: a function of a library, run with Rushlight and with torch,
whose outcomes must be the same.
"""

import math
import warnings

import numpy as np
import pytest

import rushlight


def plain(value):
    """A result as plain Python: tensors as (dtype, shape, requires_grad, numbers),
    nests of them, the rest as it is.
    """
    if hasattr(value, "requires_grad") and hasattr(value, "tolist"):
        numbers = np.asarray(value.detach().tolist())
        return (str(value.dtype), tuple(value.shape), value.requires_grad, numbers)
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return value


def outcome(story, lib):
    """What a story returns, or the kind of error it ends with."""
    try:
        return plain(story(lib))
    except Exception as error:
        return [base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins"][0]


def same(ours, theirs, tolerance=1e-5):
    """Whether two plain outcomes agree, numbers to within a tolerance."""
    if isinstance(ours, np.ndarray) or isinstance(theirs, np.ndarray):
        return np.shape(ours) == np.shape(theirs) and np.allclose(
            ours, theirs, tolerance, tolerance, equal_nan=True
        )
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=tolerance, abs_tol=tolerance)
    if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
        return len(ours) == len(theirs) and all(same(a, b, tolerance) for a, b in zip(ours, theirs))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[k], theirs[k], tolerance) for k in ours)
    return ours == theirs


def agree(story):
    """Check that a story ends alike in Rushlight and in torch; skips where torch is absent."""
    torch = pytest.importorskip("torch")
    ours = outcome(story, rushlight)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="torch")
        theirs = outcome(story, torch)
    assert same(ours, theirs), f"\nrushlight: {ours}\ntorch:     {theirs}"


def told(*stories):
    """A test parameter per story."""
    return pytest.mark.parametrize("story", stories, ids=[s.__name__ for s in stories])
