"""Every op that autocast lists, and some that it does not, in a region: dtypes and values as PyTorch's."""

import numpy as np
import pytest

import rushlight as rl
from rushlight.autograd.autocast import POLICIES
from rushlight.ops.declare import registry

torch = pytest.importorskip("torch")

_x = np.random.default_rng(0).uniform(0.1, 0.9, 200_000).astype(np.float32)


class Given:
    """Tensors of one library in one dtype: the same numbers in all."""

    def __init__(self, lib, dtype):
        self.lib, self.F, self.dtype, self.used = lib, lib.nn.functional, dtype, 0

    def __call__(self, *shape, dtype=None):
        size = int(np.prod(shape))
        numbers = _x[self.used : self.used + size].reshape(shape)
        self.used += size
        return self.lib.from_numpy(numbers.copy()).to(getattr(self.lib, dtype or self.dtype))

    def spd(self, n):
        """A symmetric matrix with large diagonal, so that half types hardly change its inverse."""
        a = self(n, n)
        return a + a.T + 4 * self.lib.eye(n, dtype=a.dtype)

    def whole(self, *shape, below=3):
        size = int(np.prod(shape))
        return self.lib.tensor((np.arange(size) % below).reshape(shape).tolist())


# name: what is called; names are those of POLICIES, with a further word where one is called in several ways
CASES = {
    "addbmm": lambda g: g.lib.addbmm(g(3, 4), g(2, 3, 5), g(2, 5, 4)),
    "addmm": lambda g: g.lib.addmm(g(3, 4), g(3, 5), g(5, 4), beta=0.5),
    "baddbmm": lambda g: g.lib.baddbmm(g(2, 3, 4), g(2, 3, 5), g(2, 5, 4)),
    "bmm": lambda g: g.lib.bmm(g(2, 3, 5), g(2, 5, 4)),
    "linear": lambda g: g.F.linear(g(3, 5), g(4, 5), g(4)),
    "linear no bias": lambda g: g.F.linear(g(3, 5), g(4, 5)),
    "linear mixed": lambda g: g.F.linear(g(3, 5, dtype="bfloat16"), g(4, 5, dtype="float32"), g(4)),
    "matmul": lambda g: g.lib.matmul(g(3, 5), g(5, 4)),
    "matmul operator": lambda g: g(3, 5) @ g(5, 4),
    "matmul method": lambda g: g(2, 3, 5).matmul(g(5)),
    "matmul whole": lambda g: g.whole(3, 4) @ g.whole(4, 3),
    "mm": lambda g: g.lib.mm(g(3, 5), g(5, 4)),
    "prelu": lambda g: g.F.prelu(g(3, 5) - 0.5, g(1)),
    "scaled_dot_product_attention": lambda g: g.F.scaled_dot_product_attention(
        g(2, 2, 5, 4), g(2, 2, 5, 4), g(2, 2, 5, 4)
    ),
    "scaled_dot_product_attention mask": lambda g: g.F.scaled_dot_product_attention(
        g(2, 2, 5, 4), g(2, 2, 5, 4), g(2, 2, 5, 4), attn_mask=g(5, 5)
    ),
    "vecdot": lambda g: g.lib.linalg.vecdot(g(3, 5), g(3, 5)),
    "conv1d": lambda g: g.F.conv1d(g(2, 3, 8), g(4, 3, 3), g(4), padding=1),
    "conv1d same": lambda g: g.F.conv1d(g(2, 3, 8), g(4, 3, 3), padding="same"),
    "conv2d": lambda g: g.F.conv2d(g(2, 3, 8, 8), g(4, 3, 3, 3), g(4)),
    "conv3d": lambda g: g.F.conv3d(g(1, 2, 4, 4, 4), g(3, 2, 2, 2, 2)),
    "convolution": lambda g: g.lib.convolution(
        g(2, 3, 8, 8), g(4, 3, 3, 3), g(4), [1, 1], [0, 0], [1, 1], False, [0, 0], 1
    ),
    "conv_transpose1d": lambda g: g.F.conv_transpose1d(g(2, 3, 8), g(3, 4, 3)),
    "conv_transpose2d": lambda g: g.F.conv_transpose2d(g(2, 3, 6, 6), g(3, 4, 3, 3), g(4)),
    "conv_transpose3d": lambda g: g.F.conv_transpose3d(g(1, 2, 3, 3, 3), g(2, 3, 2, 2, 2)),
    "adaptive_avg_pool3d": lambda g: g.F.adaptive_avg_pool3d(g(1, 2, 4, 4, 4), 2),
    "adaptive_max_pool3d": lambda g: g.F.adaptive_max_pool3d(g(1, 2, 4, 4, 4), 2),
    "avg_pool3d": lambda g: g.F.avg_pool3d(g(1, 2, 4, 4, 4), 2),
    "max_pool3d": lambda g: g.F.max_pool3d(g(1, 2, 4, 4, 4), 2),
    "max_unpool2d": lambda g: g.F.max_unpool2d(*g.F.max_pool2d(g(1, 2, 4, 4), 2, return_indices=True), 2),
    "max_unpool3d": lambda g: g.F.max_unpool3d(*g.F.max_pool3d(g(1, 2, 4, 4, 4), 2, return_indices=True), 2),
    "pad_by reflect": lambda g: g.F.pad(g(1, 2, 4, 4), (1, 1, 1, 1), mode="reflect"),
    "pad_by reflect 3": lambda g: g.F.pad(g(1, 2, 4, 4, 4), (1, 1, 1, 1, 1, 1), mode="reflect"),
    "pad_by replicate": lambda g: g.F.pad(g(1, 2, 4, 4, 4), (1, 1, 1, 1, 1, 1), mode="replicate"),
    "pad_by circular": lambda g: g.F.pad(g(1, 2, 4, 4), (1, 1, 1, 1), mode="circular"),
    "pad constant": lambda g: g.F.pad(g(1, 2, 4, 4), (1, 1, 1, 1)),
    "grid_sample": lambda g: g.F.grid_sample(g(1, 2, 4, 4), g(1, 3, 3, 2) * 2 - 1, align_corners=False),
    "binary_cross_entropy_with_logits": lambda g: g.F.binary_cross_entropy_with_logits(g(4, 3), g(4, 3)),
    "binary_cross_entropy": lambda g: g.F.binary_cross_entropy(g(4, 3), g(4, 3)),
    "cosine_embedding_loss": lambda g: g.F.cosine_embedding_loss(
        g(4, 3), g(4, 3), g.lib.tensor([1, -1, 1, -1])
    ),
    "cross_entropy": lambda g: g.F.cross_entropy(g(4, 3), g.whole(4)),
    "cross_entropy weight": lambda g: g.F.cross_entropy(g(4, 3), g.whole(4), weight=g(3)),
    "ctc_loss": lambda g: g.F.ctc_loss(
        g(6, 2, 4).log_softmax(-1), g.whole(2, 2) + 1, g.lib.tensor([6, 6]), g.lib.tensor([2, 2])
    ),
    "hinge_embedding_loss": lambda g: g.F.hinge_embedding_loss(g(4), g.lib.tensor([1, -1, 1, -1])),
    "huber_loss": lambda g: g.F.huber_loss(g(4, 3), g(4, 3)),
    "kl_div": lambda g: g.F.kl_div(g(4, 3), g(4, 3), reduction="batchmean"),
    "l1_loss": lambda g: g.F.l1_loss(g(4, 3), g(4, 3)),
    "margin_ranking_loss": lambda g: g.F.margin_ranking_loss(g(4), g(4), g.lib.tensor([1, -1, 1, -1])),
    "mse_loss": lambda g: g.F.mse_loss(g(4, 3), g(4, 3)),
    "multi_margin_loss": lambda g: g.F.multi_margin_loss(g(4, 3), g.whole(4)),
    "multilabel_margin_loss": lambda g: g.F.multilabel_margin_loss(g(4, 3), g.whole(4, 3)),
    "nll_loss": lambda g: g.F.nll_loss(g(4, 3), g.whole(4)),
    "poisson_nll_loss": lambda g: g.F.poisson_nll_loss(g(4, 3), g(4, 3)),
    "smooth_l1_loss": lambda g: g.F.smooth_l1_loss(g(4, 3), g(4, 3)),
    "soft_margin_loss": lambda g: g.F.soft_margin_loss(g(4), g.lib.tensor([1, -1, 1, -1])),
    "triplet_margin_loss": lambda g: g.F.triplet_margin_loss(g(4, 3), g(4, 3), g(4, 3)),
    "cdist": lambda g: g.lib.cdist(g(4, 3), g(5, 3)),
    "prod": lambda g: g.lib.prod(g(4, 3)),
    "prod dim": lambda g: g(4, 3).prod(1, keepdim=True),
    "quantile": lambda g: g.lib.quantile(g(4, 3), 0.3),
    "nanquantile": lambda g: g(4, 3).nanquantile(0.3, dim=1),
    "trace": lambda g: g(4, 4).trace(),
    "view_as_complex": lambda g: g.lib.view_as_complex(g(4, 2)),
    "polar": lambda g: g.lib.polar(g(4), g(4)),
    "stft": lambda g: g.lib.stft(g(64), 16, return_complex=True),
    "stft window": lambda g: g.lib.stft(g(64), 16, window=g(16), return_complex=True),
    **{
        f"{name}": lambda g, name=name: getattr(g.lib.fft, name)(g(4, 6))
        for name in (
            *("fft", "fft2", "fftn", "hfft", "ifft", "ifft2", "ifftn", "ihfft"),
            *("irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftn"),
        )
    },
    "cholesky": lambda g: g.lib.cholesky(g.spd(4)),
    "cholesky_inverse": lambda g: g.lib.cholesky_inverse(g.spd(4).tril()),
    "cholesky_solve": lambda g: g.lib.cholesky_solve(g(4, 2), g.spd(4).tril()),
    "cond": lambda g: g.lib.linalg.cond(g.spd(4)),
    "geqrf": lambda g: g.lib.geqrf(g(4, 4)),
    "inverse": lambda g: g.lib.inverse(g.spd(4)),
    "inverse linalg": lambda g: g.lib.linalg.inv(g.spd(4)),
    "lu_solve": lambda g: g.lib.lu_solve(g(4, 2), g.spd(4), g.lib.tensor([1, 2, 3, 4], dtype=g.lib.int32)),
    "matrix_rank": lambda g: g.lib.linalg.matrix_rank(g.spd(4)),
    "orgqr": lambda g: g.lib.orgqr(g(4, 3), g(3)),
    "ormqr": lambda g: g.lib.ormqr(g(4, 3), g(3), g(4, 2)),
    "pinverse": lambda g: g.lib.pinverse(g.spd(4)),
    "qr": lambda g: g.lib.qr(g.spd(4))[1].abs(),
    "svd": lambda g: g.lib.svd(g.spd(4))[1],
    "triangular_solve": lambda g: g.lib.triangular_solve(g(4, 2), g.spd(4)),
    "eigvals": lambda g: g.lib.linalg.eigvals(g.spd(4)).abs().sort()[0],
    "eigvalsh": lambda g: g.lib.linalg.eigvalsh(g.spd(4)),
    "svdvals": lambda g: g.lib.linalg.svdvals(g.spd(4)),
    "tensorinv": lambda g: g.lib.linalg.tensorinv(g.spd(4).reshape(4, 2, 2), ind=1),
    "tensorsolve": lambda g: g.lib.linalg.tensorsolve(g.spd(4).reshape(2, 2, 4), g(2, 2)),
    "linalg_cholesky": lambda g: g.lib.linalg.cholesky(g.spd(4)),
    "linalg_cholesky_ex": lambda g: g.lib.linalg.cholesky_ex(g.spd(4)),
    "linalg_eig": lambda g: g.lib.linalg.eig(g.spd(4))[0].abs().sort()[0],
    "linalg_eigh": lambda g: g.lib.linalg.eigh(g.spd(4))[0],
    "linalg_inv_ex": lambda g: g.lib.linalg.inv_ex(g.spd(4)),
    "linalg_lstsq": lambda g: g.lib.linalg.lstsq(g.spd(4), g(4, 2))[0],
    "linalg_qr": lambda g: g.lib.linalg.qr(g.spd(4))[1].abs(),
    "linalg_solve": lambda g: g.lib.linalg.solve(g.spd(4), g(4, 2)),
    "linalg_svd": lambda g: g.lib.linalg.svd(g.spd(4))[1],
    "cat": lambda g: g.lib.cat([g(2, 3), g(2, 3)]),
    "cat float32": lambda g: g.lib.cat([g(2, 3), g(2, 3, dtype="float32")], dim=1),
    "cat float64": lambda g: g.lib.cat([g(2, 3), g(2, 3, dtype="float64")]),
    "cat whole": lambda g: g.lib.cat([g(2, 3), g.whole(2, 3)]),
    "stack": lambda g: g.lib.stack([g(2, 3, dtype="bfloat16"), g(2, 3, dtype="float32")]),
    "index_copy": lambda g: g(4, 3).index_copy(0, g.lib.tensor([0, 2]), g(2, 3, dtype="float32")),
    # -- not listed: what they are made of decides, or nothing is cast
    "einsum outer": lambda g: g.lib.einsum("i,j->ij", g(3), g(4)),
    "einsum lists": lambda g: g.lib.einsum(g(3, 4), [0, 1], g(4, 5), [1, 2], [0, 2]),
    "einsum three": lambda g: g.lib.einsum("ij,jk,kl->il", g(3, 4), g(4, 5), g(5, 2)),
    "einsum": lambda g: g.lib.einsum("ij,jk->ik", g(3, 4), g(4, 5)),
    "einsum sum": lambda g: g.lib.einsum("ij,ij->i", g(3, 4), g(3, 4)),
    "einsum transpose": lambda g: g.lib.einsum("ij->ji", g(3, 4)),
    "tensordot": lambda g: g.lib.tensordot(g(3, 4), g(4, 5), dims=1),
    "chain_matmul": lambda g: g.lib.linalg.multi_dot([g(3, 4), g(4, 5), g(5, 2)]),
    "inner": lambda g: g.lib.inner(g(3, 4), g(2, 4)),
    "outer": lambda g: g.lib.outer(g(3), g(4)),
    "dot": lambda g: g.lib.dot(g(3), g(3)),
    "mv": lambda g: g.lib.mv(g(3, 4), g(4)),
    "addmv": lambda g: g.lib.addmv(g(3), g(3, 4), g(4)),
    "addr": lambda g: g.lib.addr(g(3, 4), g(3), g(4)),
    "bilinear": lambda g: g.F.bilinear(g(3, 4), g(3, 5), g(2, 4, 5)),
    "hstack": lambda g: g.lib.hstack([g(2, 3), g(2, 3, dtype="float32")]),
    "add": lambda g: g(3, 4) + g(3, 4, dtype="float32"),
    "softmax": lambda g: g(3, 4).softmax(-1),
    "layer_norm": lambda g: g.F.layer_norm(g(3, 4), (4,)),
    "sum": lambda g: g(3, 4).sum(),
    "exp": lambda g: g(3, 4).exp(),
    "mm out": lambda g: g.lib.mm(g(3, 4), g(4, 5), out=g.lib.empty(3, 5, dtype=getattr(g.lib, g.dtype))),
    "addmm_": lambda g: g(3, 5).addmm_(g(3, 4), g(4, 5)),
    "polar out": lambda g: g.lib.polar(
        g(3, dtype="float32"), g(3, dtype="float32"), out=g.lib.empty(3, dtype=g.lib.complex64)
    ),
    "index_copy_": lambda g: g(4, 3).index_copy_(0, g.lib.tensor([0, 2]), g(2, 3)),
}


def leaves(found):
    if isinstance(found, (tuple, list)):
        return [t for part in found for t in leaves(part)]
    return [found]


def called(case, lib, kind, lower):
    """The results in a region, as dtypes and arrays; or the error."""
    with lib.autocast("cpu", dtype=getattr(lib, lower)):
        try:
            found = leaves(case(Given(lib, kind)))
        except Exception as error:
            return type(error).__name__, None
    wide = [np.array(t.tolist()) for t in found]
    return [str(t.dtype) for t in found], wide


@pytest.mark.filterwarnings("ignore:torch.(cholesky|lu_solve|qr|svd|triangular_solve|chain_matmul)")
@pytest.mark.filterwarnings("ignore:.*(size_average|batchmean|reduction)")
@pytest.mark.parametrize("lower", ["bfloat16", "float16"])
@pytest.mark.parametrize("kind", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_as_in_torch(name, kind, lower):
    kind = "float16" if kind == lower == "float16" else kind
    expected, values = called(CASES[name], torch, kind, lower)
    dtypes, found = called(CASES[name], rl, kind, lower)
    if values is None:
        pytest.skip(f"torch: {expected}")
    assert dtypes == expected
    for ours, theirs in zip(found, values, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=0.04, atol=0.04)


def test_every_listed_op_has_a_case():
    assert set(POLICIES) - {name.split()[0] for name in CASES} == {"contract", *RECURRENT}


def test_listed_ops_are_declared():
    assert [name for name in POLICIES if registry[name].name != name] == []


# GRUs and cells: PyTorch adds half products to float32 states, and gives float32
@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell"])
def test_recurrent_layers(kind, grad):
    found = []
    for lib in (torch, rl):
        layer, g = getattr(lib.nn, kind)(6, 4), Given(lib, "float32")
        x = g(3, 6) if "Cell" in kind else g(5, 3, 6)
        with lib.no_grad():
            for p in layer.parameters():
                p.copy_(g(*p.shape) - 0.5)
        with lib.set_grad_enabled(grad), lib.autocast("cpu"):
            found.append(leaves(layer(x)))
    for theirs, ours in zip(*found, strict=True):
        assert str(ours.dtype) == str(theirs.dtype)
        np.testing.assert_allclose(ours.tolist(), theirs.tolist(), rtol=0.05, atol=0.05)


RECURRENT = {"lstm", "rnn_tanh", "rnn_relu", "rnn_tanh_cell", "rnn_relu_cell"}
