"""Embeddings: their points, principal components and neighbours on being asked, t-SNE as it happens."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..logs.embeddings import (
    MOST_BYTES,
    BadEmbedding,
    Config,
    Metadata,
    Table,
    read_configs,
    read_metadata,
    read_sprite,
    read_table,
    within,
)
from ..projections import neighbours, pca
from .asking import asked, number
from .numbers import packed
from .shared import Shared
from .tsne import Jobs

CACHED = 3  # embeddings kept in memory
COMPONENTS = 10


@dataclass
class Loaded:
    """An embedding in memory. `note` says what is amiss with it, if anything."""

    table: Table
    metadata: Metadata
    note: str


class Embeddings:
    """The embeddings of the store's runs, by run and number."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._loaded: OrderedDict[tuple[Any, ...], Loaded] = OrderedDict()
        self._lock = threading.Lock()

    def listing(self) -> list[dict[str, Any]]:
        """{"run", "embeddings": [names], "error"} of each run that has a config."""
        with self._shared.store.lock:
            folders = {run.name: run.folder for run in self._shared.store.runs.values() if run.projector}
        found = []
        for name, folder in sorted(folders.items()):
            try:
                names = [self._title(config) for config in read_configs(folder)]
                found.append({"run": name, "embeddings": names, "error": ""})
            except (BadEmbedding, OSError) as error:
                found.append({"run": name, "embeddings": [], "error": _reason(error)})
        return found

    @staticmethod
    def _title(config: Config) -> str:
        return (config.name or config.tensor or "(no name)")[:200]

    def config(self, question: dict[str, Any]) -> tuple[Path, Config]:
        """The folder and config that a question's "run" and "index" name. Raises HTTPException 404."""
        run, index = str(question["run"]), number(question, "index", 0, 0, 1 << 20)
        with self._shared.store.lock:
            known = self._shared.store.runs.get(run)
            folder = known.folder if known else None
        configs = self._reading(read_configs, folder) if folder else []
        if folder is None or index >= len(configs):
            raise HTTPException(404, f"there is no embedding {index} of {run[:200]!r}")
        return folder, configs[index]

    def loaded(self, question: dict[str, Any]) -> Loaded:
        """The embedding, from memory if its files haven't changed. Raises HTTPException 422 with a reason."""
        folder, config = self.config(question)
        stamps = (_stamp(folder, path) for path in (config.tensor, config.metadata))
        key = (str(folder), repr(config), *stamps)
        with self._lock:  # one at a time: two that load the same would take the memory twice
            if key not in self._loaded:
                self._loaded[key] = self._reading(_load, folder, config)
                while len(self._loaded) > CACHED:
                    self._loaded.popitem(last=False)
            self._loaded.move_to_end(key)
            return self._loaded[key]

    def sprite(self, question: dict[str, Any]) -> bytes:
        """The sheet of pictures."""
        return self._reading(read_sprite, *self.config(question))

    @staticmethod
    def _reading(read: Any, *arguments: Any) -> Any:
        try:
            return read(*arguments)
        except (BadEmbedding, OSError) as error:
            raise HTTPException(422, _reason(error)) from None


def _reason(error: Exception) -> str:
    """What the page says of it: of an OSError not the path, which may be anybody's."""
    return str(error) if isinstance(error, BadEmbedding) else f"a file can't be read ({type(error).__name__})"


def _stamp(folder: Path, path: str) -> tuple[int, int]:
    """What changes with a file's content; nothing for one that isn't read anyway."""
    try:
        stat = within(folder, path, MOST_BYTES).stat()
    except (OSError, BadEmbedding):
        return 0, 0
    return stat.st_mtime_ns, stat.st_size


def _load(folder: Path, config: Config) -> Loaded:
    table = read_table(folder, config)
    notes = [f"{table.unusable} points have NaN or infinity and are left out"] if table.unusable else []
    if len(table.rows) + table.unusable < table.count:
        notes.append(f"{len(table.rows) + table.unusable:,} of {table.count:,} points, chosen by chance")
    try:
        metadata = read_metadata(folder, config, table.count, table.rows)
    except BadEmbedding as error:
        metadata = Metadata([], [])
        notes.append(str(error))
    return Loaded(table, metadata, "; ".join(notes))


def routes(shared: Shared) -> list[Route]:
    """What the page asks about embeddings."""
    found = Embeddings(shared)
    Jobs(shared.hub, lambda question: found.loaded(question).table.points)

    async def listing(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(found.listing))

    async def points(request: Request) -> Response:
        return await run_in_threadpool(_points, found, await asked(request))

    async def near(request: Request) -> Response:
        return await run_in_threadpool(_near, found, await asked(request))

    async def sprite(request: Request) -> Response:
        index = request.query_params.get("index", "")
        known = index.isascii() and index.isdigit() and len(index) < 7
        question = {"run": request.query_params.get("run", ""), "index": int(index) if known else 1 << 20}
        return Response(await run_in_threadpool(found.sprite, question), media_type="image/png")

    return [
        Route("/api/embeddings", listing),
        Route("/api/embeddings/points", points, methods=["POST"]),
        Route("/api/embeddings/neighbours", near, methods=["POST"]),
        Route("/api/embeddings/sprite", sprite),
    ]


def _points(found: Embeddings, question: dict[str, Any]) -> Response:
    """The metadata, and the principal components as columns behind them."""
    loaded, (_, config) = found.loaded(question), found.config(question)
    components = pca(loaded.table.points, COMPONENTS)
    head = {
        "points": len(loaded.table.points),
        "dimensions": loaded.table.points.shape[1],
        "components": components.positions.shape[1],
        "explained": [float(x) for x in components.explained],
        "columns": loaded.metadata.columns,
        "metadata": loaded.metadata.rows,
        "note": loaded.note,
        "sprite": [int(x) for x in config.sprite_size[:2]] if config.sprite else [],
        "total": loaded.table.count,
    }
    columns = [loaded.table.rows.astype(np.float64), *components.positions.T.astype(np.float64)]
    return packed(head, columns)


def _near(found: Embeddings, question: dict[str, Any]) -> Response:
    points = found.loaded(question).table.points
    point = number(question, "point", 0, 0, len(points) - 1)
    count = number(question, "count", 10, 1, 1000)
    metric = str(question.get("metric", "cosine"))
    try:
        indices, distances = neighbours(points, point, count, metric)
    except ValueError as error:
        raise HTTPException(400, str(error)) from None
    return JSONResponse({"indices": indices.tolist(), "distances": [float(x) for x in distances]})
