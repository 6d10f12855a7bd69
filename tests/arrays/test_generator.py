"""The generator's words, seeds and state against torch's."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

from rushlight.arrays.distributions import normal
from rushlight.arrays.generator import DEFAULT_SEED, Generator, default_generator

F64 = np.dtype("f8")


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def run(program):
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_words_of_the_paper():
    # the first outputs of mt19937 from the seed 5489, and the 10,000th, which C++'s standard states
    words = Generator().manual_seed(5489).random32(10_000)
    assert words[:5].tolist() == [3499211612, 581869302, 3890346734, 3586334585, 545404204]
    assert words[-1] == 4123659995 and words.dtype == np.uint32


def test_random64_is_two_words_high_first():
    low = Generator().manual_seed(3).random32(8).astype(np.uint64)
    wide = Generator().manual_seed(3).random64(4)
    np.testing.assert_array_equal(wide, low[0::2] * np.uint64(2**32) + low[1::2])


def test_stream_does_not_depend_on_how_it_is_cut():
    whole = Generator().manual_seed(1).random32(3000)
    g = Generator().manual_seed(1)
    parts = [g.random32(n) for n in (0, 1, 623, 624, 1, 0, 1000, 751)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("seed", [0, 1, 5, 2**31, 2**32, 2**32 + 5, 2**63, 2**64 - 1, -1, -5, -(2**63)])
def test_seeds(torch, seed):
    g, t = Generator(), torch.Generator()
    assert g.manual_seed(seed) is g
    t.manual_seed(seed)
    assert g.initial_seed() == t.initial_seed()
    np.testing.assert_array_equal(g.get_state(), t.get_state().numpy())


def test_start(torch):
    assert Generator().initial_seed() == torch.Generator().initial_seed() == DEFAULT_SEED
    np.testing.assert_array_equal(Generator().get_state(), torch.Generator().get_state().numpy())


def test_seeds_refused():
    for seed in (2**64, -(2**63) - 1):
        with pytest.raises(ValueError, match="Overflow"):
            Generator().manual_seed(seed)
    for seed in (1.5, True, "a", None):
        with pytest.raises(RuntimeError, match="manual_seed expected a long, but got"):
            Generator().manual_seed(seed)
    assert Generator().manual_seed(np.int64(3)).initial_seed() == 3


def test_seed_is_drawn_anew():
    g = Generator()
    first, second = g.seed(), g.seed()
    assert first != second and g.initial_seed() == second and 0 <= second < 2**64
    np.testing.assert_array_equal(Generator().manual_seed(second).random32(5), g.random32(5))


def test_default_generator_differs_between_processes():
    program = "from rushlight.arrays.generator import default_generator as g; print(g.initial_seed())"
    seeds = {int(run(program)) for _ in "ab"}
    assert len(seeds) == 2 and default_generator.initial_seed() not in seeds


def test_import_leaves_numpy_random_alone():
    program = "import sys, rushlight.arrays.distributions; print('numpy.random' in sys.modules)"
    assert run(program) == "False"


@pytest.mark.parametrize("words", [0, 1, 5, 622, 623, 624, 625, 1247, 1248, 1249, 5000])
def test_state_both_ways(torch, words):
    g, t = Generator().manual_seed(words), torch.Generator().manual_seed(words)
    g.random32(words)
    torch.empty(words, dtype=torch.uint8).random_(0, 9, generator=t)
    state = g.get_state()
    assert state.dtype == np.uint8 and state.shape == (5056,)
    np.testing.assert_array_equal(state, t.get_state().numpy())
    taken = Generator().set_state(t.get_state().numpy())  # torch's state here
    given = torch.Generator().set_state(torch.from_numpy(state))  # ours there
    np.testing.assert_array_equal(taken.get_state(), state)
    expected = torch.rand(700, generator=t).numpy()
    np.testing.assert_array_equal(torch.rand(700, generator=given).numpy(), expected)
    np.testing.assert_array_equal((taken.random32(700) & 0xFFFFFF) / 2**24, expected)


def test_cached_normal_travels(torch):
    g, t = Generator().manual_seed(8), torch.Generator().manual_seed(8)
    normal(g, (3,), F64), torch.randn(3, generator=t, dtype=torch.float64)
    assert g.next_normal is not None
    np.testing.assert_array_equal(g.get_state(), t.get_state().numpy())
    taken = Generator().set_state(t.get_state().numpy())
    given = torch.Generator().set_state(torch.from_numpy(g.get_state()))
    expected = torch.randn(4, generator=t, dtype=torch.float64).numpy()
    np.testing.assert_array_equal(normal(taken, (4,), F64), expected)
    np.testing.assert_array_equal(torch.randn(4, generator=given, dtype=torch.float64).numpy(), expected)
    assert Generator().set_state(g.get_state()).manual_seed(8).next_normal is None


def test_state_refused():
    g = Generator().manual_seed(4)
    before = g.get_state()
    with pytest.raises(RuntimeError, match="size 5056 but found 10"):
        g.set_state(np.zeros(10, np.uint8))
    with pytest.raises(RuntimeError, match="Invalid mt19937 state"):
        g.set_state(np.zeros(5056, np.uint8))
    for wrong in (np.zeros(5056), None, b"x" * 5056):
        with pytest.raises(TypeError, match="uint8"):
            g.set_state(wrong)
    np.testing.assert_array_equal(g.get_state(), before)


def test_copies_go_their_own_way():
    g = Generator().manual_seed(4)
    normal(g, (3,), F64)
    copies = [g.clone_state(), copy.deepcopy(g), pickle.loads(pickle.dumps(g))]
    expected = normal(g, (50,), F64)
    for other in copies:
        assert other.initial_seed() == 4 and other.device == "cpu"
        np.testing.assert_array_equal(normal(other, (50,), F64), expected)


def test_device():
    with pytest.raises(RuntimeError, match="'cuda'"):
        Generator("cuda")
