"""Graphs in logs: GraphDefs (of PyTorch, TensorFlow 1, ours), and what TensorFlow 2 and Keras write."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from ...io import protobuf
from ..events.decoding import decode_tensor
from ..events.graphdefs import MOST_NODES, GraphNode, TooLarge, decode_graph
from .entries import Place
from .run import Run

MOST_BYTES = 1 << 28  # of a graph's record: more is not read
KEPT = 4  # graphs kept decoded
#: the plugins under which TensorFlow 2 writes RunMetadata with graphs, and Keras its layers as JSON
METADATA, KERAS = ("graph_run_metadata_graph", "graph_run_metadata"), "graph_keras_model"


def listed(run: Run) -> list[tuple[str, str]]:
    """(kind, tag) of the graphs of a run; the kind of a GraphDef of its own is "graph"."""
    found = [("graph", "")] if run.graph is not None else []
    return found + [(kind, tag) for kind in (*METADATA, KERAS) for tag in run.entries.get(kind, {})]


def place_of(run: Run, kind: str, tag: str) -> Place:
    """Where a graph is. Raises LookupError if there is none."""
    if kind == "graph" and run.graph is not None:
        return run.graph
    entries = run.entries.get(kind, {}).get(tag)
    if kind not in (*METADATA, KERAS) or entries is None or not entries.all():
        raise LookupError(f"the run {run.name!r} has no graph {tag!r}")
    return entries.all()[-1].place


class Graphs:
    """Decodes graphs, and keeps the last few."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], list[GraphNode]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, place: Place, kind: str, tag: str) -> list[GraphNode]:
        """The nodes of the graph there. Raises ValueError, OSError; TooLarge for what can't be drawn."""
        key = (place, kind, tag)
        with self._lock:
            found = self._kept.pop(key, None)
            self._kept[key] = found = found if found is not None else _decoded(place, kind, tag)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return found


def _decoded(place: Place, kind: str, tag: str) -> list[GraphNode]:
    if place.length > MOST_BYTES:
        raise TooLarge(f"this graph has {place.length >> 20} MB, and the board reads {MOST_BYTES >> 20} MB")
    event = place.read()
    if kind == "graph":
        if event.graph is None:
            raise ValueError("the record holds no graph any more")
        return decode_graph(event.graph)
    content = next((v.data for v in event.values if v.tag == tag and isinstance(v.data, bytes)), b"")
    (message,) = decode_tensor(content).reshape(-1)[:1]
    if kind == KERAS:
        return keras_graph(message)
    return decode_graph(b"".join(_graphs_of(message)))  # repeated fields of messages add up


def _graphs_of(message: bytes) -> Iterator[bytes]:
    """The GraphDefs of a RunMetadata: of each function as it was written, else the partitions that ran."""
    functions = [f for number, f in protobuf.fields(message) if number == 4 and isinstance(f, bytes)]
    written = [g for f in functions for n, g in protobuf.fields(f) if n == 2 and isinstance(g, bytes)]
    ran = [g for number, g in protobuf.fields(message) if number == 3 and isinstance(g, bytes)]
    yield from written or ran


def keras_graph(text: bytes) -> list[GraphNode]:
    """The layers of a Keras model's JSON. Raises ValueError for what is none."""
    try:
        config = json.loads(text)["config"]
        layers = config["layers"] if isinstance(config, dict) else config
        named = [(str(_layer_name(layer)), layer) for layer in layers[:MOST_NODES]]
    except (KeyError, TypeError, RecursionError, AttributeError) as error:
        raise ValueError(f"this is no Keras model: {type(error).__name__}: {error}") from None
    known = {name for name, _ in named}
    nodes, before = [], ""
    for name, layer in named:
        inputs = list(dict.fromkeys(_mentioned(layer.get("inbound_nodes"), known)))
        if "inbound_nodes" not in layer and before:  # a Sequential's layers follow each other
            inputs = [before]
        nodes.append(GraphNode(name, str(layer.get("class_name", "")), inputs))
        before = name
    return nodes


def _layer_name(layer: dict[str, Any]) -> str:
    return layer["name"] if "name" in layer else layer["config"]["name"]


def _mentioned(x: Any, known: set[str], depth: int = 0) -> Iterator[str]:
    """The layers that an inbound node names, in whichever of Keras's ways of nesting them."""
    if isinstance(x, str) and x in known:
        yield x
    elif isinstance(x, list | dict) and depth < 20:
        for v in x.values() if isinstance(x, dict) else x:
            yield from _mentioned(v, known, depth + 1)
