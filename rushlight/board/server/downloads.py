"""Scalars as files: all points, not those a chart shows, sent as they are read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ..logs.raw import raw_points
from .asking import body_of
from .numbers import listed
from .shared import Shared

MOST_RUNS = 10_000
Source = tuple[str, list[Path]]


def routes(shared: Shared) -> list[Route]:
    """GET /api/download?tag=..&run=..&run=..&format=csv|json (or POST, as a form, for many runs)."""

    async def download(request: Request) -> Response:
        form = await _form(request)
        tag, kind = form.get("tag", [""])[0], form.get("format", ["csv"])[0]
        if kind not in FORMATS:
            raise HTTPException(400, "'format' must be csv or json")
        with shared.store.lock:
            found = [shared.store.runs.get(name) for name in form.get("run", [])[:MOST_RUNS]]
            sources = [(run.name, list(run.files)) for run in found if run is not None and tag in run.series]
        if not sources:
            raise HTTPException(404, f"no run that was named has the scalar {tag!r}")
        write, media = FORMATS[kind]
        name = "".join(c if c.isascii() and (c.isalnum() or c in ".-") else "_" for c in tag)[:100]
        headers = {"content-disposition": f'attachment; filename="{name}.{kind}"'}
        return StreamingResponse(write(tag, sources), media_type=media, headers=headers)

    return [Route("/api/download", download, methods=["GET", "POST"])]


async def _form(request: Request) -> dict[str, list[str]]:
    """The fields of the address, or of a form's body."""
    text = request.url.query if request.method == "GET" else (await body_of(request)).decode("latin-1")
    try:
        return parse_qs(text, max_num_fields=MOST_RUNS + 10)
    except ValueError as error:
        raise HTTPException(400, f"at most {MOST_RUNS} runs at once") from error


def csv_parts(tag: str, sources: list[Source]) -> Iterator[str]:
    """run,step,wall_time,value: a row for each point; NaN, Infinity and -Infinity as those words."""
    yield "run,step,wall_time,value\n"
    for name, paths in sources:
        run = _quoted(name)
        for rows in _rows(paths, tag):
            yield "".join(f"{run},{step},{wall},{_csv(value)}\n" for step, wall, value in rows)


def json_parts(tag: str, sources: list[Source]) -> Iterator[str]:
    """{"tag": .., "columns": [..], "points": [[run, step, wall_time, value], ..]}; NaN is null."""
    yield f'{{"tag": {json.dumps(tag)}, "columns": ["run", "step", "wall_time", "value"], "points": [\n'
    between = ""
    for name, paths in sources:
        for rows in _rows(paths, tag):
            yield between + ",\n".join(json.dumps([name, *row], allow_nan=False) for row in rows)
            between = ",\n"
    yield "\n]}\n"


def _rows(paths: list[Path], tag: str) -> Iterator[Iterator[tuple[int, float, float | str | None]]]:
    """Parts of the points as (step, wall, value); what has gone meanwhile ends them."""
    try:
        for points in raw_points(paths, tag):
            value = [float(f"{x:.9g}") if type(x) is float else x for x in listed(points.value)]
            yield zip(points.step.tolist(), listed(points.wall), value, strict=True)
    except OSError:
        return


def _csv(value: float | str | None) -> str:
    return "NaN" if value is None else str(value)


def _quoted(text: str) -> str:
    """A field of a CSV file. One that a spreadsheet would take for a formula gets a quote before it."""
    text = "'" + text if text[:1] in "=+-@\t\r" else text
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in '",\r\n') else text


FORMATS = {"csv": (csv_parts, "text/csv"), "json": (json_parts, "application/json")}
