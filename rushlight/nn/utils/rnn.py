"""Sequences of different lengths, packed without padding, and back: what recurrent layers take."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Self

import numpy as np

from ...creation import full
from ...dtypes import dtype, float16, float32, float64, int8, int16, int32, int64, uint8
from ...ops.declare import registry
from ...tensor import Tensor, from_numpy, function_of


class _Packed(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Packed):
    """Rows of sequences by step: `data` (rows, *), and in `batch_sizes` how many rows each step has.

    The longest sequence is first; `sorted_indices` says where each was, `unsorted_indices` how to go back.
    Made by pack_sequence and pack_padded_sequence.
    """

    def __new__(
        cls,
        data: Any,
        batch_sizes: Any = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> Self:
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:
            if not (isinstance(data, (list, tuple)) and len(data) == 2):
                raise AssertionError(
                    "PackedSequence: without batch_sizes, data is expected to be (data, batch_sizes)"
                )
            data, batch_sizes = data
        if not batch_sizes.is_cpu:
            raise ValueError("batch_sizes should always be on CPU; make packed sequences with pack_sequence")
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """The data converted as by Tensor.to; itself where nothing changes."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        return type(self)(data, self.batch_sizes, *(_moved(i, data.device) for i in self[2:]))

    def cpu(self) -> Self:
        """The data on the CPU."""
        return self.to("cpu")

    def cuda(self) -> Self:
        """The data on the GPU."""
        return self.to("cuda")

    def pin_memory(self) -> Self:
        """Itself: memory here needs no pinning."""
        return self

    def is_pinned(self) -> bool:
        """Whether the data lies in pinned memory: never."""
        return False

    @property
    def is_cuda(self) -> bool:
        """Whether the data lies on a GPU."""
        return self.data.is_cuda


def _moved(indices: Tensor | None, device: Any) -> Tensor | None:
    return None if indices is None else indices.to(device)


def _converter(name: str, kind: dtype) -> Callable[[PackedSequence], PackedSequence]:
    def convert(self: PackedSequence) -> PackedSequence:
        return self.to(kind)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"The data as {kind}."
    return convert


for _name, _kind in {
    **{"double": float64, "float": float32, "half": float16},
    **{"long": int64, "int": int32, "short": int16, "char": int8, "byte": uint8},
}.items():
    setattr(PackedSequence, _name, _converter(_name, _kind))


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes `permutation`; None for None."""
    return None if permutation is None else from_numpy(np.argsort(permutation.numpy()))


# -- padded to packed ----------------------------------------------------------------------------------


def pack_padded_sequence(
    input: Tensor, lengths: Tensor | Iterable[int], batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Drop the padding of `input` (T, B, *), or (B, T, *) with batch_first, whose sequences have `lengths`.

    Unless enforce_sorted=False they must come longest first. Raises RuntimeError for lengths that do not fit.
    """
    sizes = np.array(lengths.tolist() if isinstance(lengths, Tensor) else list(lengths), np.int64)
    batch_dim = 0 if batch_first else 1
    order = None
    if not enforce_sorted:
        order = from_numpy(np.argsort(-sizes, kind="stable"))
        sizes, input = sizes[order.numpy()], input.index_select(batch_dim, order)
    _check_lengths(sizes, input.shape[batch_dim], input.shape[1 - batch_dim])
    within = np.arange(sizes[0])[:, None] < sizes  # step t of sequence b is data, not padding
    step, sequence = np.nonzero(within)
    steps, batch = input.shape[1 - batch_dim], len(sizes)
    rows = sequence * steps + step if batch_first else step * batch + sequence
    data = input.reshape(steps * batch, *input.shape[2:]).index_select(0, from_numpy(rows))
    return PackedSequence(data, from_numpy(within.sum(1)), order)


def _check_lengths(sizes: np.ndarray, batch: int, steps: int) -> None:
    if len(sizes) != batch:
        raise RuntimeError(
            f"pack_padded_sequence: Expected `len(lengths)` to be equal to batch_size ({batch}), "
            f"but got {len(sizes)}"
        )
    if not batch:
        raise RuntimeError("pack_padded_sequence: Cannot pack empty tensors.")
    if (sizes <= 0).any():
        raise RuntimeError(
            "pack_padded_sequence: Length of all samples has to be greater than 0, but found an element in "
            f"'lengths' that is <= 0: {sizes.tolist()}"
        )
    if (sizes[1:] > sizes[:-1]).any():
        raise RuntimeError(
            "pack_padded_sequence: `lengths` array must be sorted in decreasing order when `enforce_sorted` "
            f"is True: {sizes.tolist()}. You can pass `enforce_sorted=False` to pack_padded_sequence and/or "
            "pack_sequence."
        )
    if sizes[0] > steps:
        raise RuntimeError(
            f"pack_padded_sequence: Expected lengths of at most {steps}, the input's, but got {sizes[0]}"
        )


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack tensors (L, *) of different lengths L; longest first, unless enforce_sorted=False."""
    lengths = [sequence.size(0) for sequence in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


# -- and back --------------------------------------------------------------------------------------------


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Sequences padded to one length, (T, B, *) or (B, T, *) with batch_first, and their lengths.

    `total_length` asks for a T that is longer than the longest. Raises ValueError where it is shorter.
    """
    sizes = sequence.batch_sizes.numpy()
    steps = len(sizes) if total_length is None else total_length
    if steps < len(sizes):
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {len(sizes)}"
        )
    batch = int(sizes[0])
    step, row = np.nonzero(np.arange(batch) < sizes[:, None])
    padded = _scattered(sequence.data, step * batch + row, (steps, batch), padding_value)
    padded = padded.transpose(0, 1) if batch_first else padded
    lengths = from_numpy((np.arange(batch) < sizes[:, None]).sum(0))
    back = sequence.unsorted_indices
    if back is None:
        return padded, lengths
    return padded.index_select(0 if batch_first else 1, back), lengths[back]


def _scattered(data: Tensor, rows: np.ndarray, shape: tuple[int, int], padding: float) -> Tensor:
    """A tensor of `shape` (and the rest of data's) filled with `padding`, with `data` in its rows."""
    rest = data.shape[1:]
    empty = full((shape[0] * shape[1], *rest), padding, dtype=data.dtype, device=data.device)
    return empty.index_copy(0, from_numpy(rows), data).reshape(*shape, *rest)


def pad_sequence(
    sequences: Any, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Tensors (L, *) of different lengths L side by side: (T, B, *), or (B, T, *) with batch_first."""
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    if padding_side not in ("left", "right"):
        raise RuntimeError(
            f"pad_sequence: Expected padding_side to be one of left or right, but got {padding_side}."
        )
    parts = list(sequences)
    if not parts:
        raise RuntimeError("pad_sequence: received an empty list of sequences")
    sizes = np.array([part.size(0) for part in parts])
    steps, batch = int(sizes.max()), len(parts)
    step = np.concatenate([np.arange(n) + (steps - n if padding_side == "left" else 0) for n in sizes])
    sequence = np.repeat(np.arange(batch), sizes)
    rows = sequence * steps + step if batch_first else step * batch + sequence
    data = function_of(registry["cat"])([part.to(parts[0].dtype) for part in parts], 0)
    return _scattered(data, rows, (batch, steps) if batch_first else (steps, batch), padding_value)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences of a padded tensor, (T, B, *) or (B, T, *) with batch_first, each of its own length."""
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[:length] for row, length in zip(rows, lengths.tolist(), strict=True)]


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences that were packed."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
