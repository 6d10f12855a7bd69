"""Chrome traces: files of events with a beginning and a duration, by whichever profiler wrote them.

What is malformed is left out, a file that ends early or is damaged gives what can be read of it. Format:
"Trace Event Format", https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

MOST_BYTES = 200 << 20  # read of a file, unpacked
MOST_EVENTS = 1_000_000
MOST_TEXT = 300  # characters kept of a name
MOST_STEPS = 2000
DEEPEST = 250  # events within events that are told apart
_RESYNC = 1000  # damaged places that are stepped over
_FILE_LINE = re.compile(r"^(.+\.py)\((\d+)\)")  # "train.py(12): step", and PyTorch's call stacks


class Names:
    """Texts by number; number 0 is "no text"."""

    def __init__(self) -> None:
        self.texts = [""]
        self._numbers: dict[str, int] = {"": 0}

    def number(self, text: Any) -> int:
        """The number of a text, a new one if it is new."""
        text = (text if isinstance(text, str) else str(text))[:MOST_TEXT]
        found = self._numbers.get(text)
        if found is None:
            found = self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return found


COLUMNS = ("name", "cat", "lane", "module", "line", "node", "shapes")  # numbers of texts, but for the lane


class Trace:
    """The events of a file by column, in the order of lanes and then of their starts.

    `start` (from the first event on), `duration` and `own` (without what lies within) are in microseconds;
    `parent` is the event around each, -1 for none, `depth` how many there are. `note` says what was left out.
    """

    def __init__(self, events: Iterable[Any]) -> None:
        self.names, self.lanes, self.note = Names(), [], ""
        self._lane_numbers: dict[tuple[str, str], int] = {}
        self._labels: dict[tuple[str, str, str], str] = {}
        self._rows: list[tuple[Any, ...]] = []
        self._open: dict[int, list[dict[str, Any]]] = {}
        for event in events:
            if isinstance(event, dict):
                self._take(event)
            if len(self._rows) >= MOST_EVENTS:
                self.note = f"only the first {MOST_EVENTS:,} events are shown"
                break
        self._columns()
        self._nest()
        self._inherit()
        self.lanes = [self._lane_label(*key) for key in self._lane_numbers]

    # -- taking events ------------------------------------------------------------------------------------

    def _take(self, event: dict[str, Any]) -> None:
        kind = event.get("ph")
        if kind == "X":
            self._add(event, event.get("ts"), event.get("dur", 0))
        elif kind == "B":
            self._open.setdefault(self._lane(event), []).append(event)
        elif kind == "E":
            begun = self._open.get(self._lane(event))
            if begun and is_number(event.get("ts")) and is_number(begun[-1].get("ts")):
                first = begun.pop()
                self._add(first, first["ts"], event["ts"] - first["ts"])
        elif kind == "M" and event.get("name") in ("thread_name", "process_name"):
            args = event.get("args")
            label = args.get("name") if isinstance(args, dict) else None
            if isinstance(label, str):
                which = "" if event["name"] == "process_name" else str(event.get("tid"))
                self._labels[event["name"], str(event.get("pid")), which] = label[:MOST_TEXT]

    def _lane(self, event: dict[str, Any]) -> int:
        key = str(event.get("pid"))[:40], str(event.get("tid"))[:80]
        return self._lane_numbers.setdefault(key, len(self._lane_numbers))

    def _lane_label(self, pid: str, tid: str) -> str:
        process = self._labels.get(("process_name", pid, ""), "") or f"process {pid}"
        return f"{process} · {self._labels.get(('thread_name', pid, tid), '') or f'thread {tid}'}"

    def _add(self, event: dict[str, Any], start: Any, duration: Any) -> None:
        if not is_number(start) or not is_number(duration) or duration < 0:
            return
        args = event.get("args")
        args = args if isinstance(args, dict) else {}
        number, size = self.names.number, args.get("bytes", 0)
        shapes = args.get("Input Dims", args.get("shapes", args.get("Input dims", "")))
        row = number(event.get("name", "")), number(event.get("cat", "")), self._lane(event)
        row += number(args.get("module", "")), number(_line(event, args)), number(args.get("node", ""))
        shown = str(shapes)[:MOST_TEXT] if shapes else ""
        self._rows.append((start, duration, size if is_number(size) else 0, *row, number(shown)))

    # -- columns ------------------------------------------------------------------------------------------

    def _columns(self) -> None:
        rows = list(zip(*self._rows, strict=True)) or [()] * (3 + len(COLUMNS))
        self._rows = []
        start, duration = np.array(rows[0], np.float64), np.array(rows[1], np.float64)
        lane = np.array(rows[5], np.int32)
        self._grain = max(1e-3, 2 * float(np.spacing(np.abs(start).max()))) if len(start) else 0.0
        order = np.lexsort((-duration, start, lane))
        self.start, self.duration = (start - start.min() if len(start) else start)[order], duration[order]
        self.bytes = np.array(rows[2], np.float64)[order]
        self.column = {name: np.array(rows[3 + k], np.int32)[order] for k, name in enumerate(COLUMNS)}

    def __len__(self) -> int:
        return len(self.start)

    def _nest(self) -> None:
        """Which events lie within which, and what each took itself. Times are rounded to `_grain`."""
        starts, ends = self.start.tolist(), (self.start + self.duration - self._grain).tolist()
        lanes, parents, depths = self.column["lane"].tolist(), [-1] * len(self), [0] * len(self)
        around: list[int] = []
        lane = -1
        for k, begin in enumerate(starts):
            if lanes[k] != lane:
                around, lane = [], lanes[k]
            while around and ends[around[-1]] <= begin:
                around.pop()
            if around:
                parents[k], depths[k] = around[-1], len(around)
            if len(around) < DEEPEST:
                around.append(k)
        self.parent, self.depth = np.array(parents, np.int64), np.array(depths, np.int64)
        within = np.zeros(len(self))
        child = self.parent >= 0
        np.add.at(within, self.parent[child], self.duration[child])
        self.own = np.maximum(self.duration - within, 0)

    def _inherit(self) -> None:
        """Events that don't say their module or line have those of the event around them.

        PyTorch's traces say them by events of Python's own: "nn.Module: Conv2d_0" and "train.py(12): step".
        """
        texts, names = self.names.texts, self.column["name"].tolist()
        modules, lines, parents = self.column["module"], self.column["line"], self.parent.tolist()
        own_module, own_line = modules.tolist(), lines.tolist()
        for k, parent in enumerate(parents):
            text = texts[names[k]]
            if not own_module[k] and text.startswith("nn.Module: "):
                outer = texts[own_module[parent]] if parent >= 0 else ""
                own = text.removeprefix("nn.Module: ")
                own_module[k] = self.names.number(f"{outer}.{own}" if outer else own)
            if parent >= 0:
                own_module[k] = own_module[k] or own_module[parent]
                own_line[k] = own_line[k] or own_line[parent]
        modules[:], lines[:] = own_module, own_line

    @property
    def steps(self) -> list[tuple[str, float, float]]:
        """(name, start, end) of the profiler's steps; of one that is in several lanes, the first."""
        texts, names = self.names.texts, self.column["name"]
        marks = [k for k, text in enumerate(texts) if text.startswith("ProfilerStep#")]
        found: dict[str, tuple[str, float, float]] = {}
        for k in np.flatnonzero(np.isin(names, marks)).tolist():
            name, start = texts[names[k]].partition("#")[2], float(self.start[k])
            found.setdefault(name, (name, start, start + float(self.duration[k])))
        return sorted(found.values(), key=lambda step: step[1])[:MOST_STEPS]


def is_number(x: Any) -> bool:
    """Whether it is a finite number of a reasonable size."""
    return isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x) and abs(x) < 1e18


def _line(event: dict[str, Any], args: dict[str, Any]) -> str:
    """The user's line that an event says, "train.py:12", or ""."""
    if isinstance(args.get("line"), str):
        return args["line"]
    stack = args.get("Call stack")
    texts = stack.split(";") if isinstance(stack, str) else []
    if event.get("cat") == "python_function" and isinstance(event.get("name"), str):
        texts = [event["name"]]
    for text in texts[:100]:
        found = _FILE_LINE.match(text.strip()[:MOST_TEXT])
        if found and not re.search(r"(^|/)(torch|site-packages|rushlight)/", found[1]):
            return f"{found[1].rpartition('/')[2]}:{found[2]}"
    return ""


# -- files ------------------------------------------------------------------------------------------------


def read_trace(path: Path, most: int = MOST_BYTES) -> Trace:
    """The trace in a file. Raises OSError, and ValueError for a file in which there are no events."""
    data, whole = _content(path, most)
    note = "" if whole else f"only the first {most >> 20} MB of this file are read"
    try:
        found: Any = json.loads(data) if whole else None
    except (ValueError, RecursionError):
        found, note = None, "this file is damaged or not complete: what can be read of it is shown"
    events = found.get("traceEvents") if isinstance(found, dict) else found
    trace = Trace(events if isinstance(events, list) else _readable(data.decode(errors="replace")))
    if not len(trace):
        raise ValueError("there are no events in this file")
    trace.note = trace.note or note
    return trace


def _content(path: Path, most: int) -> tuple[bytes, bool]:
    """A file's bytes, unpacked, and whether that is all of it."""
    with path.open("rb") as file:
        if not path.name.endswith(".gz"):
            data = file.read(most + 1)
            return data[:most], len(data) <= most
        parts, size, whole = [], 0, True
        unpacker = zlib.decompressobj(31)
        try:
            while size <= most and (packed := unpacker.unconsumed_tail or file.read(1 << 20)):
                parts.append(unpacker.decompress(packed, most + 1 - size))
                size += len(parts[-1])
        except zlib.error:
            whole = False
        return b"".join(parts)[:most], whole and unpacker.eof and size <= most


def _readable(text: str) -> Iterator[Any]:
    """The events in a text that is no whole JSON: one object after the other, damage stepped over."""
    decoder, at = json.JSONDecoder(), text.find("[", max(text.find('"traceEvents"'), 0)) + 1
    left = _RESYNC
    while 0 < at < len(text) and left:
        at = text.find("{", at)
        if at < 0:
            return
        try:
            event, at = decoder.raw_decode(text, at)
            yield event
        except (ValueError, RecursionError):
            left, at = left - 1, _next_event(text, at)


def _next_event(text: str, at: int) -> int:
    """Where another event may begin: after the next comma between braces, or the next line."""
    found = re.compile(r"\}\s*,\s*(?=\{)|\n\s*(?=\{)").search(text, at + 1)
    return found.end() if found else -1
