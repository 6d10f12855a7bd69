"""The list of runs, and the points of scalars."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..logs.points import Points, shown
from ..logs.raw import raw_points
from ..logs.run import Run
from ..logs.series import Kept, Series
from .asking import asked, name_list, number
from .listing import changes_since, listing
from .numbers import answer, listed, packed
from .shared import Shared

MOST_POINTS = 1 << 17
MOST_READ = 1 << 28  # bytes of files that a zoom reads again to show what memory doesn't hold


class Span(NamedTuple):
    """What a chart shows: from `low` to `high` on an axis: "step", "wall", or "relative" (seconds)."""

    low: float
    high: float
    axis: str

    def places(self, points: Points, first: float) -> np.ndarray:
        """The positions of the points within."""
        x = points.step if self.axis == "step" else points.wall
        return np.flatnonzero((x >= self.low + first) & (x <= self.high + first))


class Line(NamedTuple):
    """A run's part of an answer, as it was when the question came."""

    run: Run
    kept: Kept
    count: int
    odd: Points


def routes(shared: Shared) -> list[Route]:
    """What the page asks about runs and scalars."""

    async def runs(request: Request) -> Response:
        with shared.store.lock:
            return answer(listing(shared.store))

    async def changes(request: Request) -> Response:
        since, epoch = request.query_params.get("since", ""), request.query_params.get("epoch", "")
        with shared.store.lock:
            return answer(changes_since(shared.store, since, epoch))

    async def scalars(request: Request) -> Response:
        question = await asked(request)
        tag, names = str(question["tag"]), name_list(question, "runs")
        most = number(question, "points", 2000, 2, MOST_POINTS)
        span, full = span_of(question), question.get("smoothing") is True
        with shared.store.lock:
            lines = [_line(run, series) for run, series in _found(shared, names, tag)]
        return await run_in_threadpool(_answer, tag, lines, most, span, full)

    async def table(request: Request) -> Response:
        question = await asked(request)
        tags, names = name_list(question, "tags"), name_list(question, "runs")
        if len(tags) * len(names) > 200_000:
            raise HTTPException(400, "a table has at most 200,000 rows; choose fewer runs or tags")
        with shared.store.lock:
            rows = [_row(run.name, tag, series) for tag in tags for run, series in _found(shared, names, tag)]
        return answer({"rows": rows})

    return [
        Route("/api/runs", runs),
        Route("/api/changes", changes),
        Route("/api/scalars", scalars, methods=["POST"]),
        Route("/api/table", table, methods=["POST"]),
    ]


def span_of(question: dict[str, Any]) -> Span | None:
    """The "range" [low, high] and "axis" of a question. Raises HTTPException for what is none."""
    found, axis = question.get("range"), question.get("axis", "step")
    if axis not in ("step", "wall", "relative"):
        raise HTTPException(400, "'axis' must be step, wall or relative")
    if found is None:
        return None
    good = isinstance(found, list) and len(found) == 2 and all(type(x) in (int, float) for x in found)
    if not good or not all(abs(x) < 1e300 and math.isfinite(x) for x in found):
        raise HTTPException(400, "'range' must be two numbers")
    return Span(float(found[0]), float(found[1]), axis)


def _found(shared: Shared, names: list[str], tag: str) -> list[tuple[Run, Series]]:
    runs = (shared.store.runs.get(name) for name in dict.fromkeys(names))
    return [(run, run.series[tag]) for run in runs if run is not None and tag in run.series]


def _line(run: Run, series: Series) -> Line:
    return Line(run, series.snapshot(), series.count, series.odd)


def _row(run: str, tag: str, series: Series) -> list[Any]:
    """[run, tag, last, step, lowest, highest, mean, count]: over all points that came, not those kept."""
    last = series.snapshot().last()
    mean = series.total / series.finite if series.finite else math.nan
    bounds = series.bounds if series.finite else (math.nan, math.nan)
    numbers = listed(np.array([last.value[0], *bounds, mean], np.float64)) if last.count else [None] * 4
    return [run, tag, numbers[0], int(last.step[0]) if last.count else None, *numbers[1:], series.count]


def _answer(tag: str, lines: list[Line], most: int, span: Span | None, full: bool) -> Response:
    heads, columns = [], []
    room = MOST_READ
    for line in lines:
        began = line.kept.first()
        first = began if span is not None and span.axis == "relative" else 0.0
        size = sum(file.size for file in line.run.files.values())
        if span is not None and line.kept.bucket > 2 and size <= room:
            line, room = _read_again(line, tag, span, first), room - size
        points, weight = line.kept.points(), line.kept.weights()
        if span is not None:
            inside = span.places(points, first)
            low, high = (max(0, int(inside[0]) - 1), int(inside[-1]) + 2) if len(inside) else (0, 0)
            points, weight = points.cut(low, high), weight[low:high]
        part = shown(points, weight, most)
        heads.append(
            {
                "run": line.run.name,
                "points": part.points.count,
                "count": line.count,
                **_more(line, began, full),
            }
        )
        columns += [*part.points, part.weight, part.mean] if full else part.points
    return packed({"tag": tag, "lines": heads}, columns)


def _more(line: Line, began: float, full: bool) -> dict[str, Any]:
    """The time of the first point, and those that are no numbers as "odd": [steps, walls, values]."""
    if not full:
        return {}
    odd = {"odd": [listed(column) for column in line.odd]} if line.odd.count else {}
    return {"first": listed(np.array([began]))[0], **odd}


def _read_again(line: Line, tag: str, span: Span, first: float) -> Line:
    """The line with the points within the span as the files hold them, and one more at each side."""
    series = Series(MOST_POINTS)
    before: Points | None = None
    try:
        for points in raw_points(list(line.run.files), tag):
            inside = span.places(points, first)
            if len(inside):
                begin = int(inside[0])
                if series.count == 0:
                    before = points.cut(begin - 1, begin) if begin else before
                    series.append(before if before is not None else points.cut(0, 0))
                series.append(points.cut(begin, int(inside[-1]) + 2).copy())
            before = points.cut(points.count - 1).copy()
    except OSError:  # the files went away meanwhile; memory still knows something
        return line
    return line._replace(kept=series.snapshot()) if series.count else line
