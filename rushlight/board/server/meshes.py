"""Meshes and clouds of points: which there are, and one of them, checked, as columns of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from starlette.responses import Response
from starlette.routing import Route

from ..events.meshes import Part, decode_part, decode_rows, sound_faces
from ..logs.entries import Entry
from .asking import name_list, number
from .entries import Unreadable, answers, columns, decoded, kept, marked
from .numbers import packed
from .shared import Shared


def routes(shared: Shared) -> list[Route]:
    """{runs} gives the meshes; {run, name, mark, item} one mesh's vertices, faces and colours."""

    def meshes(question: dict[str, Any]) -> dict[str, Any]:
        found = [_listed(shared, run, name, parts) for run in name_list(question, "runs")
                 for name, parts in named_parts(shared, run).items() if "vertices" in parts]  # fmt: skip
        return {"meshes": found}

    def mesh(question: dict[str, Any]) -> Response:
        run, name, wanted = str(question["run"]), str(question["name"]), str(question["mark"])
        item = number(question, "item", 0, 0, 1_000_000)
        try:
            return _packed(*_read(shared, run, name, wanted, item))
        except Unreadable as error:
            head = {"vertices": 0, "faces": 0, "colours": 0, "batch": 0, "bad": 0, "error": str(error)}
            return packed(head, [])

    return [answers("/api/meshes", meshes), answers("/api/mesh", mesh)]


def named_parts(shared: Shared, run: str) -> dict[str, dict[str, tuple[str, Part]]]:
    """The tags of a run's meshes: by the mesh's name, then vertices, faces, colours."""
    with shared.store.lock:
        found = shared.store.runs.get(run)
        contents = (
            {tag: entries.content for tag, entries in found.entries.get("mesh", {}).items()} if found else {}
        )
    meshes: dict[str, dict[str, tuple[str, Part]]] = {}
    for tag, content in contents.items():
        try:
            part = decode_part(content)
        except ValueError:
            continue  # no mesh; TensorBoard leaves it out too
        meshes.setdefault(part.name or tag.rsplit("_", 1)[0], {})[part.part] = tag, part
    return meshes


def _read(
    shared: Shared, run: str, name: str, wanted: str, item: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """(vertices, faces, colours, how many meshes the batch has). Raises Unreadable."""
    parts = named_parts(shared, run).get(name, {})
    if "vertices" not in parts:
        raise Unreadable("there is no such mesh any more")
    tag = parts["vertices"][0]
    entry = marked(shared, run, "mesh", tag, wanted)
    vertices, batch = decoded(entry, tag, lambda value: decode_rows(value, item))
    faces = sound_faces(_matching(shared, run, parts, "faces", entry, item), len(vertices))
    colours = _matching(shared, run, parts, "colours", entry, item)
    return vertices, faces, colours if len(colours) == len(vertices) else colours[:0], batch


def _packed(vertices: np.ndarray, faces: np.ndarray, colours: np.ndarray, batch: int) -> Response:
    head = {"vertices": len(vertices), "faces": len(faces), "colours": len(colours), "batch": batch}
    head["bad"] = int((~np.isfinite(vertices).all(1)).sum())
    return packed(head, [np.ascontiguousarray(rows).reshape(-1) for rows in (vertices, faces, colours)])


def _listed(shared: Shared, run: str, name: str, parts: dict[str, tuple[str, Part]]) -> dict[str, Any]:
    entries = kept(shared, run, "mesh", parts["vertices"][0])
    return {
        "run": run,
        "name": name,
        **columns(entries),
        "config": parts["vertices"][1].config[:10_000],
    }


def _matching(
    shared: Shared, run: str, parts: dict[str, tuple[str, Part]], part: str, vertices: Entry, item: int
) -> np.ndarray:
    """The faces or colours of the vertices' step, else the last before it; no rows if there are none."""
    if part not in parts:
        return np.zeros((0, 3))
    tag = parts[part][0]
    earlier = [entry for entry in kept(shared, run, "mesh", tag) if entry.step <= vertices.step]
    if not earlier:
        return np.zeros((0, 3))
    return decoded(earlier[-1], tag, lambda value: decode_rows(value, item))[0]
