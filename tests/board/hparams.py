"""Logs with hyperparameters for tests, byte by byte."""

from rushlight.board.events import messages, records
from rushlight.board.logs.hparams import END, EXPERIMENT, START
from rushlight.io import protobuf as pb


def value(x):
    """A google.protobuf.Value."""
    if isinstance(x, bool):
        return pb.uint(4, x)
    if isinstance(x, str):
        return pb.text(3, x)
    return pb.uint(1, 0) if x is None else pb.double(2, x)


def start(values, group="", when=0.0):
    """An HParamsPluginData of a session's start."""
    pairs = b"".join(pb.data(1, pb.text(1, name) + pb.data(2, value(x))) for name, x in values.items())
    return pb.data(3, pairs + pb.text(4, group) + pb.double(5, when))


def end(status=1):
    return pb.data(4, pb.uint(1, status))


def experiment(parameters, metrics):
    """parameters: (name, type); metrics: (tag, group)."""
    infos = b"".join(pb.data(4, pb.text(1, name) + pb.uint(4, kind)) for name, kind in parameters)
    named = b"".join(pb.data(5, pb.data(1, pb.text(1, group) + pb.text(2, tag))) for tag, group in metrics)
    return pb.data(2, infos + named)


def write(folder, values=None, metrics=None, scalars=None, raw=None, status=1, group=""):
    """An event file with a session, and scalars by tag."""
    folder.mkdir(parents=True, exist_ok=True)
    tags = {}
    if metrics is not None:
        tags[EXPERIMENT] = experiment([], [(tag, "") if isinstance(tag, str) else tag for tag in metrics])
    if values is not None:
        tags |= {START: start(values, group), END: end(status)}
    tags |= raw or {}
    body = [messages.file_version(1.0)]
    for tag, content in tags.items():
        described = pb.data(9, messages.metadata("hparams", content))
        body.append(messages.event(1.0, 0, pb.text(1, tag) + described))
    body += [messages.event(2.0, 1, messages.scalar(tag, x)) for tag, x in (scalars or {}).items()]
    (folder / "events.out.tfevents.1.host").write_bytes(records.frame(body))
