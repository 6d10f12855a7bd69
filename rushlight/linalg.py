"""torch.linalg: the ops declared under that name."""

from typing import Any

from .bind import functions_under
from .errors import LinAlgError as LinAlgError
from .lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {}, lambda: functions_under("linalg"), shown="torch.linalg")


# -- torch.svd_lowrank and torch.pca_lowrank
# ------------------------------------------------------------------


def svd_lowrank(A: Any, q: int | None = 6, niter: int | None = 2, M: Any = None) -> tuple[Any, Any, Any]:
    """U (…, m, q), S (…, q), V (…, n, q) with A - M ≈ U diag(S) Vᴴ, from a random sample of A's range.

    N. Halko et al., "Finding Structure with Randomness", SIAM Review 53 (2011), algorithm 5.1 on the range
    that
    algorithm 4.4 finds in `niter` subspace iterations.
    """
    A = A if M is None else A - M
    tall = A.shape[-2] >= A.shape[-1]
    A = A if tall else A.mH
    Q = _range_finder(A, 6 if q is None else q, 2 if niter is None else niter)
    U, S, Vh = __getattr__("svd")(Q.mH @ A, full_matrices=False)
    U, V = Q @ U, Vh.mH
    return (U, S, V) if tall else (V, S, U)


def _range_finder(A: Any, q: int, niter: int) -> Any:
    """Orthonormal columns that nearly span what A maps to."""
    from .random import randn

    qr = __getattr__("qr")
    Q = qr(A @ randn(A.shape[-1], q, dtype=A.dtype)).Q
    for _ in range(niter):
        Q = qr(A @ qr(A.mH @ Q).Q).Q
    return Q


def pca_lowrank(A: Any, q: int | None = None, center: bool = True, niter: int = 2) -> tuple[Any, Any, Any]:
    """The first `q` (6, or as many as there are) principal directions V of the rows of A: A - mean ≈ U
    diag(S) Vᴴ.
    """
    m, n = A.shape[-2:]
    q = min(6, m, n) if q is None else q
    if not 0 <= q <= min(m, n):
        raise ValueError(
            f"pca_lowrank: q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}"
        )
    if niter < 0:
        raise ValueError(f"pca_lowrank: niter(={niter}) must be non-negative integer")
    return svd_lowrank(A - A.mean(-2, keepdim=True) if center else A, q, niter)
