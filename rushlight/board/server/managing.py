"""What people do with runs in the page: rename, colour, hide, describe; delete, and bring back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..logs.trash import BeingWritten, Deleted, Trash
from .asking import asked, name_list
from .numbers import answer
from .shared import Shared

FIELDS = ("label", "colour", "note", "hidden")


def routes(shared: Shared) -> list[Route]:
    """Changes to runs; every page that looks hears of them."""
    store, trash = shared.store, Trash(shared.store.root)

    async def annotate(request: Request) -> Response:
        question = await asked(request)
        names = name_list(question, "runs")
        fields = {field: question[field] for field in FIELDS if field in question}
        await run_in_threadpool(_annotate, shared, names, fields)
        shared.hub.send({"type": "runs"})
        return answer({"runs": len(names)})

    async def delete(request: Request) -> Response:
        question = await asked(request)
        names, force = name_list(question, "runs"), question.get("force") is True
        found = await run_in_threadpool(_delete, shared, trash, names, force)
        shared.hub.send({"type": "runs"})
        shared.hub.send({"type": "trash"})
        return answer(found)

    async def restore(request: Request) -> Response:
        question = await asked(request)
        names = await run_in_threadpool(_restore, trash, name_list(question, "ids"))
        store.look_again()
        shared.hub.send({"type": "trash"})
        return answer({"restored": names})

    async def deleted(request: Request) -> Response:
        found = await run_in_threadpool(trash.all)
        return answer({"deleted": [_as_json(one) for one in found]})

    return [
        Route("/api/annotate", annotate, methods=["POST"]),
        Route("/api/delete", delete, methods=["POST"]),
        Route("/api/restore", restore, methods=["POST"]),
        Route("/api/trash", deleted),
    ]


def _annotate(shared: Shared, names: list[str], fields: dict[str, Any]) -> None:
    with shared.store.lock:
        unknown = [name for name in names if name not in shared.store.runs]
    if unknown:
        raise HTTPException(404, f"there is no run {unknown[0]!r}")
    _attempt(lambda: shared.store.annotate(names, **fields))


def _delete(shared: Shared, trash: Trash, names: list[str], force: bool) -> dict[str, Any]:
    """Move each run away; what was moved, and why others were not."""
    moved: list[Deleted] = []
    refused: dict[str, str] = {}
    busy: list[str] = []
    chosen = set(names)
    for name in sorted(chosen, key=lambda name: -name.count("/")):  # what lies deeper first
        with shared.store.lock:
            run = shared.store.runs.get(name)
            stay = {one.folder for key, one in shared.store.runs.items() if key != name}
        if run is None:
            refused[name] = "there is no such run"
            continue
        try:
            moved.append(trash.delete(run, stay, force))
            shared.store.forget(name)
        except BeingWritten as error:
            busy.append(name)
            refused[name] = str(error)
        except OSError as error:
            refused[name] = f"it could not be moved: {error.strerror or error}"
    return {"deleted": [_as_json(one) for one in moved], "refused": refused, "busy": busy}


def _restore(trash: Trash, ids: list[str]) -> list[str]:
    return [_attempt(lambda id=id: trash.restore(id)) for id in ids]


def _attempt(action: Callable[[], Any]) -> Any:
    """What an action returns; what it raises as an answer in words."""
    try:
        return action()
    except ValueError as error:
        raise HTTPException(400, str(error)) from error
    except LookupError as error:
        raise HTTPException(404, str(error.args[0])) from error
    except OSError as error:
        raise HTTPException(409, f"{error.strerror or error}: {error.filename or ''}") from error


def _as_json(deleted: Deleted) -> dict[str, Any]:
    return {"id": deleted.id, "name": deleted.name, "when": deleted.when}
