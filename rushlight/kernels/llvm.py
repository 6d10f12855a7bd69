"""From IR to code that can be called: assemble, link into this process, remember on disk."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import itertools
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from . import cache
from .ir import Module
from .targets import Target, binding, host, writing

#: addresses of what generated code may call or read, by the names it uses
symbols: dict[str, int] = {}

#: held while code is made and tables of it grow
lock = threading.RLock()
if hasattr(os, "register_at_fork"):  # a fork waits for LLVM, so that the child finds it at rest
    os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
_kept: list[Any] = []  # code must outlive every pointer to it, so it is never unloaded
_numbers = itertools.count()


def text_of(module: Module, target: Target) -> str:
    """A module as LLVM reads it."""
    return f'target triple = "{target.triple}"\n{module}{target.attributes}\n'


def assemble(text: str, target: Target) -> bytes:
    """An object file. Raises RuntimeError with LLVM's words for text that is not IR."""
    parsed = binding().parse_assembly(text)
    parsed.verify()
    return _machine(target).emit_object(parsed)


@functools.cache
def _machine(target: Target) -> Any:
    return (
        binding()
        .Target.from_triple(target.triple)
        .create_target_machine(
            cpu=target.cpu, features=target.features, opt=1, reloc="pic", codemodel="small", jit=True
        )
    )


def link(
    object_file: bytes,
    exports: Iterable[str],
    imports: Iterable[str],
    own: Mapping[str, int] = MappingProxyType({}),
) -> dict[str, int]:
    """Load an object file into this process; the addresses of `exports`.

    `imports` are names in `own`, addresses for this copy of the code alone, or in `symbols`.
    """
    library = binding().JITLibraryBuilder().add_object_img(object_file)
    for name in imports:
        library.import_symbol(name, own[name] if name in own else symbols[name])
    for name in exports:
        library.export_symbol(name)
    tracker = library.link(_session(), f"rushlight{next(_numbers)}")
    _kept.append(tracker)
    return {name: tracker[name] for name in exports}


def _session() -> Any:
    if not _kept:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(_kept))  # to the very end: arrays are freed after modules
        _kept.append(binding().create_lljit_compiler(use_jit_link=True))
    return _kept[0]


def build(
    key: object, make: Callable[[], Module], target: Target | None = None, **own: int
) -> dict[str, int]:
    """The addresses of the public functions of `make()`, which runs only where the disk cache lacks `key`.

    `key` says all that the code depends on beside the generator itself, the processor and LLVM; `own` are
    addresses of what this copy of the code alone refers to.
    """
    target = target or host()
    with lock:
        name = hashlib.sha256(repr((key, target, cache.generation())).encode()).hexdigest()[:40]
        found = cache.read(name)
        if found is None:
            with writing(target):
                module = make()
            exports = [f.name for f in module.functions if not f.internal]
            imports = sorted(module.imports - {f.name for f in module.functions})
            found = cache.Entry(assemble(text_of(module, target), target), exports, imports)
            cache.write(name, found)
        return link(found.code, found.exports, found.imports, own)
