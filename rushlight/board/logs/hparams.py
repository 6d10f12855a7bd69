"""What a run was told (hyperparameters) and which scalars say how well it went: the plugin `hparams`.

A session writes `_hparams_/session_start_info` (its values) and `_hparams_/session_end_info`, and once
`_hparams_/experiment` says what they mean; each is metadata alone. Source of the field numbers: TensorBoard's
plugins/hparams/{plugin_data,api}.proto and google/protobuf/struct.proto.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from ...io import protobuf

KIND = "hparams"
START, END, EXPERIMENT = (
    f"_hparams_/{name}" for name in ("session_start_info", "session_end_info", "experiment")
)
_TYPES = {1: "string", 2: "bool", 3: "number"}
_STATUS = {1: "success", 2: "failure", 3: "running"}
Setting = float | str | bool | None


@dataclass
class Metric:
    """A scalar that says how well a session went: `tag` in its sub-run `group`."""

    tag: str
    group: str = ""
    title: str = ""
    description: str = ""


@dataclass
class Parameter:
    """What an experiment says of a hyperparameter. type: "number", "string", "bool" or "" (not said)."""

    name: str
    title: str = ""
    description: str = ""
    type: str = ""


@dataclass
class Experiment:
    """What the sessions of an experiment have in common."""

    parameters: list[Parameter] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)


@dataclass
class Session:
    """One training run: its values, its group, its end ("success", "failure", "running" or "")."""

    values: dict[str, Setting] = field(default_factory=dict)
    group: str = ""
    started: float = 0.0
    status: str = ""


def read_session(contents: dict[str, bytes]) -> Session | None:
    """The session that a run's entries tell of, contents by tag; None: of none. Raises ValueError."""
    if START not in contents:
        return None
    session = Session()
    for number, value in _parts(contents[START], 3):
        if number == 1:
            pair = dict(protobuf.fields(_message(value)))
            session.values[_text(pair.get(1, b""))] = _setting(_message(pair.get(2, b"")))
        elif number == 4:
            session.group = _text(value)
        elif number == 5:
            session.started = _double(value)
    if END in contents:
        ends = dict(_parts(contents[END], 4))
        session.status = _STATUS.get(_integer(ends.get(1, 0)), "")
    return session


def read_experiment(contents: dict[str, bytes]) -> Experiment:
    """What a run's entries say of the experiment; nothing if they don't. Raises ValueError."""
    experiment = Experiment()
    if EXPERIMENT not in contents:
        return experiment
    for number, value in _parts(contents[EXPERIMENT], 2):
        if number == 4:
            experiment.parameters.append(_parameter(_message(value)))
        elif number == 5:
            experiment.metrics.append(_metric(_message(value)))
    return experiment


def _parts(content: bytes, number: int) -> list[tuple[int, int | bytes]]:
    """The fields of the message that an HParamsPluginData holds under a number."""
    inner = dict(protobuf.fields(content)).get(number, b"")
    return list(protobuf.fields(_message(inner)))


def _parameter(message: bytes) -> Parameter:
    found = dict(protobuf.fields(message))
    kind = _TYPES.get(_integer(found.get(4, 0)), "")
    return Parameter(*(_text(found.get(k, b"")) for k in (1, 2, 3)), type=kind)


def _metric(message: bytes) -> Metric:
    found = dict(protobuf.fields(message))
    name = dict(protobuf.fields(_message(found.get(1, b""))))
    tag, group = (_text(name.get(k, b"")) for k in (2, 1))
    return Metric(tag, group, *(_text(found.get(k, b"")) for k in (3, 4)))


def _setting(message: bytes) -> Setting:
    """A google.protobuf.Value; a list or a struct is no setting, and is shown as such."""
    for number, value in protobuf.fields(message):
        if number == 2:
            return _double(value)
        if number == 3:
            return _text(value)
        if number == 4:
            return bool(value)
        if number in (5, 6):
            return "(a structure)"
    return None


def _message(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("hparams have a number where a message belongs")
    return value


def _integer(value: int | bytes) -> int:
    return value if isinstance(value, int) else 0


def _text(value: int | bytes) -> str:
    return _message(value).decode(errors="replace")


def _double(value: int | bytes) -> float:
    data = _message(value)
    if len(data) != 8:
        raise ValueError("hparams have a number of the wrong type")
    return struct.unpack("<d", data)[0]
