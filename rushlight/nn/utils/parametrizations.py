"""Parametrizations to register: orthogonal, spectral_norm, weight_norm."""

from __future__ import annotations

from typing import Any

from ...autograd.mode import no_grad
from ...bind import functions_under
from ...creation import eye, zeros_like
from ...dtypes import finfo
from ...ops.declare import registry
from ...random import randn
from ...tensor import Tensor, function_of
from ..functional import normalize
from ..module import Module
from .parametrize import register_parametrization
from .spectral_normalization import as_matrix, output_dim
from .weight_normalization import norm_except_dim, normalized


def _linalg(name: str) -> Any:
    return functions_under("linalg")[name]()


def _tensor(module: Module, name: str) -> Tensor:
    tensor = getattr(module, name, None)
    if not isinstance(tensor, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return tensor


# -- weight norm ---------------------------------------------------------------------------------------


class _WeightNorm(Module):
    """g · v / |v|."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return normalized(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Length and direction of a weight."""
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Learn length and direction of a parameter apart (Salimans and Kingma 2016). Returns the module.

    There is one length per index of `dim`, one for all with dim=None.
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def take_hook_form(state_dict: Any, prefix: str, *_: Any) -> None:
        """A state of nn.utils.weight_norm has the two under other names."""
        old = f"{prefix}{name}_g", f"{prefix}{name}_v"
        if all(key in state_dict for key in old):
            for i, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(take_hook_form)
    return module


# -- spectral norm -------------------------------------------------------------------------------------


class _SpectralNorm(Module):
    """weight / σ, σ the largest singular value, by power iteration on the vectors `_u` and `_v`."""

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        rank = weight.ndim
        if not -rank <= dim < rank:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{rank}, {rank - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim % rank
        self.eps = eps
        if rank > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight, self.dim).detach()
            drawn = [matrix.new_empty(n).normal_(0, 1) for n in matrix.shape]
            for name, vector in zip(("_u", "_v"), drawn, strict=True):
                self.register_buffer(name, normalize(vector, dim=0, eps=eps))
            self._power_method(matrix, 15)

    @no_grad()
    def _power_method(self, weight_mat: Tensor, n_power_iterations: int) -> None:
        for _ in range(n_power_iterations):
            self._u.copy_(normalize(weight_mat.mv(self._v), dim=0, eps=self.eps))
            self._v.copy_(normalize(weight_mat.mH.mv(self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()  # those of this forward, whatever the next one writes
        return weight / function_of(registry["vdot"])(u, matrix.mv(v))

    def right_inverse(self, value: Tensor) -> Tensor:
        """The value itself: it is divided again when it is read."""
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide a parameter by its largest singular value (Miyato et al. 2018). Returns the module."""
    dim = output_dim(module) if dim is None else dim
    divided = _SpectralNorm(_tensor(module, name), n_power_iterations, dim, eps)
    return register_parametrization(module, name, divided)


# -- orthogonal ----------------------------------------------------------------------------------------


def _is_orthogonal(q: Tensor) -> bool:
    n, k = q.shape[-2:]
    identity = eye(k, dtype=q.dtype, device=q.device)
    return bool(q.mH.matmul(q).allclose(identity, atol=10.0 * n * finfo(q.dtype).eps))


def _make_orthogonal(a: Tensor) -> Tensor:
    """The Q of a = Q R with a positive diagonal of R."""
    x, tau = a.geqrf()
    return _linalg("householder_product")(x, tau) * x.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


class _Orthogonal(Module):
    """An orthogonal matrix from any: by the matrix exponential, Cayley's map, or Householder reflections.

    With `use_trivialization` it is `base` times that matrix, so that it can start anywhere.
    """

    base: Tensor

    def __init__(self, weight: Tensor, orthogonal_map: str, *, use_trivialization: bool = True) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        wide = X.size(-2) < X.size(-1)
        x = X.mT if wide else X
        q = self._reflections(x) if self.orthogonal_map == "householder" else self._from_skew(x)
        q = self.base.matmul(q) if hasattr(self, "base") else q
        return q.mT if wide else q

    def _from_skew(self, x: Tensor) -> Tensor:
        """The first columns of the orthogonal matrix that belongs to the skew-symmetric one of x's lower
        triangle.
        """
        n, k = x.shape[-2:]
        x = x.tril()
        if n != k:
            rest = x.new_zeros(n, n - k).expand(*x.shape[:-2], -1, -1)
            x = function_of(registry["cat"])([x, rest], -1)
        a = x - x.mH
        if self.orthogonal_map == "matrix_exp":
            return a.matrix_exp()[..., :k]
        identity = eye(n, dtype=a.dtype, device=a.device)
        return _linalg("solve")(identity.add(a, alpha=-0.5), identity.add(a, alpha=0.5))[..., :k]

    def _reflections(self, x: Tensor) -> Tensor:
        a = x.tril(-1)
        tau = 2.0 / (1.0 + (a * a).sum(-2))
        signs = x.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)
        return _linalg("householder_product")(a, tau) * signs

    @no_grad()
    def right_inverse(self, Q: Tensor) -> Tensor:
        """The matrix that gives `Q`, made orthogonal where it is not."""
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape "
                f"{Q.shape}."
            )
        wide = Q.size(-2) < Q.size(-1)
        q = Q.mT if wide else Q
        if hasattr(self, "base"):
            self.base = self._completed(q)
            start = zeros_like(Q)
            start.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
            return start
        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                "use_trivialization=False."
            )
        a, tau = q.geqrf()
        diagonal = a.diagonal(dim1=-2, dim2=-1)
        diagonal.sign_()
        diagonal[tau == 0.0] *= -1
        return a.mT if wide else a

    def _completed(self, q: Tensor) -> Tensor:
        """A square orthogonal matrix that begins with `q`."""
        n, k = q.shape[-2:]
        if n == k:
            return q.clone() if _is_orthogonal(q) else _make_orthogonal(q)
        rest = randn(*q.shape[:-2], n, n - k, dtype=q.dtype, device=q.device)
        return _make_orthogonal(function_of(registry["cat"])([q, rest], -1))


_MAPS = ("matrix_exp", "cayley", "householder")


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    """Keep a matrix, or a batch of them, orthogonal (with orthonormal rows where it is wide). Returns the
    module.

    The map is matrix_exp for square and complex matrices, householder for others, unless it is named.
    """
    weight = _tensor(module, name)
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        square = weight.size(-2) == weight.size(-1)
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    if orthogonal_map not in _MAPS:
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    made = _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization)
    return register_parametrization(module, name, made, unsafe=True)
