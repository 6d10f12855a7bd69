"""A run: what the event files of one folder hold."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..events.decoding import Event, Value, decode
from ..events.media import animated
from ..events.scanning import DAMAGED, OTHER, Rows, Scanner, one_float
from .embeddings import CONFIG
from .entries import Entries, Entry, Place
from .file import LogFile
from .news import News
from .points import Points, one_point
from .series import Series

MOST_TAGS = 20_000  # a run that makes more is a mistake or an attack; the rest is not shown


@dataclass
class Room:
    """How many more series there may be, for all runs of a store."""

    left: int


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
        """Read a piece of a file: what is new. `lock` is held while the run changes. Raises OSError.

        Scalars of a file that is met for the first time are not handed on.
        """
        news = News(told=file.live)
        for rows, data, begin in file.read(scanner, len(self.series)):
            with lock:
                self._take(rows, data, begin, file.path, scanner, news)
        return news

    def begin_anew(self) -> None:
        """Forget all, and read all files again: one of them is not what it was."""
        self.series, self.entries, self.graph, self.metas = {}, {}, None, {}
        self.started, self.bad, self.hidden, self.renewed = 0.0, 0, False, True
        for file in self.files.values():
            file.anew = False
            file.rewind()
            file.grown()

    def _take(
        self, rows: Rows, data: np.ndarray, begin: int, path: Path, scanner: Scanner, news: News
    ) -> None:
        tags = rows.tag
        others = np.flatnonzero(tags < 0)
        start = 0
        for k in [*others.tolist(), len(tags)]:  # in order, as an event may say that a run starts again
            self._take_scalars(rows, slice(start, k), scanner, news)
            start = k + 1
            if k < len(tags) and tags[k] == OTHER:
                at, length = int(rows.start[k]), int(rows.length[k])
                place = Place(path, begin + at, length)
                self._take_event(data[at : at + length].tobytes(), place, news)
            elif k < len(tags) and tags[k] == DAMAGED:
                self.bad += 1

    def _take_scalars(self, rows: Rows, part: slice, scanner: Scanner, news: News) -> None:
        if not len(rows.tag[part]):
            return
        self._begin(float(rows.wall[part][0]))
        groups = scanner.by_tag(rows, part)
        points = Points(groups.step, groups.wall, groups.value)
        first = 0
        for number, end in zip(groups.numbers, groups.ends, strict=True):
            self._add(scanner.tags[number], points.cut(first, end), news)
            first = end

    def _begin(self, wall: float) -> None:
        if not self.started and math.isfinite(wall):
            self.started = wall

    def _add(self, tag: str, points: Points, news: News) -> None:
        series = self.series.get(tag)
        if series is None:
            if len(self.series) >= MOST_TAGS or self.room.left <= 0:
                self.hidden = True
                return
            self.room.left -= 1
            series = self.series[tag] = Series(self.limit)
            self.renewed = True
        series.append(points)
        news.add(tag, points)

    def _take_event(self, message: bytes, place: Place, news: News) -> None:
        try:
            event = decode(message)
        except ValueError:
            self.bad += 1
            return
        self._begin(event.wall)
        if event.graph is not None:
            self.graph = place
            news.others.add(("graphs", ""))
        if event.meta is not None and len(self.metas) < MOST_TAGS:
            self.metas[event.meta[0]] = place
        if event.session == 1 and event.step > 0:
            self._cut(event.step)
            news.others.add(("scalars", ""))
        self._take_values(event, place, news)

    def _cut(self, step: int) -> None:
        """The run starts again at a step: what an earlier part of it said of later ones is void."""
        for series in self.series.values():
            series.cut(step)
        for entries in self.entries.values():
            for one in entries.values():
                one.cut(step)

    def _take_values(self, event: Event, place: Place, news: News) -> None:
        for value in event.values:
            try:
                x = one_float(value)
            except ValueError:
                self.bad += 1
                continue
            if x is not None:
                self._add(value.tag, one_point(event.step, event.wall, x), news)
                continue
            entry = Entry(event.step, event.wall, place)
            self._add_entry(value.kind or "tensors", value, entry, news)
            if value.kind == "images" and animated(value):
                self._add_entry("video", value, entry, news)

    def _add_entry(self, kind: str, value: Value, entry: Entry, news: News) -> None:
        entries = self.entries.setdefault(kind, {})
        if value.tag not in entries:
            if len(entries) >= MOST_TAGS:
                self.hidden = True
                return
            entries[value.tag] = Entries(value)
            self.renewed = True
        entries[value.tag].append(entry)
        news.others.add((kind, value.tag))
