"""A run: what the event files of one folder hold."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..events.decoding import Event, Value, decode
from ..events.media import animated
from ..events.scanning import DAMAGED, OTHER, Rows, Scanner, one_float
from .embeddings import CONFIG
from .entries import Entries, Entry, Place
from .file import LogFile
from .series import Points, Series

MOST_TAGS = 20_000  # a run that makes more is a mistake or an attack; the rest is not shown

MOST_NEWS = 2000  # points of a tag that are handed on; of more, only that they came

Fresh = dict[str, list[Points] | None]  # the scalars of a poll by their tags; None: too many to hand on


@dataclass
class Room:
    """How many more series there may be, for all runs of a store."""

    left: int


@dataclass
class News:
    """What came to a run: scalars by tag, and (plugin, tag) of the rest."""

    scalars: Fresh = field(default_factory=dict)
    others: set[tuple[str, str]] = field(default_factory=set)


def note(fresh: Fresh, tag: str, parts: list[Points] | None) -> None:
    """Add to what is new of a tag."""
    known = fresh.setdefault(tag, [])
    if known is not None:
        known += parts or ()
        if parts is None or sum(part.count for part in known) > MOST_NEWS:
            fresh[tag] = None


class Run:
    """Scalars, and the places of everything else, by tag. `name` is the folder's path below the root."""

    def __init__(self, name: str, folder: Path, limit: int, room: Room | None = None) -> None:
        self.name, self.folder, self.limit = name, folder, limit
        self.room = room or Room(MOST_TAGS)
        self.files: dict[Path, LogFile] = {}
        self.series: dict[str, Series] = {}
        self.entries: dict[str, dict[str, Entries]] = {}  # by plugin, then tag
        self.graph: Place | None = None
        self.metas: dict[str, Place] = {}
        self.version = 0  # the store's, when the list of its tags last changed
        self.found = 0.0  # when its files had last been written to when they were found
        self.started = 0.0  # time of its first event
        self.bad = 0  # records whose checksum or content is wrong
        self.renewed = False  # whether it has tags that nobody was told of
        self.hidden = False  # whether there were too many tags
        self.projector = 0  # when its embeddings' config was changed; 0: it has none

    def next_file(self) -> LogFile | None:
        """The file to read on; of several the older first, as a later one may say where the run restarts."""
        return next((file for file in self.files.values() if file.unread()), None)

    def modified(self) -> float:
        """When a file was last written to (seconds since 1970); 0 if that isn't known yet."""
        return max((file.modified for file in self.files.values()), default=0.0)

    def look_for_projector(self) -> bool:
        """Whether the config of its embeddings has come, gone or changed."""
        try:
            now = (self.folder / CONFIG).stat().st_mtime_ns
        except OSError:
            now = 0
        before, self.projector = self.projector, now
        return before != now

    def first_seen(self) -> float:
        """`modified` as it was when the run was found."""
        self.found = self.found or self.modified()
        return self.found

    def read(self, file: LogFile, scanner: Scanner, lock: AbstractContextManager[Any]) -> News:
        """Read a piece of a file: what is new. `lock` is held while the run changes. Raises OSError."""
        news = News()
        scanner.widen(len(self.series))
        for rows, data, begin in file.read(scanner):
            with lock:
                self._take(rows, data, begin, scanner, file.path, news.scalars, news.others)
        return news

    def begin_anew(self) -> None:
        """Forget all, and read all files again: one of them is not what it was."""
        self.series, self.entries, self.graph, self.metas = {}, {}, None, {}
        self.started, self.bad, self.hidden, self.renewed = 0.0, 0, False, True
        for file in self.files.values():
            file.anew = False
            file.rewind()
            file.grown()

    def _take(self, rows: Rows, data: np.ndarray, begin: int, scanner: Scanner, path: Path,
              fresh: Fresh, changed: set[tuple[str, str]]) -> None:  # fmt: skip
        tags = rows.tag
        others = np.flatnonzero(tags < 0)
        start = 0
        for k in [*others.tolist(), len(tags)]:  # in order, as an event may say that a run starts again
            self._take_scalars(rows, slice(start, k), scanner.tags, fresh)
            start = k + 1
            if k < len(tags) and tags[k] == OTHER:
                place = Place(path, begin + int(rows.start[k]), int(rows.length[k]))
                at = int(rows.start[k])
                self._take_event(data[at : at + place.length].tobytes(), place, fresh, changed)
            elif k < len(tags) and tags[k] == DAMAGED:
                self.bad += 1

    def _take_scalars(self, rows: Rows, part: slice, names: list[str], fresh: Fresh) -> None:
        tags = rows.tag[part]
        if not len(tags):
            return
        points = Points(rows.step[part], rows.wall[part], rows.value[part])
        self._begin(float(points.wall[0]))
        if (tags == tags[0]).all():
            self._add(names[tags[0]], points.copy(), fresh)
            return
        narrow = tags.astype(np.uint16) if len(names) < 1 << 16 else tags  # sorted by counting
        order = np.argsort(narrow, kind="stable")
        ends = np.flatnonzero(np.diff(tags[order], append=-1)) + 1
        first = 0
        for end in ends.tolist():
            chosen = order[first:end]
            self._add(names[tags[chosen[0]]], points.chosen(chosen), fresh)
            first = end

    def _begin(self, wall: float) -> None:
        if not self.started and math.isfinite(wall):
            self.started = wall

    def _add(self, tag: str, points: Points, fresh: Fresh) -> None:
        series = self.series.get(tag)
        if series is None:
            if len(self.series) >= MOST_TAGS or self.room.left <= 0:
                self.hidden = True
                return
            self.room.left -= 1
            series = self.series[tag] = Series(self.limit)
            self.renewed = True
        series.append(points)
        note(fresh, tag, [points])

    def _take_event(self, message: bytes, place: Place, fresh: Fresh, changed: set[tuple[str, str]]) -> None:
        try:
            event = decode(message)
        except ValueError:
            self.bad += 1
            return
        self._begin(event.wall)
        if event.graph is not None:
            self.graph = place
            changed.add(("graphs", ""))
        if event.meta is not None and len(self.metas) < MOST_TAGS:
            self.metas[event.meta[0]] = place
        if event.session == 1 and event.step > 0:
            self._cut(event.step)
            changed.add(("scalars", ""))
        self._take_values(event, place, fresh, changed)

    def _cut(self, step: int) -> None:
        """The run starts again at a step: what an earlier part of it said of later ones is void."""
        for series in self.series.values():
            series.cut(step)
        for entries in self.entries.values():
            for one in entries.values():
                one.cut(step)

    def _take_values(self, event: Event, place: Place, fresh: Fresh, changed: set[tuple[str, str]]) -> None:
        for value in event.values:
            try:
                x = one_float(value)
            except ValueError:
                self.bad += 1
                continue
            if x is not None:
                point = Points(np.array([event.step]), np.array([event.wall]), np.array([x], np.float32))
                self._add(value.tag, point, fresh)
                continue
            entry = Entry(event.step, event.wall, place)
            self._add_entry(value.kind or "tensors", value, entry, changed)
            if value.kind == "images" and animated(value):
                self._add_entry("video", value, entry, changed)

    def _add_entry(self, kind: str, value: Value, entry: Entry, changed: set[tuple[str, str]]) -> None:
        entries = self.entries.setdefault(kind, {})
        if value.tag not in entries:
            if len(entries) >= MOST_TAGS:
                self.hidden = True
                return
            entries[value.tag] = Entries(value)
            self.renewed = True
        entries[value.tag].append(entry)
        changed.add((kind, value.tag))
