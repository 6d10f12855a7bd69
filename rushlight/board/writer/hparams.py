"""Hyperparameters of a run and the metrics it ended with, for tables that compare runs.

Field numbers: tensorboard/plugins/hparams/{api,plugin_data}.proto, google/protobuf/struct.proto.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

from ...io import protobuf
from ..events import messages
from .values import array, number

EXPERIMENT, STARTED, ENDED = (
    f"_hparams_/{x}" for x in ("experiment", "session_start_info", "session_end_info")
)
_STRING, _FLOAT64 = 1, 3  # DataType
_SUCCESS = 1  # Status


def hparams(
    given: Mapping[str, Any], metrics: Mapping[str, Any], domains: Mapping[str, Sequence[Any]] | None
) -> list[bytes]:
    """Three Summary.Values: of the experiment, of the session's start with the values, and of its end.

    A value is a number, a string or a tensor of one element; None is left out. domains: the values that a
    hyperparameter may have. Truth values are numbers, as PyTorch writes them.
    """
    for mapping, what in ((given, "hparam_dict"), (metrics, "metric_dict"), (domains or {}, "domains")):
        if not isinstance(mapping, Mapping):
            raise TypeError(f"{what} is a dict of names and values, not {type(mapping).__name__}")
    values = {name: _plain(name, value) for name, value in given.items() if value is not None}
    limits = {name: _domain(name, given, domain) for name, domain in (domains or {}).items()}
    infos = [protobuf.data(4, _info(name, x, limits.get(name))) for name, x in values.items()]
    wanted = [protobuf.data(5, protobuf.data(1, protobuf.text(2, name))) for name in metrics]
    start = [
        protobuf.data(1, protobuf.text(1, name) + protobuf.data(2, _value(x))) for name, x in values.items()
    ]
    return [
        _session(EXPERIMENT, 2, b"".join(infos + wanted)),
        _session(STARTED, 3, b"".join(start)),
        _session(ENDED, 4, protobuf.uint(1, _SUCCESS)),
    ]


def _plain(name: str, value: Any) -> float | str:
    """A hyperparameter as a float or a string."""
    if isinstance(value, str):
        return value
    if isinstance(value, numbers.Real) or hasattr(value, "detach") or hasattr(value, "dtype"):
        if array(value).size:
            return number(array(value).reshape(-1)[0])
    raise ValueError(
        f"hyperparameter {name!r} is a {type(value).__name__}; it may be a number, string or tensor"
    )


def _domain(name: str, given: Mapping[str, Any], domain: Any) -> bytes:
    """A ListValue of the values that a hyperparameter may have."""
    if name not in given or not isinstance(domain, list):
        raise TypeError(f"hparam_domain_discrete[{name!r}] is a list of values for a name in hparam_dict")
    if not all(isinstance(x, type(given[name])) for x in domain):
        raise TypeError(f"hparam_domain_discrete[{name!r}] has values of another type than hparam_dict's")
    return b"".join(protobuf.data(1, _value(_plain(name, x))) for x in domain)


def _info(name: str, x: float | str, domain: bytes | None) -> bytes:
    """A HParamInfo."""
    kind = _STRING if isinstance(x, str) else _FLOAT64
    limits = b"" if domain is None else protobuf.data(5, domain)
    return protobuf.text(1, name) + protobuf.uint(4, kind) + limits


def _value(x: float | str) -> bytes:
    """A google.protobuf.Value."""
    return protobuf.text(3, x) if isinstance(x, str) else protobuf.double(2, x)


def _session(tag: str, field: int, content: bytes) -> bytes:
    return messages.described(tag, messages.metadata("hparams", protobuf.data(field, content)))
