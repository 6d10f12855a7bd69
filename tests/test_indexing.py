"""`x[...]` and `x[...] = y` against torch: what is picked, what is a view, gradients, errors; and by a table
of random indices.
"""

from __future__ import annotations

import gc
import random
import warnings

import numpy as np
import pytest

import rushlight as rl

torch = pytest.importorskip("torch")

BASE = np.arange(24.0).reshape(2, 3, 4)

#: index expressions; `T` makes a tensor of the library, `np` is NumPy
EXPRESSIONS = """
0 | -1 | 1, 2 | 1, 2, 3 | (0, -1, -2) | ... | () | None | None, 0 | ..., 0 | ..., None, 0 | 0, ...
0, ..., 1 | slice(1, None) | slice(None, -1) | slice(None, None, 2) | slice(5, 9) | slice(2, 1)
slice(-100, 100) | slice(0, 1), ..., slice(1, 3, 2) | slice(None), 1 | slice(None), None, 1
None, None, 0, ..., None | True | False | (True, 0) | (0, True) | (slice(None), True) | [0, 1]
[1, 1, 0] | [-1] | [] | [True, False] | [0], [1] | [0, 1], [1, 2] | [[0, 1]], [[1], [2]] | 0, [0, 2]
[0, 1], 0 | 0, slice(None), [0, 1] | [0], slice(None), [0, 1] | slice(None), [0], [0, 1]
[0], None, [0, 1] | slice(None), [0, 1], None, [0, 1] | None, [0, 1] | [0, 1], slice(None), None
..., [0, 3] | [1], ... | [0, 1], ..., [0, 1] | (0, 1), (1, 2) | range(2) | range(0, 2), 0 | T(0)
T(-1), 1 | T([0, 1]) | T([[0, 1], [1, 1]]) | T([0, 1], dtype='int32') | T(1, dtype='int8')
T([1]), T([2]), T([3]) | T(0), T([0, 1]) | T([0]), slice(1, 3), T([2]) | T(True) | T(False)
T([True, False]) | T([True, True]), 1 | T([[True, False, True], [False, True, False]])
slice(None), T([True, False, True]) | 0, T([True, False, True])
T([[True, False, True], [False, True, False]]), 2 | slice(None), [0, 1], T([True, False, False, True])
T([0]), T([True, False, True]) | T([[[True, False, True, True]] * 3] * 2) | slice(T(1), None)
slice(T([0]), T(2)) | np.array([0, 1]) | np.int64(1) | np.array(1) | np.array([True, False])
T([], dtype='int64') | T([], dtype='int64'), slice(None), T([], dtype='int64') | T([[]], dtype='int64')
[[0]] , 1 | [0, 1], [-1, -2], [1, -1]
"""


def listed(text):
    """The expressions of a table."""
    return [e.strip() for line in text.strip().splitlines() for e in line.split("|")]


CASES = listed(EXPRESSIONS)


def index_of(text: str, library):
    """The index written in `text`, with tensors of the given library."""

    def make(data, dtype=None):
        return library.tensor(data, **({"dtype": getattr(library, dtype)} if dtype else {}))

    return eval(text, {"T": make, "np": np, "slice": slice, "range": range})


def both(array, requires_grad=False):
    return rl.tensor(array, requires_grad=requires_grad), torch.tensor(array, requires_grad=requires_grad)


def attempt(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return call(), None
        except Exception as e:  # compared with torch's
            return None, e


@pytest.mark.parametrize("text", CASES)
def test_getitem(text):
    x, y = both(BASE, requires_grad=True)
    mine, other = x[index_of(text, rl)], y[index_of(text, torch)]
    assert tuple(mine.shape) == tuple(other.shape)
    assert np.array_equal(mine.detach().numpy(), other.detach().numpy())
    assert mine._is_view() == other._is_view()
    if mine._is_view() and mine.numel():
        assert [s for s, n in zip(mine.stride(), mine.shape, strict=True) if n > 1] == [
            s for s, n in zip(other.stride(), other.shape, strict=True) if n > 1
        ]
        assert mine.storage_offset() == other.storage_offset()
    weights = np.random.default_rng(0).normal(size=mine.shape)
    (mine * rl.tensor(weights)).sum().backward()
    (other * torch.tensor(weights)).sum().backward()
    assert np.allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-12, atol=0)


@pytest.mark.parametrize("text", CASES)
def test_setitem(text):
    """A number, a tensor of the place's shape, and one that broadcasts."""
    shape = tuple(torch.tensor(BASE)[index_of(text, torch)].shape)
    rng = np.random.default_rng(1)
    for value in (
        7,
        2.5,
        True,
        rng.normal(size=shape),
        rng.normal(size=shape[1:]),
        rng.normal(size=(1, *shape)),
    ):
        x, y = both(BASE)
        mine, refused = attempt(lambda x=x, v=value: x.__setitem__(index_of(text, rl), wrap(v, rl)))
        other, torch_refused = attempt(
            lambda y=y, v=value: y.__setitem__(index_of(text, torch), wrap(v, torch))
        )
        assert type(refused) is type(torch_refused), (value, refused, torch_refused)
        if not repeats(text):
            assert np.array_equal(x.numpy(), y.numpy()), value


def wrap(value, library):
    return library.tensor(value) if isinstance(value, np.ndarray) else value


def repeats(text: str) -> bool:
    """Whether an index names a place twice, so that which value wins is not defined."""
    place = torch.arange(24).view(2, 3, 4)[index_of(text, torch)].flatten()
    return len(place.unique()) != len(place)


@pytest.mark.parametrize("text", [c for c in CASES if c != "False"])
def test_setitem_gradients(text):
    """Both the tensor written to and the value written get their part of the gradient."""
    if repeats(text):
        pytest.skip("which value wins is not defined")
    shape = tuple(torch.tensor(BASE)[index_of(text, torch)].shape)
    weights = np.random.default_rng(2).normal(size=BASE.shape)
    for value_shape in (shape, shape[1:], ()):
        v = np.random.default_rng(3).normal(size=value_shape)
        grads = []
        for library in (rl, torch):
            x, value = library.tensor(BASE, requires_grad=True), library.tensor(v, requires_grad=True)
            y = x * 2
            y[index_of(text, library)] = value
            (y * y * library.tensor(weights)).sum().backward()
            grads.append((x.grad.numpy(), value.grad.numpy()))
        for mine, other in zip(*grads, strict=True):
            assert mine.shape == other.shape
            assert np.allclose(mine, other, rtol=1e-12, atol=1e-12)


ERRORS = """
5 | -3 | 0, 0, 0, 0 | slice(None), 9 | ..., 4 | slice(None, None, -1) | slice(None, None, 0) | 1.0 | 'a' | {0}
T([5]) | slice(None), T([5]) | 0, T([-9]) | [0, 1], [0, 1, 2] | T([True]) | slice(None), T([True, False])
T([[True, False], [True, False]]) | T([0], dtype='int8') | T([0], dtype='int16')
T([0.0]) | T(0.0) | slice(0.5, 1)
slice(T([0, 1]), None) | [0], [0], [0], [0] | T([[[[True]]]])
"""


@pytest.mark.parametrize("text", listed(ERRORS))
def test_errors(text):
    """The same kind of error, with torch's key words in it."""
    x, y = both(BASE)
    _, mine = attempt(lambda: x[index_of(text, rl)])
    _, other = attempt(lambda: y[index_of(text, torch)])
    assert other is not None
    assert type(mine) is type(other), (mine, other)
    _, refused = attempt(lambda: x.__setitem__(index_of(text, rl), 1))
    _, torch_refused = attempt(lambda: y.__setitem__(index_of(text, torch), 1))
    assert type(refused) is type(torch_refused), (refused, torch_refused)


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (5, "index 5 is out of bounds for dimension 0 with size 2"),
        ((slice(None), 9), "index 9 is out of bounds for dimension 1 with size 3"),
        ((0, 0, 0, 0), "too many indices for tensor of dimension 3"),
        (
            [True],
            r"The shape of the mask \[1\] at index 0 does not match .* indexed tensor \[2, 3, 4\] at index 0",
        ),
        (([0, 1], [0, 1, 2]), r"could not be broadcast together with shapes \[2\], \[3\]"),
        (slice(None, None, -1), "step must be greater than zero"),
        (1.5, "only integers, slices"),
    ],
)
def test_error_words(index, words):
    with pytest.raises((IndexError, ValueError), match=words):
        rl.tensor(BASE)[index]


def test_zero_dimensions():
    x, y = both(np.array(3.0))
    for text in ("...", "None", "()", "True", "False", "T(True)", "T(False)", "(None, ...)"):
        mine, other = x[index_of(text, rl)], y[index_of(text, torch)]
        assert tuple(mine.shape) == tuple(other.shape) and mine._is_view() == other._is_view(), text
    for text in ("0", "slice(None)", "T([0])", "[0]"):
        for t, library in ((x, rl), (y, torch)):
            with pytest.raises(IndexError):
                t[index_of(text, library)]


def test_empty_dimensions():
    for shape, text in (
        ((0, 3), "T([], dtype='int64')"),
        ((0, 3), "slice(None), T([1])"),
        ((3, 0), "T([1])"),
        ((0,), "T([], dtype='bool')"),
    ):
        x, y = both(np.zeros(shape))
        assert tuple(x[index_of(text, rl)].shape) == tuple(y[index_of(text, torch)].shape)
    with pytest.raises(IndexError, match="out of bounds for dimension 0 with size 0"):
        rl.zeros(0, 3)[rl.tensor([0])]


def random_index(rng: random.Random, shape: tuple[int, ...]) -> str:
    """An index for `shape`, as text: parts for the first dimensions, others behind an ellipsis."""
    front = rng.randrange(len(shape) + 1)
    back = rng.randrange(len(shape) - front + 1) if rng.random() < 0.5 else 0
    parts = [part for n in shape[:front] for part in random_parts(rng, n)]
    if back or rng.random() < 0.2:
        parts += ["...", *(part for n in shape[len(shape) - back :] for part in random_parts(rng, n))]
    return f"({', '.join(parts)},)" if parts else "..."


def random_parts(rng: random.Random, n: int) -> list[str]:
    """Parts for one dimension of size n, as text."""
    kind = rng.choice(["int", "slice", "list", "list", "mask", "none", "matrix"])
    if kind == "none":
        return ["None", *random_parts(rng, n)]
    if kind == "int":
        return [str(rng.randrange(-n, n))]
    if kind == "slice":
        return [
            f"slice({rng.choice([None, 0, 1, -2])}, {rng.choice([None, n, -1, 2])}, "
            f"{rng.choice([None, 1, 2])})"
        ]
    if kind == "mask":
        m = rng.randrange(n)
        return [f"T({[i == m for i in range(n)]})"]
    values = [rng.randrange(-n, n) for _ in range(2)]
    return [f"T({[values] if kind == 'matrix' else values})"]


def test_random_indices():
    """600 random mixtures of integers, slices, None, an ellipsis, lists and masks, with gradients."""
    rng = random.Random(5)
    base = np.random.default_rng(5).normal(size=(3, 2, 4, 3))
    for _ in range(600):
        text = random_index(rng, base.shape)
        x, y = both(base, requires_grad=True)
        mine, other = x[index_of(text, rl)], y[index_of(text, torch)]
        assert tuple(mine.shape) == tuple(other.shape), text
        assert np.array_equal(mine.detach().numpy(), other.detach().numpy()), text
        assert mine._is_view() == other._is_view(), text
        (mine * mine).sum().backward()
        (other * other).sum().backward()
        assert np.allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-12), text


def test_second_derivative():
    for text in ("0", "slice(None), [0, 0, 1]", "T([[True, False, True], [False, True, False]])"):
        grads = []
        for library in (rl, torch):
            x = library.tensor(BASE, requires_grad=True)
            part = x[index_of(text, library)]
            (first,) = library.autograd.grad((part * part * part).sum(), x, create_graph=True)
            (first * first).sum().backward()
            grads.append(x.grad.numpy())
        assert np.allclose(*grads), text


# -- views ---------------------------------------------------------------------------------------------


def test_a_view_shares_memory_and_version():
    x = rl.zeros(3, 4)
    row = x[1]
    row[2] = 5
    assert x[1, 2].item() == 5 and x._version == row._version == 1
    x[:, 0] = 1
    assert row[0].item() == 1 and row._version == 2


def test_one_view_for_one_index():
    x = rl.zeros(3, 4, 5)
    assert x[1:, None, 2, ::2]._base is x


def test_history_of_live_views():
    """A view taken before its base is written to follows the new history."""
    results = []
    for library in (rl, torch):
        x = library.tensor(BASE, requires_grad=True)
        y = x * 1
        early = y[0]
        y[:, 1] = y[:, 0] * 3
        (early * early).sum().backward()
        results.append((early.detach().numpy().copy(), x.grad.numpy()))
    assert np.array_equal(results[0][0], results[1][0]) and np.allclose(results[0][1], results[1][1])


def test_rows_written_in_a_loop():
    grads = []
    for library in (rl, torch):
        w = library.tensor(np.linspace(-1, 1, 4), requires_grad=True)
        state = library.zeros(5, 4, dtype=library.float64)
        state[0] = w
        for i in range(1, 5):
            state[i] = state[i - 1].clone() * w + i
        state.sum().backward()
        grads.append(w.grad.numpy())
    assert np.allclose(*grads)


def test_leaves_are_protected():
    x = rl.zeros(3, requires_grad=True)
    for index in (0, slice(None), [0], rl.tensor([True, False, True])):
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
            x[index] = 1.0
    with rl.no_grad():
        x[0] = 1.0
        x[[1, 2]] = 2.0
    assert x.tolist() == [1.0, 2.0, 2.0] and x.is_leaf


def test_a_changed_input_is_noticed():
    x = rl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 1
    z = y * y
    y[0] = 5
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_a_changed_index_is_noticed():
    x = rl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    i = rl.tensor([0, 1])
    y = x[i]
    i[0] = 2
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_expanded_memory_is_refused():
    x = rl.zeros(1, 3).expand(2, 3)
    for index in (0, [0], rl.tensor([[True] * 3] * 2)):
        with pytest.raises(
            RuntimeError,
            match="more than one element of the written-to tensor refers to a single memory location",
        ):
            x[index] = 1.0


# -- values --------------------------------------------------------------------------------------------


NUMBERS = (1, 2.7, -1, True, 300, 1e30, -1e10, float("inf"), float("nan"), 2**40, 1 + 2j)
ARRAYS = ([1, 2, 3], [1.5, 2.5, -3.5], 2.5, [True, False, True], [[1.0, 2.0, 3.0]])
PLACES = ("0", "[0]", "T(0)", "T([True, False])", "slice(None), 1", "T([[True, False, True]] * 2)")
TYPES = ("float32", "float64", "int64", "int32", "uint8", "int8", "bool", "float16", "bfloat16", "complex64")


def assigned(library, dtype, place, value):
    """Zeros with a value assigned, and what was raised."""
    x = library.zeros(2, 3, dtype=getattr(library, dtype))
    return x, attempt(lambda: x.__setitem__(index_of(place, library), wrap(value, library)))[1]


@pytest.mark.parametrize("dtype", TYPES)
def test_values_are_converted(dtype):
    """Numbers and tensors through a view take the tensor's dtype; index tensors want the same one."""
    pairs = [(place, n) for place in PLACES for n in NUMBERS]
    pairs += [
        (place, np.array(a)) for place in PLACES for a in ARRAYS if not np.ndim(a) or place in PLACES[:4]
    ]
    for place, value in pairs:
        (x, refused), (y, torch_refused) = (assigned(k, dtype, place, value) for k in (rl, torch))
        assert type(refused) is type(torch_refused), (place, value, refused, torch_refused)
        assert str(x.tolist()) == str(y.tolist()), (place, value)


def test_values_that_cannot_be():
    x = rl.zeros(2, 3)
    for value in ([1, 2, 3], np.ones(3), "a", None):
        with pytest.raises(TypeError, match="can't assign a"):
            x[0] = value
    with pytest.raises(
        RuntimeError, match=r"expanded size of the tensor \(3\) must match the existing size \(2\)"
    ):
        x[0] = rl.ones(2)
    with pytest.raises(RuntimeError, match="shape mismatch: value tensor of shape"):
        x[[0]] = rl.ones(2)


def test_numpy_scalars_are_numbers():
    x = rl.zeros(2)
    x[0] = np.float32(1.5)
    x[np.int64(1)] = np.int8(3)
    assert x.tolist() == [1.5, 3.0]


def test_nothing_is_kept_alive():
    """The index and the value of an assignment outside autograd are not held."""
    x, value = rl.zeros(4), rl.ones(2)
    x[:2] = value
    import weakref

    gone = weakref.ref(value)
    del value
    gc.collect()
    assert gone() is None
