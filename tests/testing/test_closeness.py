"""assert_close: what it accepts, and what it says, against torch's own."""

import re

import numpy as np
import pytest

import rushlight
from rushlight.testing import assert_close

NAN, INF = float("nan"), float("inf")

# (actual, expected) made by a function of the framework, and the options
CALLS = {
    "equal": (lambda t: ([1.0, 2.0], [1.0, 2.0]), {}),
    "far": (lambda t: ([1.0, 2.0], [1.0, 2.1]), {}),
    "matrix": (lambda t: ([[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.1], [3.0, 0.0]]), {}),
    "within": (lambda t: ([1.0, 0.0], [1.000001, 0.000009]), {}),
    "just outside": (lambda t: ([1.0, 0.0], [1.0, 0.000011]), {}),
    "0-dim": (lambda t: (1.0, 2.0), {}),
    "integers": (lambda t: ([1, 2], [1, 3]), {}),
    "integers with tolerances": (lambda t: ([1, 2], [1, 3]), dict(rtol=0.1, atol=0.5)),
    "booleans": (lambda t: ([True, False], [True, True]), {}),
    "complex": (lambda t: ([1 + 1j], [1 + 2j]), {}),
    "shapes": (lambda t: ([1.0], [1.0, 2.0]), {}),
    "nan": (lambda t: ([NAN, 1.0], [NAN, 1.0]), {}),
    "nan equal": (lambda t: ([NAN, 1.0], [NAN, 1.0]), dict(equal_nan=True)),
    "inf": (lambda t: ([INF, 1.0], [INF, 1.0]), {}),
    "inf against one": (lambda t: ([INF, 1.0], [1.0, 1.0]), {}),
    "empty": (lambda t: ([], []), {}),
    "one tolerance": (lambda t: ([1.0], [1.1]), dict(rtol=1)),
    "the other": (lambda t: ([1.0], [1.1]), dict(atol=1)),
    "both": (lambda t: ([1.0], [1.1]), dict(rtol=0, atol=0.2)),
    "exact": (lambda t: ([1.0], [1.0000001]), dict(rtol=0, atol=0)),
    "a message": (lambda t: ([1.0], [2.0]), dict(msg="mine")),
    "a message of the message": (lambda t: ([1.0], [2.0]), dict(msg=lambda m: f"Head\n{m}")),
}
#: written with `t`, the framework
TEXTS = {
    "numbers": "1.0, 1.1",
    "zero": "1.0, 0.0",
    "ints": "1, 2",
    "bools": "True, False",
    "complexes": "1 + 1j, 1 + 2j",
    "int and float": "1, 1.0",
    "int and float unchecked": "1, 1.0, check_dtype=False",
    "nans": "float('nan'), float('nan')",
    "nans equal": "float('nan'), float('nan'), equal_nan=True",
    "None": "None, None",
    "None and 1": "None, 1",
    "number and tensor": "1.0, t.tensor(1.0)",
    "list and tensor": "[1.0], t.tensor([1.0])",
    "array and tensor": "np.ones(2), t.ones(2)",
    "arrays": "np.ones(2), 2 * np.ones(2)",
    "strings": "'a', 'a'",
    "list": "[t.tensor(1.0), t.tensor(2.0)], [t.tensor(1.0), t.tensor(3.0)]",
    "tuple and list": "(1.0,), [1.0]",
    "nested": "{'a': [t.tensor([1.0])]}, {'a': [t.tensor([3.0])]}",
    "nested with a message": "[t.tensor([1.0])], [t.tensor([3.0])], msg=lambda m: '* ' + m",
    "lengths": "[1], [1, 2], msg='not used'",
    "keys": "{'a': 1, 'c': 2}, {'b': 1, 'c': 2}",
    "keys of any type": "{'a': 1, 2: 3}, {'a': 1, 2: 4}",
    "uncomparable second": "[1, 'a'], [2, 'a']",
    "dtype": "t.ones(1), t.ones(1).double()",
    "dtype unchecked": "t.ones(1), t.ones(1).double(), check_dtype=False",
    "dtypes unchecked": "t.ones(2).half(), t.tensor([1.0, 1.01]).bfloat16(), check_dtype=False",
    "half": "t.tensor([1.0, 2.0, 3.0]).half(), t.tensor([1.0, 2.1, 3.0]).half()",
    "uint8": "t.tensor([1, 3]).byte(), t.tensor([1, 255]).byte()",
    "stride": "t.ones(2, 3), t.ones(3, 2).t(), check_stride=True",
    "stride unchecked": "t.ones(2, 3), t.ones(3, 2).t()",
    "meta": "t.ones(1), t.ones(1, device='meta')",
    "parameter": "t.nn.Parameter(t.ones(1)), t.ones(1)",
    "NumPy numbers": "np.float32(1.5), 1.5",
}


def outcome(check, *args, **kwargs):
    """None, or the exception's type and text in the words both frameworks share."""
    try:
        check(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 (any exception is an outcome to compare)
        return type(error), re.sub(r"\b(torch|rushlight)\.(\w+\.)*", "", str(error))
    return None


@pytest.mark.parametrize("name", CALLS)
def test_tensors_as_torch(name):
    torch = pytest.importorskip("torch")
    values, options = CALLS[name]
    ours = outcome(assert_close, *map(rushlight.tensor, values(rushlight)), **options)
    theirs = outcome(torch.testing.assert_close, *map(torch.tensor, values(torch)), **options)
    assert ours == theirs


@pytest.mark.parametrize("name", TEXTS)
def test_other_values_as_torch(name):
    torch = pytest.importorskip("torch")
    text = f"outcome(check, {TEXTS[name]})"
    ours = eval(text, {"outcome": outcome, "check": assert_close, "t": rushlight, "np": np})
    theirs = eval(text, {"outcome": outcome, "check": torch.testing.assert_close, "t": torch, "np": np})
    assert ours == theirs


def test_the_first_difference_is_told_with_its_place():
    with pytest.raises(AssertionError, match=r"(?s)1 / 2 \(50.0%\).*index \(1,\).*item \['a'\]\[0\]"):
        assert_close({"a": [rushlight.ones(2)]}, {"a": [rushlight.tensor([1.0, 2.0])]})


def test_subclasses_are_refused_where_asked():
    parameter = rushlight.nn.Parameter(rushlight.ones(1))
    with pytest.raises(TypeError, match="No comparison pair"):
        assert_close(parameter, rushlight.ones(1), allow_subclasses=False)


@pytest.mark.parametrize(
    "name", ["float16", "bfloat16", "float32", "float64", "complex64", "complex128", "int32"]
)
def test_default_tolerances(name):
    torch = pytest.importorskip("torch")
    from rushlight.testing.tolerances import tolerances

    theirs = torch.testing._comparison.default_tolerances(getattr(torch, name))
    assert tolerances(getattr(rushlight, name)) == theirs
