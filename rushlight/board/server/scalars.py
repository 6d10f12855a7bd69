"""The list of runs, and the points of scalars."""

from __future__ import annotations

from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..logs.series import Points, Series, thinned
from .asking import asked, name_list, number
from .numbers import packed
from .shared import Shared

MOST_POINTS = 1 << 17


def routes(shared: Shared) -> list[Route]:
    """What the page asks about runs and scalars."""

    async def runs(request: Request) -> Response:
        with shared.store.lock:
            return JSONResponse(listing(shared))

    async def scalars(request: Request) -> Response:
        question = await asked(request)
        tag, names = str(question["tag"]), name_list(question, "runs")
        most = number(question, "points", 2000, 2, MOST_POINTS)
        span = question.get("range")
        with shared.store.lock:
            found = {name: series for name in names if (series := _series(shared, name, tag)) is not None}
            points = {name: _points(series, most, span) for name, series in found.items()}
        lines = [{"run": name, "points": p.count, "count": found[name].count} for name, p in points.items()]
        return packed({"tag": tag, "lines": lines}, [column for p in points.values() for column in p])

    return [Route("/api/runs", runs), Route("/api/scalars", scalars, methods=["POST"])]


def listing(shared: Shared) -> dict[str, Any]:
    """All runs, and for each kind of view its tags with the numbers of the runs that have them."""
    tags: dict[str, dict[str, list[int]]] = {}
    runs = sorted(shared.store.runs.values(), key=lambda run: run.name)
    for k, run in enumerate(runs):
        kinds: dict[str, Any] = {"scalars": run.series, **run.entries}
        if run.graph is not None or run.metas:
            kinds["graphs"] = {"": None}
        if run.projector:
            kinds["embeddings"] = {"": None}
        for kind, named in kinds.items():
            for tag in named:
                tags.setdefault(kind, {}).setdefault(tag, []).append(k)
    if shared.store.traces.files:
        holders = {file.run for file in shared.store.traces.files.values()}
        tags["profile"] = {"": [k for k, run in enumerate(runs) if run.name in holders]}
    return {
        "logdir": str(shared.store.root),
        "runs": [{"name": run.name, "started": run.started, "bad": run.bad} for run in runs],
        "tags": tags,
    }


def _series(shared: Shared, run: str, tag: str) -> Series | None:
    return shared.store.runs[run].series.get(tag) if run in shared.store.runs else None


def _points(series: Series, most: int, span: Any) -> Points:
    """The points, or those whose step lies within `span` and one more at each side."""
    if not (isinstance(span, list) and len(span) == 2):
        return series.points(most)
    points = series.all()
    inside = np.flatnonzero((points.step >= span[0]) & (points.step <= span[1]))
    first, last = (max(0, int(inside[0]) - 1), int(inside[-1]) + 2) if len(inside) else (0, 0)
    return thinned(points.cut(first, last), most)
