"""Recurrent cells, one step at a time: RNNCell, LSTMCell, GRUCell."""

from __future__ import annotations

import math
from typing import Any

import rushlight.nn.init as init

from ..creation import zeros
from ..ops.declare import registry
from ..tensor import Tensor, function_of
from .making import parameter
from .module import Module


class RNNCellBase(Module):
    """The weights of a cell: those of its gates stand below each other."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = parameter(rows, input_size, device=device, dtype=dtype)
        self.weight_hh = parameter(rows, hidden_size, device=device, dtype=dtype)
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, parameter(rows, device=device, dtype=dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew, uniform on ±1/√hidden_size."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        shown = [f"{self.input_size}", f"{self.hidden_size}"]
        shown += [] if self.bias is True else [f"bias={self.bias}"]
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return ", ".join(shown + ([] if nonlinearity == "tanh" else [f"nonlinearity={nonlinearity}"]))

    def _step(self, op: str, input: Tensor, hx: Any) -> Any:
        """The op on a batch. `hx` is the states as a tuple, or None for zeros."""
        weights = self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh
        return function_of(registry[op])(input, hx, *weights)

    def _zeros(self, input: Tensor) -> Tensor:
        return zeros(input.size(0), self.hidden_size, dtype=input.dtype, device=input.device)

    def _check(self, input: Tensor, **states: Tensor) -> None:
        name = type(self).__name__
        for what, value in {"input": input, **states}.items():
            if value.ndim not in (1, 2):
                raise ValueError(f"{name}: Expected {what} to be 1D or 2D, got {value.ndim}D instead")

    def _step_of_one(self, op: str, input: Tensor, hx: Tensor | None) -> Tensor:
        """A step of a cell whose state is one tensor; input (inputs) or (B, inputs)."""
        self._check(input, **({} if hx is None else {"hidden": hx}))
        if input.ndim == 2:
            return self._step(op, input, self._zeros(input) if hx is None else hx)
        row = input.unsqueeze(0)
        return self._step(op, row, self._zeros(row) if hx is None else hx.unsqueeze(0)).squeeze(0)


class RNNCell(RNNCellBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._step_of_one(f"rnn_{self.nonlinearity}_cell", input, hx)


class GRUCell(RNNCellBase):
    """h' = (1 - z) n + z h with gates r, z, n (Cho et al. 2014)."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._step_of_one("gru_cell", input, hx)


class LSTMCell(RNNCellBase):
    """c' = f c + i g, h' = o tanh(c') (Hochreiter and Schmidhuber 1997); returns (h', c')."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        self._check(input, **{f"hx[{i}]": state for i, state in enumerate(hx or ())})
        rows = input if input.ndim == 2 else input.unsqueeze(0)
        if hx is None:
            hx = self._zeros(rows), self._zeros(rows)
        elif input.ndim == 1:
            hx = hx[0].unsqueeze(0), hx[1].unsqueeze(0)
        h, c = self._step("lstm_cell", rows, hx)
        return (h, c) if input.ndim == 2 else (h.squeeze(0), c.squeeze(0))
