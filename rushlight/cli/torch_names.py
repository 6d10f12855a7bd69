"""Makes `import torch` mean Rushlight in this process: an import hook, for `rushlight run` and nothing else.

`torch.nn` is then the very module `rushlight.nn`, under a second name in `sys.modules`. A name that Rushlight
does not have yet raises the error PyTorch would raise for a misspelt one, and names the nearest there is.
"""

import importlib
import pkgutil
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, spec_from_loader
from types import ModuleType
from typing import Any

from ..errors import missing, nearest

# Where a name of torch's stands in Rushlight, if not under the same name. The longest match counts.
NAMES = {
    "torch": "rushlight",
    "torch.utils.data": "rushlight.data",
}
# Second names of what has one already.
ALSO = {
    "torch.nn.modules": "rushlight.nn",
    "torch.nn.modules.channelshuffle": "rushlight.nn.shuffle",
    "torch.nn.modules.container": "rushlight.nn.containers",
    "torch.nn.modules.instancenorm": "rushlight.nn.batchnorm",
    "torch.nn.modules.normalization": "rushlight.nn.norm",
    "torch.nn.modules.pixelshuffle": "rushlight.nn.shuffle",
    "torch.nn.modules.utils": "rushlight.nn.modules.utils",
}


def install() -> None:
    """Puts the hook before all others. Raises RuntimeError where another `torch` is imported already."""
    known = sys.modules.get("torch")
    if known is not None and known is not sys.modules.get("rushlight"):
        raise RuntimeError("rushlight run: another `torch` is imported already in this process")
    if not any(isinstance(finder, TorchFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, TorchFinder())


def translate(name: str, names: dict[str, str]) -> str:
    """A dotted name with its longest known beginning replaced: torch.utils.data.x is rushlight.data.x."""
    known = max((k for k in names if f"{name}.".startswith(f"{k}.")), key=len)
    return names[known] + name[len(known) :]


def rushlight_name(name: str) -> str:
    """The name in Rushlight of one of torch's modules."""
    return translate(name, NAMES | ALSO)


def torch_name(name: str) -> str:
    """The name in torch of one of Rushlight's modules."""
    return translate(name, {ours: theirs for theirs, ours in NAMES.items()})


class TorchFinder(MetaPathFinder):
    """Answers for `torch` and everything below it, so that no installed torch is ever mixed in."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A spec that loads the Rushlight module. Raises ModuleNotFoundError where there is none yet."""
        if fullname.partition(".")[0] != "torch":
            return None
        return spec_from_loader(fullname, SameModule(find_module(fullname)))


class SameModule(Loader):
    """Gives a module that is loaded already a second name."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module itself; the import system then marks it with the new spec."""
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        """Gives the module its own spec back."""
        module.__spec__ = self.spec
        explain_missing_names()


def find_module(name: str) -> ModuleType:
    """The Rushlight module, or module-like attribute, for one of torch's names."""
    real = rushlight_name(name)
    parent, _, child = real.rpartition(".")
    if exists(real):
        return importlib.import_module(real)
    try:
        return getattr(importlib.import_module(parent), child)  # rushlight.cuda may be made, not a file
    except (ImportError, AttributeError):
        raise no_module(name) from None


def exists(name: str) -> bool:
    """Whether there is such a module file; a missing parent counts as no."""
    try:
        return name in sys.modules or find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def no_module(name: str) -> ModuleNotFoundError:
    """The error for a module that Rushlight does not have, with the nearest that it has."""
    parent, _, child = name.rpartition(".")
    close = nearest(child, submodules(parent))
    hint = f"; the nearest there is: {parent}.{close}" if close else ""
    return ModuleNotFoundError(f"No module named {name!r} (Rushlight does not have it yet){hint}", name=name)


def submodules(name: str) -> set[str]:
    """The public modules below one of torch's, by their last names."""
    package = sys.modules.get(name)
    files = {found.name for found in pkgutil.iter_modules(getattr(package, "__path__", []))}
    listed = {known.rpartition(".")[2] for known in NAMES if known.rpartition(".")[0] == name}
    return {found for found in files | listed if not found.startswith("_")}


def explain_missing_names() -> None:
    """Gives every Rushlight module loaded so far a `__getattr__` that explains."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "rushlight" and not isinstance(vars(module).get("__getattr__"), Explain):
            module.__getattr__ = Explain(module)  # type: ignore[method-assign]


class Explain:
    """A module's `__getattr__` (PEP 562): asks the one it had, then raises what names the nearest name."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.before = vars(module).get("__getattr__")

    def __call__(self, attribute: str) -> Any:
        try:
            found = self.asked_before(attribute)
        except AttributeError as error:
            if attribute.startswith("__") or error.name not in (None, attribute):
                raise  # the import system's own question, or a fault elsewhere
            raise missing(torch_name(self.module.__name__), attribute, dir(self.module)) from None
        explain_missing_names()  # a lazy module may have come in
        return found

    def asked_before(self, attribute: str) -> Any:
        """What the module's own `__getattr__` gives, or the AttributeError of a module without one."""
        if self.before is None:
            raise AttributeError(f"module {self.module.__name__!r} has no attribute {attribute!r}")
        return self.before(attribute)
