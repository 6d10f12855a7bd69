"""What the real TensorBoard, and our own reader, find in a folder of event files, in one form."""

from __future__ import annotations

import io
import json
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from rushlight.board.events.decoding import Value, decode_tensor
from rushlight.board.logs.store import Store
from rushlight.io import protobuf

Found = dict[tuple[str, str], dict[str, Any]]  # by (run, tag)
ALL = dict.fromkeys(("scalars", "tensors", "images", "audio", "histograms", "graph", "meta_graph"), 0)
TIMES = ("no step", "_hparams_", "hparam/", "custom_scalars__config__")  # tags whose calls take no walltime


def runs(root: Path) -> list[str]:
    """Folders with event files, from the root."""
    return sorted({str(path.parent.relative_to(root)) for path in root.rglob("*tfevents*")})


def picture(data: bytes) -> Any:
    """The pixels of an image file, all frames."""
    from PIL import Image, ImageSequence

    file = Image.open(io.BytesIO(data))
    mode = "RGBA" if file.mode == "RGBA" else "RGB"
    return [np.asarray(frame.convert(mode)) for frame in ImageSequence.Iterator(file)]


def when(tag: str, wall: float) -> float:
    """A time to be compared; 0 where the call takes none."""
    return 0.0 if tag.startswith(TIMES) else wall


def tensorboard_reads(root: Path) -> Found:
    """By TensorBoard's EventAccumulator."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    found: Found = {}
    for run in runs(root):
        reader = EventAccumulator(str(root / run), size_guidance=ALL).Reload()
        tags = reader.Tags()
        told = reader.summary_metadata
        for tag in tags["scalars"]:
            found[run, tag] = {
                "scalars": [(e.step, when(tag, e.wall_time), e.value) for e in reader.Scalars(tag)]
            }
        for tag in tags["images"]:
            found[run, tag] = {
                "images": [
                    (e.step, when(tag, e.wall_time), e.width, e.height, picture(e.encoded_image_string))
                    for e in reader.Images(tag)
                ]
            }
        for tag in tags["audio"]:
            found[run, tag] = {
                "audio": [
                    (e.step, when(tag, e.wall_time), e.encoded_audio_string, e.content_type, e.sample_rate,
                     e.length_frames)
                    for e in reader.Audio(tag)
                ]
            }  # fmt: skip
        for tag in tags["histograms"]:
            found[run, tag] = {
                "histograms": [
                    (e.step, when(tag, e.wall_time), *(getattr(e.histogram_value, x) for x in MOMENTS),
                     np.array(e.histogram_value.bucket_limit), np.array(e.histogram_value.bucket))
                    for e in reader.Histograms(tag)
                ]
            }  # fmt: skip
        for tag in tags["tensors"]:
            values = [
                (e.step, when(tag, e.wall_time), make_ndarray(e.tensor_proto)) for e in reader.Tensors(tag)
            ]
            found[run, tag] = {"tensors": values}
        for tag, about in told.items():  # of hparams there is nothing else
            plugin, content = about.plugin_data.plugin_name, about.plugin_data.content
            content = _hparams(content) if plugin == "hparams" else content  # its maps have no order
            found.setdefault((run, tag), {})["about"] = (plugin, content, about.summary_description)
        if tags["graph"]:
            found[run, ""] = {"graph": reader.Graph().SerializeToString()}
    return found


def _hparams(content: bytes) -> Any:
    from google.protobuf.json_format import MessageToDict
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    return MessageToDict(HParamsPluginData.FromString(content))


MOMENTS = ("min", "max", "num", "sum", "sum_squares")


def rushlight_reads(root: Path) -> Found:
    """By our Store and decoding."""
    store = Store(root)
    while store.poll().more:
        pass
    found: Found = {}
    for run in store.runs.values():
        for tag, series in run.series.items():
            points = zip(*(column.tolist() for column in series.all()), strict=True)
            found[run.name, tag] = {"scalars": [(k, when(tag, wall), x) for k, wall, x in points]}
        for kind, tags in run.entries.items():
            for tag, entries in tags.items():
                here = [
                    (entry.step, when(tag, entry.wall), entries.value(k, tag))
                    for k, entry in enumerate(entries.all())
                ]
                found[run.name, tag] = {
                    **_decoded(here),
                    "about": (kind, entries.content, entries.description),
                }
        if run.graph is not None:
            found[run.name, ""] = {"graph": run.graph.read().graph}
    return found


def _decoded(entries: list[tuple[int, float, Value]]) -> dict[str, Any]:
    """The values of one tag as tensorboard_reads gives them."""
    name = {4: "images", 5: "histograms", 6: "audio", 8: "tensors"}.get(entries[0][2].field)
    return {} if name is None else {name: [(k, wall, *_plain(value)) for k, wall, value in entries]}


def _plain(value: Value) -> tuple[Any, ...]:
    assert isinstance(value.data, bytes)
    if value.field == 8:
        return (decode_tensor(value.data),)
    f: dict[int, Any] = dict(protobuf.fields(value.data))
    if value.field == 4:
        return f[2], f[1], picture(f[4])
    if value.field == 6:
        return f[4], f[5].decode(), float(protobuf.numbers(f[1], "<f4")[0]), f[3]
    moments = [float(protobuf.numbers(f[k], "<f8")[0]) if k in f else 0.0 for k in range(1, 6)]
    return *moments, protobuf.numbers(f[6], "<f8"), protobuf.numbers(f[7], "<f8")


def same(a: Any, b: Any) -> bool:
    """Whether what two readers found is equal; NaN equals itself."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(x, b[key]) for key, x in a.items())
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        if a.dtype.kind == "O":
            return a.shape == b.shape and a.tolist() == b.tolist()
        return (
            a.shape == b.shape
            and a.dtype.kind == b.dtype.kind
            and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        )
    return a == b or (isinstance(a, float) and (a != a and b != b or abs(a - b) <= 1e-12 * abs(a)))


def differences(a: Found, b: Found) -> list[str]:
    """The tags that two readings have not in common, or not with the same values."""
    found = [f"{key}: {'missing' if key in a else 'too many'}" for key in sorted(a.keys() ^ b.keys())]
    return found + [f"{key}" for key in sorted(a.keys() & b.keys()) if not same(a[key], b[key])]


def as_shown(found: Found) -> Found:
    """What is compared between readers.

    TensorBoard keeps metadata of plugins alone, we of every kind; and we take a scalar that is written as a
    tensor for a scalar, of float32 as all of them.
    """
    shown: Found = {}
    for key, kinds in found.items():
        shown[key] = {kind: x for kind, x in kinds.items() if kind != "about"}
        if "tensors" in kinds and kinds.get("about", ("",))[0] == "scalars":
            numbers = [(k, wall, float(np.float32(x))) for k, wall, x in kinds["tensors"]]
            shown[key] = {"scalars": numbers}
    return shown


def beside(root: Path) -> dict[str, Any]:
    """The files beside event files, images decoded."""
    paths = [path for path in root.rglob("*") if path.is_file() and "tfevents" not in path.name]
    return {
        os.path.relpath(path, root): picture(path.read_bytes()) if path.suffix == ".png" else path.read_text()
        for path in paths
    }


class Page:
    """TensorBoard's own server over a folder, asked without a network."""

    def __init__(self, root: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what TensorBoard imports
            self.client = self._client(root)

    def _client(self, root: Path) -> Any:
        from tensorboard import default, program
        from tensorboard.backend import application
        from werkzeug.test import Client

        board = program.TensorBoard(plugins=default.get_plugins())
        board.configure(("tensorboard", f"--logdir={root}", "--load_fast=false", "--reload_interval=0"))
        provider, multiplexer = board._make_data_provider()
        app = application.TensorBoardWSGIApp(
            board.flags, board.plugin_loaders, provider, board.assets_zip_provider, multiplexer
        )
        return Client(app)

    def get(self, path: str, **query: Any) -> Any:
        """The answer's JSON, or its bytes if it is none."""
        answer = self.client.get(f"/data/{path}", query_string=query or None)
        assert answer.status_code == 200, (path, query, answer.status, answer.data[:300])
        return json.loads(answer.data) if "json" in answer.headers["Content-Type"] else answer.data

    def post(self, path: str, body: Any) -> Any:
        """The same for what is asked by POST."""
        answer = self.client.post(f"/data/{path}", data=json.dumps(body), content_type="application/json")
        assert answer.status_code == 200, (path, answer.status, answer.data[:300])
        return json.loads(answer.data)
