"""Random tensors: torch's numbers after the same seed, call after call; generators, and autograd's rules."""

import pickle

import numpy as np
import pytest

import rushlight as rl
from rushlight.arrays import generator as engine


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def forked(t):
    with t.random.fork_rng(devices=[]):
        t.manual_seed(3)
        t.rand(5)
    return t.rand(3)


CALLS = {
    "rand": lambda t: t.rand(3, 4),
    "rand sequence": lambda t: t.rand((2, 3)),
    "rand size=": lambda t: t.rand(size=(2, 3), dtype=t.float64),
    "rand out": lambda t: t.rand(3, 4, out=t.zeros(0)),
    "rand empty": lambda t: t.rand(0, 3),
    "randn": lambda t: t.randn(5, 7),
    "randn 0-dim": lambda t: t.randn(()),
    "randn small": lambda t: t.randn(3),
    "randn complex": lambda t: t.randn(4, 5, dtype=t.complex64),
    "rand complex": lambda t: t.rand(4, 5, dtype=t.complex128),
    "randn out of another layout": lambda t: t.randn(3, 4, out=t.zeros(4, 3).t()),
    "randn generator": lambda t: t.randn(20, generator=t.Generator().manual_seed(4)),
    "randn half": lambda t: t.randn(33, dtype=t.float16),
    "randint": lambda t: t.randint(10, (3, 4)),
    "randint low high": lambda t: t.randint(3, 10, (3, 4)),
    "randint names": lambda t: t.randint(low=-3, high=10, size=(3, 4), dtype=t.float32),
    "randint size=": lambda t: t.randint(2, 9, size=(4,)),
    "randint high= size=": lambda t: t.randint(high=9, size=(4,)),
    "randint out": lambda t: t.randint(5, (3,), out=t.zeros(3)),
    "randperm": lambda t: t.randperm(20),
    "randperm dtype": lambda t: t.randperm(20, dtype=t.int32),
    "randperm out": lambda t: t.randperm(5, out=t.zeros(5)),
    "rand_like": lambda t: t.rand_like(t.zeros(3, 5).t()),
    "randn_like": lambda t: t.randn_like(t.zeros(6, 5, dtype=t.float64).t()),
    "randint_like": lambda t: t.randint_like(t.zeros(3, 4), 5),
    "randint_like low high": lambda t: t.randint_like(t.zeros(3, 4), 2, 5, dtype=t.int64),
    "normal numbers": lambda t: t.normal(2.0, 3.0, (4, 5)),
    "normal tensor": lambda t: t.normal(t.arange(20.0), 2.0),
    "normal tensors": lambda t: t.normal(t.arange(20.0).reshape(4, 5), t.ones(5)),
    "normal std tensor": lambda t: t.normal(1.0, t.arange(1.0, 5)),
    "normal std= only": lambda t: t.normal(mean=0.0, std=t.ones(3)),
    "normal transposed": lambda t: t.normal(t.arange(20.0).reshape(4, 5).t(), t.ones(5, 4)),
    "normal out": lambda t: t.normal(t.zeros(3), 1.0, out=t.zeros(3)),
    "bernoulli": lambda t: t.bernoulli(t.full((3, 4), 0.3)),
    "bernoulli transposed": lambda t: t.bernoulli(t.linspace(0, 1, 12).reshape(3, 4).t()),
    "bernoulli double": lambda t: t.bernoulli(t.full((30,), 0.3, dtype=t.float64)),
    "bernoulli method": lambda t: t.full((3, 4), 0.3).bernoulli(),
    "bernoulli method p": lambda t: t.full((3, 4), 0.3).bernoulli(0.7),
    "bernoulli out": lambda t: t.bernoulli(t.full((3, 4), 0.3), out=t.zeros(3, 4)),
    "multinomial": lambda t: t.multinomial(t.tensor([0.1, 0.2, 0.7]), 2),
    "multinomial replaced": lambda t: t.tensor([[0.1, 0.2, 0.7], [1, 1, 1]]).multinomial(5, replacement=True),
    "multinomial out": lambda t: t.multinomial(t.ones(4), 2, out=t.zeros(0, dtype=t.int64)),
    "poisson": lambda t: t.poisson(t.linspace(0, 40, 300)),
    "poisson small rates": lambda t: t.poisson(t.linspace(0, 9, 2000, dtype=t.float64)),
    "poisson transposed": lambda t: t.poisson(t.linspace(0, 20, 12).reshape(3, 4).t()),
    "uniform_": lambda t: t.zeros(4, 5).uniform_(),
    "uniform_ bounds": lambda t: t.zeros(4, 5).uniform_(-1, 2),
    "uniform_ to=": lambda t: t.zeros(4, 5).uniform_(to=2),
    "uniform_ from=": lambda t: t.zeros(4, 5).uniform_(**{"from": -1, "to": 2}),
    "uniform_ transposed": lambda t: t.zeros(4, 5).t().uniform_(),
    "uniform_ stepped": lambda t: t.zeros(4, 50)[:, ::2].uniform_(),
    "normal_": lambda t: t.zeros(40).normal_(),
    "normal_ transposed": lambda t: t.zeros(6, 7).t().normal_(1, 2),
    "normal_ stepped": lambda t: t.zeros(4, 50)[:, ::2].normal_(),
    "normal_ bfloat16": lambda t: t.zeros(40, dtype=t.bfloat16).normal_().float(),
    "random_": lambda t: t.zeros(40).random_(),
    "random_ int64": lambda t: t.zeros(40, dtype=t.int64).random_(),
    "random_ to": lambda t: t.zeros(40).random_(7),
    "random_ from to": lambda t: t.zeros(40).random_(3, 7),
    "random_ to=": lambda t: t.zeros(40).random_(to=7),
    "bernoulli_": lambda t: t.zeros(40).bernoulli_(),
    "bernoulli_ int32": lambda t: t.zeros(40, dtype=t.int32).bernoulli_(0.2),
    "bernoulli_ tensor": lambda t: t.zeros(4, 3).t().bernoulli_(t.linspace(0, 1, 4)),
    "bernoulli_ double tensor": lambda t: t.zeros(4, 3).bernoulli_(t.linspace(0, 1, 3, dtype=t.float64)),
    "exponential_": lambda t: t.zeros(40).exponential_(),
    "exponential_ lambd=": lambda t: t.zeros(40).exponential_(lambd=2.0),
    "geometric_": lambda t: t.zeros(40).geometric_(0.3),
    "cauchy_": lambda t: t.zeros(40).cauchy_(),
    "log_normal_": lambda t: t.zeros(40).log_normal_(std=0.5),
    "fork_rng": forked,
}


def assert_same(name, mine, other):
    assert str(mine.dtype) == str(other.dtype), name
    assert tuple(mine.stride()) == tuple(other.stride()), name
    np.testing.assert_array_equal(mine.numpy(), other.numpy(), err_msg=name)


@pytest.mark.parametrize("name", CALLS)
def test_numbers(torch, name):
    for seed in (0, 12345, 2**33 + 1):
        rl.manual_seed(seed), torch.manual_seed(seed)
        assert_same(name, CALLS[name](rl), CALLS[name](torch))
        np.testing.assert_array_equal(rl.get_rng_state().numpy(), torch.get_rng_state().numpy())


def test_interleaved(torch):
    rl.manual_seed(1), torch.manual_seed(1)
    order = np.random.default_rng(0).permutation(list(CALLS) * 3)
    for name in order:
        assert_same(name, CALLS[name](rl), CALLS[name](torch))
        np.testing.assert_array_equal(rl.get_rng_state().numpy(), torch.get_rng_state().numpy(), err_msg=name)


def test_numbers_without_torch():
    """The first numbers of seed 0, one call after the other, as torch 2.13 gave them."""
    rl.manual_seed(0)
    assert rl.rand(3).tolist() == [0.49625658988952637, 0.7682217955589294, 0.08847743272781372]
    assert rl.randn(2).tolist() == [0.3643381893634796, 0.13439632952213287]
    assert rl.randint(100, (4,)).tolist() == [3, 97, 83, 1]
    assert rl.randperm(5).tolist() == [1, 0, 2, 3, 4]
    assert rl.zeros(2).exponential_().tolist() == [0.16037386655807495, 0.5109778642654419]
    assert rl.multinomial(rl.tensor([1.0, 2, 3, 4]), 3).tolist() == [3, 1, 0]
    assert rl.poisson(rl.tensor([1.0, 5, 20])).tolist() == [0.0, 7.0, 29.0]
    assert rl.randn(17)[-2:].tolist() == [0.32761430740356445, -0.7607071995735168]


# -- generators ---------------------------------------------------------------------------------------


def test_states_travel(torch):
    ours, theirs = rl.Generator().manual_seed(11), torch.Generator()
    rl.randn(7, generator=ours)
    theirs.set_state(torch.from_numpy(ours.get_state().numpy()))
    np.testing.assert_array_equal(
        rl.randn(20, generator=ours).numpy(), torch.randn(20, generator=theirs).numpy()
    )
    ours.set_state(rl.from_numpy(theirs.get_state().numpy()))
    np.testing.assert_array_equal(
        rl.rand(20, generator=ours).numpy(), torch.rand(20, generator=theirs).numpy()
    )


def test_generator():
    g = rl.Generator(device="cpu")
    assert isinstance(g, engine.Generator) and g.device == rl.device("cpu")
    assert g.manual_seed(5) is g and g.initial_seed() == 5
    state = g.get_state()
    assert state.dtype is rl.uint8 and state.shape == (5056,)
    first = rl.rand(3, generator=g)
    for twin in (g.clone_state(), pickle.loads(pickle.dumps(g))):
        assert type(twin) is rl.Generator and twin.device == g.device
        np.testing.assert_array_equal(twin.get_state().numpy(), g.get_state().numpy())
    assert rl.rand(3, generator=g.set_state(state)).tolist() == first.tolist()
    assert isinstance(g.seed(), int)
    with pytest.raises(RuntimeError, match="cuda"):
        rl.Generator("cuda")
    with pytest.raises(TypeError, match="ByteTensor"):
        g.set_state(b"state")
    with pytest.raises(TypeError, match="torch.Generator"):
        rl.rand(3, generator=7)


def test_the_default_generator():
    assert (
        rl.manual_seed(3) is rl.default_generator is rl.random.default_generator is engine.default_generator
    )
    assert isinstance(rl.default_generator, rl.Generator) and rl.initial_seed() == 3
    state, first = rl.get_rng_state(), rl.rand(2)
    rl.set_rng_state(state)
    assert rl.rand(2).tolist() == first.tolist()
    assert rl.random.seed() == rl.initial_seed()
    with pytest.raises(RuntimeError, match="manual_seed expected a long"):
        rl.default_generator.manual_seed("7")


def test_fork_rng_restores_after_an_error():
    rl.manual_seed(1)
    before = rl.get_rng_state()
    with pytest.raises(KeyError), rl.random.fork_rng():
        rl.rand(3)
        raise KeyError
    assert before.tolist() == rl.get_rng_state().tolist()
    with rl.random.fork_rng(enabled=False):
        rl.rand(3)
    assert before.tolist() != rl.get_rng_state().tolist()


# -- autograd and memory ------------------------------------------------------------------------------


def test_a_leaf_is_filled_only_without_grad():
    w = rl.zeros(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="uniform_: a leaf Variable that requires grad"):
        w.uniform_()
    with pytest.raises(RuntimeError, match="normal_: a view of a leaf Variable"):
        w[:2].normal_()
    with rl.no_grad():
        assert w.uniform_() is w
    assert w.requires_grad and w.is_leaf and w.abs().sum() > 0


def test_history_ends_at_a_fill():
    x = rl.ones(2, 3, requires_grad=True)
    y = x * 2
    y[:, :2].uniform_()
    y.sum().backward()
    assert x.grad.tolist() == [[0, 0, 2], [0, 0, 2]]
    z = x * 2
    z.normal_()
    z.sum().backward()
    assert x.grad.tolist() == [[0, 0, 2], [0, 0, 2]]


def test_samples_of_tensors_have_zero_gradient():
    mean, std, p = (rl.full((2, 1), 0.5, requires_grad=True) for _ in range(3))
    made = rl.normal(mean, std.expand(2, 3)), rl.bernoulli(p), rl.poisson(p)
    for sample in made:
        assert sample.requires_grad
        sample.sum().backward()
    assert mean.grad.tolist() == std.grad.tolist() == p.grad.tolist() == [[0.0], [0.0]]
    assert rl.bernoulli(p.detach()).requires_grad is False


def test_a_fill_counts_as_a_change():
    x = rl.ones(3, requires_grad=True)
    y = x.exp()
    z = y * y
    assert y.detach()._version == 0
    y.detach().uniform_()
    assert y._version == 1
    with pytest.raises(RuntimeError, match=r"uniform_ at .*test_random"):
        z.sum().backward()


def test_views_write_through():
    x = rl.zeros(4, 4)
    x[1::2].uniform_(1, 2)
    assert x[::2].tolist() == [[0] * 4] * 2 and bool((x[1::2] >= 1).all())
    with pytest.raises(RuntimeError, match="uniform_: unsupported operation"):
        rl.zeros(1).expand(3).uniform_()


def test_requires_grad_and_devices():
    assert (
        rl.rand(2, requires_grad=True).requires_grad and rl.rand_like(rl.zeros(2), requires_grad=True).is_leaf
    )
    assert rl.randn_like(rl.zeros(2))._version == 0
    meta = rl.randn(2, 3, device="meta")
    assert meta.is_meta and meta.shape == (2, 3) and meta.normal_() is meta
    with pytest.raises(RuntimeError, match="CUDA|cuda"):
        rl.rand(2, device="cuda")


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda t: t.rand(3, dtype=t.int64), NotImplementedError, "not implemented for"),
        (lambda t: t.randn(3, dtype=t.int64), NotImplementedError, "not implemented for"),
        (lambda t: t.randint(5, 5, (3,)), RuntimeError, "from"),
        (lambda t: t.randint(5), TypeError, "randint"),
        (lambda t: t.rand(3, foo=1), TypeError, "foo"),
        (lambda t: t.randperm(-1), RuntimeError, "negative"),
        (lambda t: t.rand(2, -1), RuntimeError, "negative dimension"),
        (lambda t: t.normal(0.0, 1.0), TypeError, "normal"),
        (lambda t: t.normal(0.0, -1.0, (2,)), RuntimeError, "std"),
        (lambda t: t.bernoulli(t.tensor([1.5])), RuntimeError, "p_in"),
        (lambda t: t.zeros(2).bernoulli_(1.5), RuntimeError, "p"),
        (lambda t: t.zeros(2).geometric_(), TypeError, "p"),
        (lambda t: t.zeros(2).uniform_(2, 1), RuntimeError, "uniform_"),
        (lambda t: t.zeros(2).exponential_(-1), RuntimeError, "lambda"),
        (lambda t: t.zeros(2, dtype=t.int64).cauchy_(), RuntimeError, "continuous probability"),
        (lambda t: t.multinomial(t.ones(3), 4), RuntimeError, "without replacement"),
        (lambda t: t.multinomial(t.ones(2, 2, 2), 1), RuntimeError, "1 or 2 dim"),
        (lambda t: t.poisson(t.tensor([-1.0])), RuntimeError, "non-negative"),
        (lambda t: t.rand(2, dtype=t.float64, out=t.zeros(2)), RuntimeError, "does not match dtype of out"),
    ],
)
def test_refusals(call, kind, message):
    with pytest.raises(kind, match=message):
        call(rl)


def test_refusals_are_torchs(torch):
    for mark in test_refusals.pytestmark:
        for call, kind, message in mark.args[1]:
            with pytest.raises(kind, match=message):
                call(torch)
