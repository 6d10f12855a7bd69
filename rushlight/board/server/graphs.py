"""The graphs of models: which there are, the nodes of one, and all that is known of a node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..events.graphdefs import GraphNode, shape_text
from ..logs.graphs import Graphs, listed, place_of
from .asking import asked
from .shared import Shared

MOST_LISTED = 1000
MOST_INPUTS = 1 << 19  # edges sent of a graph


def routes(shared: Shared) -> list[Route]:
    """What the page asks about graphs."""
    graphs = Graphs()

    async def listing(request: Request) -> Response:
        with shared.store.lock:
            runs = sorted(shared.store.runs.values(), key=lambda run: run.name)
            found = [(run.name, kind, tag) for run in runs for kind, tag in listed(run)]
        rows = [{"run": run, "kind": kind, "tag": tag} for run, kind, tag in found[:MOST_LISTED]]
        return JSONResponse({"graphs": rows, "all": len(found)})

    async def graph(request: Request) -> Response:
        nodes = await _nodes(shared, graphs, await asked(request))
        return JSONResponse(await run_in_threadpool(drawn, nodes))

    async def node(request: Request) -> Response:
        question = await asked(request)
        nodes, number = await _nodes(shared, graphs, question), question["node"]
        if not isinstance(number, int) or not 0 <= number < len(nodes):
            raise HTTPException(400, f"'node' must be a number from 0 to {len(nodes) - 1}")
        return JSONResponse({"attributes": nodes[number].attributes, "inputs": nodes[number].inputs[:1000]})

    return [
        Route("/api/graphs", listing),
        Route("/api/graph", graph, methods=["POST"]),
        Route("/api/graph/node", node, methods=["POST"]),
    ]


async def _nodes(shared: Shared, graphs: Graphs, question: dict[str, Any]) -> list[GraphNode]:
    """The nodes of the graph that is asked for; what can't be read or drawn is a 422 with the reason."""
    run, kind, tag = (str(question[name]) for name in ("run", "kind", "tag"))
    with shared.store.lock:
        found = shared.store.runs.get(run)
        if found is None:
            raise HTTPException(404, f"there is no run {run!r}")
        try:
            place = place_of(found, kind, tag)
        except LookupError as error:
            raise HTTPException(404, str(error)) from None
    try:
        return await run_in_threadpool(graphs.read, place, kind, tag)
    except (ValueError, OSError) as error:
        raise HTTPException(422, f"This graph can't be shown: {error}") from None


def drawn(nodes: Sequence[GraphNode]) -> dict[str, Any]:
    """A graph as the page takes it: for each node a row of

    [name, op, [[node, output] ...], [[shape, dtype] ...], line, the line's text, classes of the modules]

    where nodes are numbers of rows, output -1 is an order without data. What names no node is left out.
    """
    numbers = _numbers(nodes)
    rows, left, unknown = [], MOST_INPUTS, 0
    for node in nodes:
        found = [_input(name, numbers) for name in node.inputs[: max(left, 0)]]
        inputs = [one for one in found if one is not None]
        left -= len(inputs)
        unknown += len(found) - len(inputs)
        outputs = [
            [shape_text(shape), node.dtypes[k] if k < len(node.dtypes) else ""]
            for k, shape in enumerate(node.shapes)
        ]
        said = [node.attributes.get(name, "") for name in ("_source", "_source_text", "_modules")]
        rows.append([node.name, node.op, inputs, outputs[:64], *said])
    return {"nodes": rows, "unknown": unknown}


def _numbers(nodes: Sequence[GraphNode]) -> dict[str, int]:
    """The number of each name; of two nodes with one name inputs mean the first."""
    numbers: dict[str, int] = {}
    for k, node in enumerate(nodes):
        numbers.setdefault(node.name, k)
    return numbers


def _input(name: str, numbers: dict[str, int]) -> tuple[int, int] | None:
    """(node, output) of an input; TensorFlow writes "name", "name:1" and "^name"."""
    if name.startswith("^"):
        return (numbers[name[1:]], -1) if name[1:] in numbers else None
    if name in numbers:
        return numbers[name], 0
    before, _, index = name.rpartition(":")
    if before in numbers and index.isascii() and index.isdigit() and len(index) < 6:
        return numbers[before], int(index)
    return None
