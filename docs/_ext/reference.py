"""Writes the API reference, docs/api/, while Sphinx starts: ops from their registry, the rest from modules.

Nothing of it is kept in the repository: what is declared once in the code is described once, there.
"""

import importlib
import inspect
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# Pages made from a module's public classes and functions: page, title, modules.
PAGES = [
    ("nn", "Layers and losses: nn", ["nn", "nn.utils", "nn.utils.rnn"]),
    ("init", "First weights: nn.init", ["nn.init"]),
    ("optim", "Optimisers and schedules: optim", ["optim", "optim.lr_scheduler"]),
    ("data", "Data: utils.data", ["data", "data.datasets"]),
    ("train", "The trainer: train", ["train", "train.metrics"]),
    ("autograd", "Automatic differentiation: autograd and func", ["autograd", "autograd.functional", "func"]),
]
FORMS = {"m": "`x.{name}(...)`", "i": "`x.{name}_(...)` in place", "o": "`out=`"}


def setup(app: Any) -> dict[str, bool]:
    """Sphinx's entry point."""
    app.connect("builder-inited", lambda app: write(Path(app.srcdir) / "api"))
    return {"parallel_read_safe": True}


def write(folder: Path) -> None:
    """Writes every page below `folder`, and removes those of an earlier build."""
    pages = op_pages() | {f"modules/{page}": module_page(title, modules) for page, title, modules in PAGES}
    for old in folder.glob("*/*.md"):
        if f"{old.parent.name}/{old.stem}" not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:  # Sphinx reads changed files only
            path.write_text(text, encoding="utf-8")


def op_pages() -> dict[str, str]:
    """A page for each file of ops: ops/reduce for rushlight.ops.reduce."""
    importlib.import_module("rushlight")
    registry = importlib.import_module("rushlight.ops.declare").registry
    files = defaultdict(list)
    for op in registry.values():
        files[op.body.__module__].append(op)
    return {f"ops/{name.rpartition('.')[2]}": ops_page(name, ops) for name, ops in sorted(files.items())}


def ops_page(module: str, ops: Iterable[Any]) -> str:
    """The page of one file of ops: its first line, then every op by name."""
    title = summary(importlib.import_module(module)).rstrip(".")
    entries = [op_entry(op) for op in sorted(ops, key=lambda op: op.name)]
    return "\n\n".join([f"# {module.rpartition('.')[2].capitalize()}", title + ".", *entries]) + "\n"


def op_entry(op: Any) -> str:
    """One op: its signature, what it computes, its other forms and names."""
    first, *others = op.names
    forms = [text.format(name=op.name) for letter, text in FORMS.items() if letter in op.forms]
    notes = []
    if forms:
        notes.append("Also " + ", ".join(forms) + ".")
    if others:
        notes.append("The same: " + ", ".join(f"`{name}`" for name in others) + ".")
    if not op.differentiable:
        notes.append("Not differentiable.")
    if op.is_view:
        notes.append("The result shares storage with its input.")
    call = code(f"{first}{plain(op.signature)}")
    return "\n\n".join([f"## {first}", call, prose(op.doc), " ".join(notes)]).rstrip()


def module_page(title: str, modules: Iterable[str]) -> str:
    """A page of public classes and functions."""
    parts = [f"# {title}"]
    for name in modules:
        module = importlib.import_module(f"rushlight.{name}")
        parts += [f"## {name}", prose(inspect.getdoc(module) or "")]
        described = {value for _, value in members(module)} | {importlib.import_module("rushlight").Tensor}
        parts += [member_entry(name, *member) + methods(member[1], described) for member in members(module)]
    return "\n\n".join(parts) + "\n"


def members(module: Any) -> list[tuple[str, Any]]:
    """Its public classes and functions that are Rushlight's own and not another page's op."""
    return [
        (name, value)
        for name, value in sorted(inspect.getmembers(module))
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__.startswith("rushlight.")
        and value.__module__.startswith(module.__name__.rpartition(".")[0])
    ]


def member_entry(place: str, name: str, value: Any) -> str:
    """One class or function: its signature and docstring."""
    try:
        signature = plain(inspect.signature(value))
    except (TypeError, ValueError):
        signature = "(...)"
    call = code(f"{place}.{name}{signature}")
    return "\n\n".join([f"### {name}", call, prose(inspect.getdoc(value) or "")])


def methods(value: Any, described: set[Any]) -> str:
    """The public methods of a class, a line each, but for those of a base that is described on the page."""
    if not inspect.isclass(value):
        return ""
    told = {name for base in value.__mro__[1:] if base in described for name in dir(base)}
    lines = [
        f"- `{name}{without_self(inspect.signature(method))}`: {escape(summary(method))}"
        for name, method in inspect.getmembers(value, inspect.isfunction)
        if not name.startswith("_") and name not in told and summary(method)
    ]
    return "\n\n" + "\n".join(lines) if lines else ""


def without_self(signature: inspect.Signature) -> str:
    """A method's signature as its caller reads it."""
    first, *rest = signature.parameters.values()
    return plain(signature.replace(parameters=rest if first.name == "self" else [first, *rest]))


def plain(signature: inspect.Signature) -> str:
    """A signature without annotations, as a caller reads it."""
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    text = str(signature.replace(parameters=bare, return_annotation=signature.empty))
    return re.sub(r"<(?:class|function|built-in function) '?([\w.]+).*?>", r"\1", text)


def code(text: str) -> str:
    """A block of code."""
    return f"```python\n{text}\n```"


def prose(doc: str) -> str:
    """A docstring as a page shows it: its examples and formulas kept as they stand."""
    paragraphs = re.split(r"\n{2,}", inspect.cleandoc(doc))
    return "\n\n".join(map(paragraph, paragraphs))


def paragraph(text: str) -> str:
    """An example, an indented formula, or text in which nothing but code spans is markup."""
    if text.startswith(">>>"):
        return f"```pycon\n{text}\n```"
    if text.startswith("    "):
        return f"```text\n{inspect.cleandoc(text)}\n```"
    return escape(text)


def escape(text: str) -> str:
    """Text with the marks of Markdown made plain, outside its code spans."""
    spans = re.split(r"(`[^`]*`)", text)
    return "".join(s if s.startswith("`") else re.sub(r"([*_\[\]<>#|~$\\{}])", r"\\\1", s) for s in spans)


def summary(thing: Any) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split("\n"))
