"""Which runs there are and what each holds: as a whole, or what changed since a page last asked."""

from __future__ import annotations

from typing import Any

from ..logs.run import Run
from ..logs.store import Store


def listing(store: Store) -> dict[str, Any]:
    """All runs by name, and for each kind of view its tags with the numbers of the runs that have them."""
    tags: dict[str, dict[str, list[int]]] = {}
    runs = sorted(store.runs.values(), key=lambda run: run.name)
    for k, run in enumerate(runs):
        for kind, named in kinds(run).items():
            for tag in named:
                tags.setdefault(kind, {}).setdefault(tag, []).append(k)
    if store.traces.files:
        holders = {file.run for file in store.traces.files.values()}
        tags["profile"] = {"": [k for k, run in enumerate(runs) if run.name in holders]}
    return {"logdir": str(store.root), "runs": [described(store, run) for run in runs], "tags": tags}


def changes_since(store: Store, since: str, epoch: str) -> dict[str, Any]:
    """The runs that changed after version `since` of this server's life `epoch`; else all of them.

    Runs with the same tags, as those of a sweep, share an entry of "sets": {kind: [tags]}.
    """
    known = epoch == store.epoch and since.isascii() and since.isdigit() and len(since) < 19
    version = int(since) if known else -1
    sets: dict[tuple[Any, ...], int] = {}
    runs = []
    for run in store.runs.values():
        if run.version > version:
            key = tuple((kind, tuple(named)) for kind, named in kinds(run).items() if named)
            runs.append({**described(store, run), "set": sets.setdefault(key, len(sets))})
    return {
        "logdir": str(store.root),
        "epoch": store.epoch,
        "version": store.version,
        "all": not known,
        "runs": runs,
        "sets": [{kind: list(named) for kind, named in key} for key in sets],
        "gone": [name for name, when in store.gone.items() if when > version] if known else [],
        "shared": ["profile"] if store.traces.files else [],  # kinds that lie beside the runs
    }


def kinds(run: Run) -> dict[str, Any]:
    """The tags of a run for each kind of view."""
    found: dict[str, Any] = {"scalars": run.series, **run.entries}
    if run.graph is not None or run.metas:
        found["graphs"] = {"": None}
    if run.projector:
        found["embeddings"] = {"": None}
    return found


def described(store: Store, run: Run) -> dict[str, Any]:
    """A run as the page knows it, with what people said of it."""
    said = store.annotations.runs.get(run.name, {})
    return {"name": run.name, "found": run.first_seen(), "started": run.started, "bad": run.bad, **said}
