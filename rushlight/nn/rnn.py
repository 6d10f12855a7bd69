"""Recurrent layers over whole sequences: RNN, LSTM, GRU."""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import rushlight.nn.init as init

from ..creation import zeros
from ..ops.declare import registry
from ..tensor import Parameter, Tensor, function_of
from .making import parameter
from .module import Module
from .utils.rnn import PackedSequence

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """Layers of one recurrence, in one or both directions, with PyTorch's names for their weights.

    Input is (T, B, input_size), (B, T, input_size) with batch_first, (T, input_size), or a PackedSequence.
    """

    n_states: ClassVar[int] = 1  # h; an LSTM also has c

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        _check_dropout(dropout, num_layers)
        _check_settings(input_size, hidden_size, num_layers, bias, batch_first, proj_size)
        if mode not in _GATES:
            raise ValueError(f"Unrecognized RNN mode: {mode}")
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            for direction in range(self._directions):
                self._add_weights(layer, direction, device, dtype)
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _add_weights(self, layer: int, direction: int, device: Any, dtype: Any) -> None:
        rows, out = _GATES[self.mode] * self.hidden_size, self.proj_size or self.hidden_size
        sizes: dict[str, tuple[int, ...]] = {
            "weight_ih": (rows, self.input_size if layer == 0 else out * self._directions),
            "weight_hh": (rows, out),
        }
        if self.bias:
            sizes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            sizes["weight_hr"] = (self.proj_size, self.hidden_size)
        names = []
        for name, shape in sizes.items():
            names.append(f"{name}_l{layer}{'_reverse' if direction else ''}")
            setattr(self, names[-1], parameter(*shape, device=device, dtype=dtype))
        self._all_weights.append(names)

    def reset_parameters(self) -> None:
        """Draw all weights anew, uniform on ±1/√hidden_size."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The weights of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights(self) -> list[Parameter]:
        return [getattr(self, name) for names in self._all_weights for name in names]

    def flatten_parameters(self) -> None:
        """Nothing to do: the weights need not lie side by side in memory here."""

    # -- checks ----------------------------------------------------------------------------------------

    def check_input(self, input: Tensor, batch_sizes: Any) -> None:
        """Raise ValueError for another dtype than the weights', RuntimeError for a wrong shape."""
        weight = getattr(self, self._all_weights[0][0])
        if input._a.dtype != weight._a.dtype:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). "
                f"Convert input: input.to({weight.dtype}), or convert model: model.to({input.dtype})"
            )
        rank = 3 if batch_sizes is None else 2
        if input.ndim != rank:
            raise RuntimeError(f"input must have {rank} dimensions, got {input.ndim}")
        if input.size(-1) != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, "
                f"got {input.size(-1)}"
            )

    def get_expected_hidden_size(self, input: Tensor, batch_sizes: Any) -> tuple[int, int, int]:
        """The shape of h: (layers · directions, batch, hidden_size or proj_size)."""
        return self._state_shape(input, batch_sizes, self.proj_size or self.hidden_size)

    def _state_shape(self, input: Tensor, batch_sizes: Any, width: int) -> tuple[int, int, int]:
        batch = input.size(0 if self.batch_first else 1) if batch_sizes is None else int(batch_sizes[0])
        return self.num_layers * self._directions, batch, width

    def check_hidden_size(
        self, hx: Tensor, expected_hidden_size: tuple[int, ...], msg: str = "Expected hidden size {}, got {}"
    ) -> None:
        """Raise RuntimeError unless `hx` has the shape."""
        if tuple(hx.shape) != expected_hidden_size:
            raise RuntimeError(msg.format(expected_hidden_size, list(hx.shape)))

    def check_forward_args(self, input: Tensor, hidden: Any, batch_sizes: Any) -> None:
        """Raise unless input and state fit this layer."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """The state with its batch in another order."""
        return self._map(
            lambda state: state if permutation is None else state.index_select(1, permutation), hx
        )

    def _map(self, change: Any, hx: Any) -> Any:
        """`hx` with `change` applied to each of its tensors."""
        return tuple(map(change, hx)) if self.n_states > 1 else change(hx)

    # -- forward ---------------------------------------------------------------------------------------

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        if input.ndim not in (2, 3):
            name = type(self).__name__
            raise ValueError(f"{name}: Expected input to be 2D or 3D, got {input.ndim}D tensor instead")
        if input.ndim == 3:
            return self._forward_batch(input, hx)
        batch_dim = 0 if self.batch_first else 1
        hx = None if hx is None else self._map(lambda state: state.unsqueeze(1), self._ranked(hx, 2))
        output, hidden = self._forward_batch(input.unsqueeze(batch_dim), hx)
        return output.squeeze(batch_dim), self._map(lambda state: state.squeeze(1), hidden)

    def _ranked(self, hx: Any, rank: int) -> Any:
        """`hx` itself. Raises RuntimeError unless its tensors have `rank` dimensions."""
        ranks = [state.ndim for state in (hx if self.n_states > 1 else (hx,))]
        if any(r != rank for r in ranks):
            kind = "batched 3-D" if rank == 3 else "unbatched 2-D"
            found = "({}-D, {}-D) tensors".format(*ranks) if len(ranks) > 1 else f"{ranks[0]}-D tensor"
            names = "hx and cx" if len(ranks) > 1 else "hx"
            raise RuntimeError(f"For {kind} input, {names} should also be {rank}-D but got {found}")
        return hx

    def _forward_batch(self, input: Tensor, hx: Any) -> tuple[Tensor, Any]:
        hx = self._zeros(input, None) if hx is None else self._ranked(hx, 3)
        self.check_forward_args(input, hx, None)
        output, *last = self._run(input, hx, self._flat_weights, *self._settings(), self.batch_first)
        return output, self._joined(last)

    def _forward_packed(self, input: PackedSequence, hx: Any) -> tuple[PackedSequence, Any]:
        data, sizes, order, back = input
        counts = sizes.tolist()
        hx = self._zeros(data, counts) if hx is None else self.permute_hidden(hx, order)
        self.check_forward_args(data, hx, counts)
        output, *last = self._run(data, counts, hx, self._flat_weights, *self._settings())
        return PackedSequence(output, sizes, order, back), self.permute_hidden(self._joined(last), back)

    def _run(self, *args: Any) -> Any:
        return function_of(registry[self.mode.lower()])(*args)

    def _settings(self) -> tuple[Any, ...]:
        return self.bias, self.num_layers, self.dropout, self.training, self.bidirectional

    def _zeros(self, input: Tensor, batch_sizes: Any) -> Any:
        shape = self.get_expected_hidden_size(input, batch_sizes)
        return zeros(shape, dtype=input.dtype, device=input.device)

    def _joined(self, states: list[Tensor]) -> Any:
        return tuple(states) if self.n_states > 1 else states[0]

    def extra_repr(self) -> str:
        shown = [f"{self.input_size}", f"{self.hidden_size}"]
        usual = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0}
        for name, value in {**usual, "bidirectional": False}.items():
            if getattr(self, name) != value:
                shown.append(f"{name}={getattr(self, name)}")
        return ", ".join(shown)


def _check_dropout(dropout: Any, num_layers: int) -> None:
    kind = type(dropout)
    if not issubclass(kind, numbers.Number) or kind is bool or not 0 <= dropout <= 1:
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element being "
            f"zeroed, not {dropout!r}"
        )
    if dropout > 0 and num_layers == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
            f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}",
            stacklevel=4,
        )


def _check_settings(
    input_size: Any, hidden_size: Any, num_layers: int, bias: Any, batch_first: Any, proj_size: int
) -> None:
    for name, value, kind in (
        ("bias", bias, bool),
        ("batch_first", batch_first, bool),
        ("input_size", input_size, int),
        ("hidden_size", hidden_size, int),
    ):
        if not isinstance(value, kind):
            raise TypeError(f"{name} should be of type {kind.__name__}, got: {type(value).__name__}")
    for name, value in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
        if value <= 0:
            raise ValueError(f"{name} must be greater than zero, not {value}")
    if proj_size < 0:
        raise ValueError(
            f"proj_size should be a positive integer or zero to disable projections, not {proj_size}"
        )
    if proj_size >= hidden_size:
        raise ValueError(f"proj_size has to be smaller than hidden_size: {proj_size} and {hidden_size}")


def _refuse_projection(proj_size: Any) -> None:
    if proj_size is not None:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")


class RNN(RNNBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu. Outputs of the last layer, each layer's last h."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        proj_size: int | None = None,
    ) -> None:
        _refuse_projection(proj_size)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        mode = f"RNN_{nonlinearity.upper()}"
        settings = num_layers, bias, batch_first, dropout, bidirectional
        super().__init__(mode, input_size, hidden_size, *settings, device=device, dtype=dtype)
        self.nonlinearity = nonlinearity


class GRU(RNNBase):
    """h' = (1 - z) n + z h with gates r, z, n (Cho et al. 2014). Outputs, and each layer's last h."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        proj_size: int | None = None,
    ) -> None:
        _refuse_projection(proj_size)
        settings = num_layers, bias, batch_first, dropout, bidirectional
        super().__init__("GRU", input_size, hidden_size, *settings, device=device, dtype=dtype)


class LSTM(RNNBase):
    """c' = f c + i g, h' = o tanh(c') (Hochreiter and Schmidhuber 1997). Outputs, and last (h, c).

    With proj_size h is projected: h' = W_hr (o tanh(c')).
    """

    n_states = 2

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        settings = num_layers, bias, batch_first, dropout, bidirectional, proj_size
        super().__init__("LSTM", input_size, hidden_size, *settings, device, dtype)

    def get_expected_cell_size(self, input: Tensor, batch_sizes: Any) -> tuple[int, int, int]:
        """The shape of c: (layers · directions, batch, hidden_size)."""
        return self._state_shape(input, batch_sizes, self.hidden_size)

    def check_forward_args(self, input: Tensor, hidden: Sequence[Tensor], batch_sizes: Any) -> None:
        """Raise unless input and states fit this layer."""
        self.check_input(input, batch_sizes)
        h, c = (
            self.get_expected_hidden_size(input, batch_sizes),
            self.get_expected_cell_size(input, batch_sizes),
        )
        self.check_hidden_size(hidden[0], h, "Expected hidden[0] size {}, got {}")
        self.check_hidden_size(hidden[1], c, "Expected hidden[1] size {}, got {}")

    def _zeros(self, input: Tensor, batch_sizes: Any) -> Any:
        cell = self.get_expected_cell_size(input, batch_sizes)
        return super()._zeros(input, batch_sizes), zeros(cell, dtype=input.dtype, device=input.device)
