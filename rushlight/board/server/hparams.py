"""Hyperparameters and metrics of all runs as one table.

A row is a session. PyTorch's add_hparams makes a sub-run named by the time; the row takes what that sub-run
lacks from the run it was made in. Runs without hyperparameters have a row if they have scalars.
"""

from __future__ import annotations

import logging
import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..logs.hparams import KIND, Experiment, Metric, Session, Setting, read_experiment, read_session
from ..logs.run import Run
from .shared import Shared

METRICS = 200  # columns of scalars; of more tags, those that most runs have
TIME = re.compile(r"\d{9,}(\.\d+)?")  # how add_hparams names a sub-run
log = logging.getLogger("rushlight.board")


@dataclass
class Seen:
    """What a table needs of a run: its hparams entries' contents, and the last value of each scalar."""

    name: str
    started: float
    contents: dict[str, bytes]
    last: dict[str, float]


@dataclass
class Row:
    """A session and the runs whose scalars are its metrics, nearest first."""

    name: str
    runs: list[Seen]
    session: Session = field(default_factory=Session)


def routes(shared: Shared) -> list[Route]:
    """What the page asks about hyperparameters."""

    async def hparams(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(_answer, shared))

    return [Route("/api/hparams", hparams)]


def _answer(shared: Shared) -> dict[str, Any]:
    with shared.store.lock:
        runs = {name: seen(run) for name, run in shared.store.runs.items()}
    return table(runs)


def seen(run: Run) -> Seen:
    """A run as it is now. Hold the store's lock."""
    contents = {tag: entries.content for tag, entries in run.entries.get(KIND, {}).items()}
    ends = {tag: series.snapshot().last() for tag, series in run.series.items()}
    last = {tag: float(end.value[0]) for tag, end in ends.items() if end.count}
    return Seen(run.name, run.started, contents, last)


def table(runs: dict[str, Seen]) -> dict[str, Any]:
    """{"hparams": columns, "metrics": columns, "rows", "left_out": metrics beyond METRICS, "bad": runs}.

    A column is {"name", "title", "type", "description", ...}, a row's "hparams" and "metrics" are in their
    order; null: it has none. Numbers that JSON lacks are "NaN", "Infinity", "-Infinity".
    """
    found, experiments, bad = _sessions(runs)
    rows = _rows(runs, found)
    metrics = _metrics(rows, experiments)
    columns = _parameters(rows, experiments)
    return {
        "hparams": columns,
        "metrics": [{"name": _metric_name(m), **vars(m)} for m in metrics[:METRICS]],
        "declared": sum(len(e.metrics) for e in experiments) > 0,
        "left_out": max(0, len(metrics) - METRICS),
        "bad": bad,
        "rows": [_listed(row, columns, metrics[:METRICS], runs) for row in rows],
    }


def _sessions(runs: dict[str, Seen]) -> tuple[dict[str, Session], list[Experiment], list[str]]:
    found: dict[str, Session] = {}
    experiments, bad = [], []
    for name, run in runs.items():
        if not run.contents:
            continue
        try:
            session = read_session(run.contents)
            experiments.append(read_experiment(run.contents))
        except ValueError as error:
            log.info("hparams of %s: %s", name, error)
            bad.append(name)
            continue
        if session is not None:
            found[name] = session
    return found, experiments, bad


def _rows(runs: dict[str, Seen], found: dict[str, Session]) -> list[Row]:
    """Sessions first, then what else has scalars and is no part of a session."""
    parents = {name: _parent(name) for name in found if TIME.fullmatch(name.rpartition("/")[2])}
    children = Counter(parents.values())
    adopted = {p for p, n in children.items() if n == 1 and p in runs and p not in found and runs[p].last}
    rows = []
    for name in sorted(found):
        parent = parents.get(name, "")
        sources = [runs[name], *([runs[parent]] if parent in adopted else [])]
        rows.append(Row(sources[-1].name, sources, found[name]))
    for name, run in sorted(runs.items()):
        if run.last and name not in found and name not in adopted and not _is_part(name, found):
            rows.append(Row(name, [run]))
    return rows


def _is_part(name: str, found: dict[str, Session]) -> bool:
    """Whether a run lies below a session: Keras writes `train` and `validation` there."""
    parts = name.split("/")
    return any("/".join(parts[:k]) in found for k in range(1, len(parts)))


def _parent(name: str) -> str:
    return name.rpartition("/")[0] or "."


def _metrics(rows: list[Row], experiments: list[Experiment]) -> list[Metric]:
    """The metrics that experiments name, then the tags of the rows' own runs, the most common first."""
    named = {_metric_name(m): m for experiment in experiments for m in experiment.metrics if m.tag}
    tags = Counter(tag for row in rows for tag in {tag for run in row.runs for tag in run.last})
    rest = sorted((tag for tag in tags if tag not in named), key=lambda tag: (-tags[tag], tag))
    return [*named.values(), *map(Metric, rest)]


def _metric_name(metric: Metric) -> str:
    return f"{metric.group}/{metric.tag}" if metric.group else metric.tag


def _parameters(rows: list[Row], experiments: list[Experiment]) -> list[dict[str, Any]]:
    """The columns of hyperparameters: those that experiments describe first, in their order."""
    said = {p.name: p for experiment in experiments for p in experiment.parameters}
    values: dict[str, list[Setting]] = {}
    for row in rows:
        for name, value in row.session.values.items():
            values.setdefault(name, []).append(value)
    names = [name for name in said if name in values] + sorted(name for name in values if name not in said)
    return [
        {
            "name": name,
            "type": _type(values[name]),
            "title": said[name].title if name in said else "",
            "description": said[name].description if name in said else "",
        }
        for name in names
    ]


def _type(values: list[Setting]) -> str:
    kinds = {"bool" if isinstance(x, bool) else "number" if isinstance(x, float) else "string"
             for x in values if x is not None}  # fmt: skip
    return kinds.pop() if len(kinds) == 1 else "string"


def _listed(row: Row, columns: list[dict[str, Any]], metrics: list[Metric],
            runs: dict[str, Seen]) -> dict[str, Any]:  # fmt: skip
    return {
        "name": row.name,
        "runs": [run.name for run in row.runs],
        "status": row.session.status,
        "group": row.session.group,
        "started": row.session.started or row.runs[-1].started,
        "hparams": [_plain(row.session.values.get(c["name"]), c["type"]) for c in columns],
        "metrics": [_plain(_last(row, metric, runs), "number") for metric in metrics],
    }


def _last(row: Row, metric: Metric, runs: dict[str, Seen]) -> float | None:
    """The last value of a metric: in the session's sub-run of its group, else in its runs."""
    above = "" if row.runs[0].name == "." else f"{row.runs[0].name}/"
    group = runs.get(above + metric.group) if metric.group else None
    for run in [group] if group else row.runs:
        if metric.tag in run.last:
            return run.last[metric.tag]
    return None


def _plain(value: Setting, kind: str) -> Setting:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if kind == "string" and isinstance(value, float):
        return f"{value:g}"
    return str(value).lower() if kind == "string" and isinstance(value, bool) else value
