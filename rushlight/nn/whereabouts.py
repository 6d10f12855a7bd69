"""Where in a model an error happened: one line such as `in model.encoder.layers[3].linear1 (Linear)`."""

from types import FrameType
from typing import Any

# On the exception: (the module reached last, its path below, the kind of the innermost module, the note so
# far).
ATTRIBUTE = "_rushlight_whereabouts"


def note_module(error: BaseException, module: Any, caller: FrameType) -> None:
    """Note on `error` that it passed through `module`; called once per level, from the inside out."""
    inner, below, kind, note = getattr(error, ATTRIBUTE, (None, "", type(module).__name__, None))
    path = "" if inner is None else _step(module, inner) + below
    name = _name_in(caller, module) or type(module).__name__
    label = f"in {name}" if not path and name == kind else f"in {name}{path} ({kind})"
    try:
        setattr(error, ATTRIBUTE, (module, path, kind, label))
    except Exception:  # an exception with __slots__ has no room for the path: then it goes without
        return
    _replace_note(error, note, label)


def _replace_note(error: BaseException, old: str | None, new: str) -> None:
    notes = getattr(error, "__notes__", [])
    if old in notes:
        notes[notes.index(old)] = new
    else:
        error.add_note(new)


def _step(module: Any, inner: Any) -> str:
    """How `inner` is reached from `module`: `.encoder`, `.layers[3]`, `["key"]`."""
    for path, candidate in module.named_modules():
        if candidate is inner:
            return "".join(map(_access, path.split("."))) if path else ""
    return f" > {type(inner).__name__}"


def _access(name: str) -> str:
    if name.isdigit():
        return f"[{name}]"
    return f".{name}" if name.isidentifier() else f'["{name}"]'


def _name_in(frame: FrameType, module: Any) -> str | None:
    """The variable that holds `module` where it was called, if it has one."""
    for variables in (frame.f_locals, frame.f_globals):
        for name, value in variables.items():
            if value is module and name != "self" and not name.startswith("_"):
                return name
    return None
