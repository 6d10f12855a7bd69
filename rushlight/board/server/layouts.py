"""Custom scalars: the layouts that runs ask for, put together."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from ..events.layouts import decode_layout
from .asking import name_list
from .entries import Unreadable, answers, decoded, kept
from .shared import Shared

TAG = "custom_scalars__config__"
LONGEST = 4 << 20  # bytes of a record


def routes(shared: Shared) -> list[Route]:
    """{runs} gives the categories of their layouts; those of equal titles are one, equal charts once."""

    def layouts(question: dict[str, Any]) -> dict[str, Any]:
        categories: dict[str, dict[str, Any]] = {}
        errors = []
        for run in name_list(question, "runs"):
            entries = kept(shared, run, "custom_scalars", TAG)
            try:
                found = decoded(entries[-1], TAG, decode_layout, LONGEST) if entries else []
            except Unreadable as error:
                errors.append(f"{run}: {error}")
                continue
            for category in found:
                _merge(categories, category)
        return {"categories": list(categories.values()), "errors": errors[:20]}

    return [answers("/api/layouts", layouts)]


def _merge(categories: dict[str, dict[str, Any]], category: dict[str, Any]) -> None:
    mine = categories.setdefault(category["title"], category | {"charts": []})
    mine["charts"] += [chart for chart in category["charts"] if chart not in mine["charts"]]
