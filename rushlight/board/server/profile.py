"""Profiles: which traces there are, the events of one as columns, and what they add up to."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..logs.profiles import KEYS, Span, flame, table
from ..logs.tracefiles import TraceFile
from ..logs.traces import Trace, is_number, read_trace
from .asking import asked
from .numbers import packed
from .shared import Shared

KEPT = 2  # traces kept in memory
MOST_DRAWN = 200_000  # events sent to a page: of more, the longest


class Traces:
    """Reads traces, one at a time, and keeps the last few."""

    def __init__(self) -> None:
        self._kept: OrderedDict[TraceFile, Trace] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, file: TraceFile) -> Trace:
        """The trace in a file as it is now. Raises OSError, ValueError."""
        with self._lock:
            found = self._kept.pop(file, None)
            self._kept[file] = found = found if found is not None else read_trace(file.path)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return found


def routes(shared: Shared) -> list[Route]:
    """What the page asks about profiles."""
    traces = Traces()

    async def listing(request: Request) -> Response:
        files = sorted(shared.store.traces.files.items(), key=lambda item: (item[1].run, item[1].time))
        rows = [
            {"trace": name, "run": file.run, "name": file.path.name, "size": file.size, "time": file.time}
            for name, file in files
        ]
        return JSONResponse({"traces": rows})

    async def events(request: Request) -> Response:
        trace = await _trace(shared, traces, await asked(request))
        return await run_in_threadpool(columns, trace)

    async def sums(request: Request) -> Response:
        question = await asked(request)
        by, span = _one_of(question, "by", tuple(KEYS)), _span(question)
        trace = await _trace(shared, traces, question)
        return JSONResponse({"rows": await run_in_threadpool(table, trace, by, span)})

    async def tree(request: Request) -> Response:
        question = await asked(request)
        by, span = _one_of(question, "by", ("call", "module", "line")), _span(question)
        trace = await _trace(shared, traces, question)
        return JSONResponse({"tree": await run_in_threadpool(flame, trace, by, span)})

    return [
        Route("/api/traces", listing),
        Route("/api/trace", events, methods=["POST"]),
        Route("/api/trace/table", sums, methods=["POST"]),
        Route("/api/trace/flame", tree, methods=["POST"]),
    ]


async def _trace(shared: Shared, traces: Traces, question: dict[str, Any]) -> Trace:
    """The trace that is asked for, by a name of the list; what can't be read is a 422 that says why."""
    name = str(question["trace"])
    file = shared.store.traces.files.get(name)
    if file is None:
        raise HTTPException(404, f"there is no trace {name!r}")
    try:
        return await run_in_threadpool(traces.read, file)
    except (ValueError, OSError) as error:
        raise HTTPException(422, f"This trace can't be shown: {error}") from None


def _one_of(question: dict[str, Any], name: str, choices: tuple[str, ...]) -> str:
    found = question.get(name, choices[0])
    if found not in choices:
        raise HTTPException(400, f"{name!r} must be one of {', '.join(choices)}")
    return found


def _span(question: dict[str, Any]) -> Span:
    """A beginning and an end in microseconds, or None for all."""
    found = question.get("span")
    if found is None:
        return None
    if not isinstance(found, list) or len(found) != 2 or not all(map(is_number, found)):
        raise HTTPException(400, "'span' must be two numbers")
    return float(found[0]), float(found[1])


#: the columns sent, in this order
SENT = (
    "start",
    "duration",
    "own",
    "depth",
    "bytes",
    "name",
    "cat",
    "lane",
    "module",
    "line",
    "node",
    "shapes",
)


def columns(trace: Trace) -> Response:
    """The events by column, lane by lane in the order of their starts."""
    kept = slice(None)
    if len(trace) > MOST_DRAWN:
        kept = np.sort(np.argpartition(-trace.duration, MOST_DRAWN)[:MOST_DRAWN])
    found = [
        (getattr(trace, name) if name not in trace.column else trace.column[name])[kept] for name in SENT
    ]
    head = {
        "columns": SENT,
        "count": len(found[0]),
        "all": len(trace),
        "texts": trace.names.texts,
        "lanes": trace.lanes,
        "steps": trace.steps,
        "note": trace.note,
    }
    return packed(head, found)
