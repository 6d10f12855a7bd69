"""What a poll found: that is what pages are told."""

from __future__ import annotations

from dataclasses import dataclass, field

from .points import Points

MOST_NEWS = 2000  # points of a tag that are handed on; of more, only that they came

Fresh = dict[str, list[Points] | None]  # the scalars of a poll by their tags; None: too many to hand on


@dataclass
class News:
    """What came to a run: scalars by tag, if they are to be handed on, and (plugin, tag) of the rest."""

    told: bool = True
    scalars: Fresh = field(default_factory=dict)
    others: set[tuple[str, str]] = field(default_factory=set)

    def add(self, tag: str, points: Points) -> None:
        """Take a copy of points of a tag, if they are to be handed on and not too many."""
        few = self.told and points.count <= MOST_NEWS and self.scalars.get(tag, ()) is not None
        _join(self.scalars, tag, [points.copy()] if few else None)


@dataclass
class Changes:
    """What a poll found: runs or tags come or gone, scalars by run, (run, plugin, tag) of the rest."""

    runs: bool = False
    scalars: dict[str, Fresh] = field(default_factory=dict)
    others: set[tuple[str, str, str]] = field(default_factory=set)
    more: bool = False  # whether files hold more than was read

    def __bool__(self) -> bool:
        return self.runs or bool(self.scalars) or bool(self.others)

    def add(self, run: str, news: News) -> None:
        """Take what came to a run."""
        known = self.scalars.setdefault(run, {}) if news.scalars else {}
        for tag, parts in news.scalars.items():
            _join(known, tag, parts)
        self.others |= {(run, *which) for which in news.others}


def _join(fresh: Fresh, tag: str, parts: list[Points] | None) -> None:
    known = fresh.setdefault(tag, [])
    if known is None or parts is None or sum(part.count for part in known + parts) > MOST_NEWS:
        fresh[tag] = None
    else:
        known += parts
