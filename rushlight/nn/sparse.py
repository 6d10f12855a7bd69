"""Tables of vectors looked up by number: Embedding, EmbeddingBag."""

from __future__ import annotations

from typing import Any, Self

import rushlight.nn.init as init

from ..autograd.mode import no_grad
from ..tensor import Parameter, Tensor
from .functional import embedding, embedding_bag
from .making import parameter
from .module import Module


class _Table(Module):
    """A weight (num_embeddings, embedding_dim), normal at first, with a row of zeros for padding."""

    num_embeddings: int
    embedding_dim: int
    padding_idx: int | None
    max_norm: float | None
    norm_type: float
    scale_grad_by_freq: bool
    weight: Any

    def _make_weight(self, given: Tensor | None, frozen: bool, device: Any, dtype: Any) -> None:
        shape = self.num_embeddings, self.embedding_dim
        if given is None:
            self.weight = parameter(*shape, device=device, dtype=dtype).requires_grad_(not frozen)
            self.reset_parameters()
        elif tuple(given.shape) != shape:
            raise AssertionError(
                "Shape of weight does not match num_embeddings and embedding_dim: "
                f"{tuple(given.shape)} instead of {shape}"
            )
        else:
            self.weight = Parameter(given, requires_grad=not frozen)

    def reset_parameters(self) -> None:
        """Draw the weight anew from N(0, 1); the row of padding is zero."""
        init.normal_(self.weight)
        self._fill_padding_idx_with_zero()

    def _fill_padding_idx_with_zero(self) -> None:
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx].fill_(0)

    def _norm_settings(self) -> list[str]:
        """The settings that both layers print where they are not the usual ones."""
        shown = [f"max_norm={self.max_norm}"] if self.max_norm is not None else []
        shown += [f"norm_type={self.norm_type}"] if self.norm_type != 2 else []
        by_frequency = self.scale_grad_by_freq is not False
        return shown + ([f"scale_grad_by_freq={self.scale_grad_by_freq}"] if by_frequency else [])


def _padding(padding_idx: int | None, rows: int, name: str) -> int | None:
    """The row of padding, counted from the front."""
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < max(rows, 1):
        raise AssertionError(f"{name} must be within num_embeddings: {padding_idx}, for {rows} rows")
    return padding_idx + rows if padding_idx < 0 else padding_idx


def _rows_and_columns(embeddings: Tensor) -> tuple[int, int]:
    if embeddings.ndim != 2:
        raise AssertionError(
            f"Embeddings parameter is expected to be 2-dimensional, but has shape {tuple(embeddings.shape)}"
        )
    rows, columns = embeddings.shape
    return rows, columns


class Embedding(_Table):
    """Row i of `weight` for every i of the input: (*) gives (*, embedding_dim).

    The row `padding_idx` starts as zeros and gets no gradient. Rows longer than `max_norm` (in the norm
    `norm_type`) are scaled down when they are used.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = _padding(padding_idx, num_embeddings, "Padding_idx")
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        self._make_weight(_weight, _freeze, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self) -> str:
        shown = [f"{self.num_embeddings}", f"{self.embedding_dim}"]
        shown += [f"padding_idx={self.padding_idx}"] if self.padding_idx is not None else []
        return ", ".join([*shown, *self._norm_settings(), *(["sparse=True"] if self.sparse else [])])

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Self:
        """A layer with the given table (rows, columns); it is not trained unless `freeze=False`."""
        return cls(
            *_rows_and_columns(embeddings),
            padding_idx=padding_idx,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
            _weight=embeddings,
            _freeze=freeze,
        )


class EmbeddingBag(_Table):
    """The sum, mean or maximum over bags of embeddings, without storing the rows themselves.

    Input (b, n) holds b bags; a flat one holds the bags that begin at `offsets`.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.padding_idx = _padding(padding_idx, num_embeddings, "padding_idx")
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset
        self._make_weight(_weight, False, device, dtype)

    def forward(
        self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None
    ) -> Tensor:
        return embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        shown = [f"{self.num_embeddings}", f"{self.embedding_dim}", *self._norm_settings()]
        shown += [f"mode={self.mode!r}"]
        return ", ".join(
            shown + ([f"padding_idx={self.padding_idx}"] if self.padding_idx is not None else [])
        )

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> Self:
        """A layer with the given table (rows, columns); it is not trained unless `freeze=False`."""
        layer = cls(
            *_rows_and_columns(embeddings),
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            mode=mode,
            sparse=sparse,
            _weight=embeddings,
            include_last_offset=include_last_offset,
            padding_idx=padding_idx,
        )
        layer.weight.requires_grad_(not freeze)
        return layer
