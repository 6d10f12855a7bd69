"""Tables of hooks: what a module calls around `forward`, `backward`, `state_dict` and `load_state_dict`."""

import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

Hook = Callable[..., Any]


class RemovableHandle:
    """What a `register_..._hook` returns: `remove()` takes the hook away again, as does leaving a `with`
    block.
    """

    next_id = 0

    def __init__(self, hooks_dict: Any, *, extra_dict: Any = None):
        self.id = RemovableHandle.next_id
        RemovableHandle.next_id += 1
        extra = extra_dict if isinstance(extra_dict, (list, tuple)) else [extra_dict]
        # Weak: a handle that somebody keeps must not keep the module's hooks alive.
        self._tables = [weakref.ref(table) for table in (hooks_dict, *extra) if table is not None]

    def remove(self) -> None:
        """Take the hook out of its tables; a second time does nothing."""
        for reference in self._tables:
            table = reference()
            if table is not None:
                table.pop(self.id, None)

    def __getstate__(self) -> dict[str, Any]:
        return {"id": self.id, "tables": [reference() for reference in self._tables]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.id = state["id"]
        self._tables = [weakref.ref(table) for table in state["tables"] if table is not None]
        RemovableHandle.next_id = max(RemovableHandle.next_id, self.id + 1)

    def __enter__(self) -> "RemovableHandle":
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


class HookTable:
    """A descriptor: the module's own OrderedDict of hooks, made when somebody first looks at it.

    Most modules never have a hook, and each table that is not there makes the module smaller and quicker to
    build. A table that `__call__` must obey raises the module's `_hooked` flag when it is made, so that a
    call without hooks tests one flag instead of four tables.
    """

    def __init__(self, called: bool = False):
        self.called = called
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, module: Any, owner: type) -> Any:
        if module is None:
            return self
        table: OrderedDict[int, Any] = OrderedDict()
        object.__setattr__(module, self.name, table)
        if self.called:
            object.__setattr__(module, "_hooked", True)
        return table


def add_hook(table: Any, hook: Any, *, flags: tuple[Any, ...] = (), prepend: bool = False) -> RemovableHandle:
    """Put `hook` at the end (or the front) of `table` and mark it in each of `flags`."""
    handle = RemovableHandle(table, extra_dict=list(flags))
    table[handle.id] = hook
    for flag in flags:
        flag[handle.id] = True
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle
