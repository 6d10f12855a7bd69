"""The arrows of the architecture: imports point down, none in a circle, and no other framework is needed."""

from pathlib import Path

import pytest

from scripts.measure import Module, components, forbidden_imports, import_cycles, imports, read_package

ROOT = Path(__file__).parents[1]

# The rooms of rushlight/, from the ground up. A line may import itself and the lines above.
LAYERS = """
    dtypes device errors lazy size version types threads
    scalar
    kernels
    arrays
    ops
    tensor bind methods indexing autograd printing richdisplay random creation func storage inspect functions
    fft linalg special
    nn optim data io distributed train compiler utils amp
    _higher_order_ops cpu cuda backends distributions masked return_types serialization signal testing
    profiler
    (face)
    board serve export cli __main__
"""
LAYER = {room: level for level, line in enumerate(LAYERS.split("\n")) for room in line.split()}


def room(name: str) -> str:
    """The room a module belongs to: `ops` for rushlight.ops.declare, the face for rushlight itself."""
    return name.split(".")[1] if "." in name else "(face)"


def level(name: str) -> int:
    """The line of LAYERS a module stands on; zero for a room without one, which has its own test."""
    return LAYER.get(room(name), 0)


def upward_imports(modules: dict[str, Module]) -> list[str]:
    """Imports, function-level ones too, of something in a higher layer. The face may import every room."""
    package = next(iter(modules)).partition(".")[0]
    found = []
    for name, module in modules.items():
        for item in imports(module, modules):
            inside = item.target.partition(".")[0] == package
            if inside and room(name) != "(face)" and level(name) < level(item.target):
                found.append(f"{module.path}:{item.line}: {room(name)} imports {item.target}, above it")
    return found


@pytest.fixture(scope="module")
def modules():
    return read_package(ROOT / "rushlight")


def test_every_room_has_a_layer(modules):
    unknown = sorted({room(name) for name in modules} - set(LAYER))
    assert not unknown, f"give {unknown} a line in LAYERS, at the top of {Path(__file__).name}"


def test_imports_point_down(modules):
    assert upward_imports(modules) == []


def test_no_import_cycle(modules):
    assert import_cycles(modules) == []


def test_no_other_framework(modules):
    assert forbidden_imports(modules) == []


def write_package(folder: Path, files: dict[str, str]) -> dict[str, Module]:
    """A package for the tests below: {"ops/add.py": source}."""
    for name, source in files.items():
        path = folder / "rushlight" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return read_package(folder / "rushlight")


UPWARD = {
    "relative": "from ..tensor import Tensor",
    "relative submodule": "from .. import tensor",
    "absolute": "import rushlight.tensor",
    "absolute from": "from rushlight.tensor import Tensor",
    "inside a function": "def f():\n    from ..tensor import Tensor",
    "inside a method, under an if": "class A:\n  def f(self):\n    if self:\n      import rushlight.tensor",
    "for types only": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..tensor import Tensor",
    "in a try": "try:\n    pass\nexcept ImportError:\n    from ..tensor import Tensor",
    "the face": "import rushlight",
    "a name of the face": "from rushlight import ones",
}


@pytest.mark.parametrize("source", UPWARD.values(), ids=UPWARD.keys())
def test_an_upward_import_is_found(tmp_path, source):
    files = {"__init__.py": "", "tensor.py": "", "ops/__init__.py": "", "ops/add.py": source}
    modules = write_package(tmp_path, files)
    (found,) = upward_imports(modules)
    assert "add.py:" in found and "ops imports rushlight" in found


DOWNWARD = {
    "a lower room": "from ..ops import add",
    "its own room": "from .tape import Node",
    "the standard library": "import numbers, collections.abc",
    "numpy": "import numpy as np",
}


@pytest.mark.parametrize("source", DOWNWARD.values(), ids=DOWNWARD.keys())
def test_other_imports_are_left_alone(tmp_path, source):
    files = {"__init__.py": "from .autograd import engine", "ops/__init__.py": "", "autograd/tape.py": ""}
    modules = write_package(tmp_path, files | {"autograd/engine.py": source})
    assert upward_imports(modules) == []
    assert import_cycles(modules) == []
    assert forbidden_imports(modules) == []


def test_applications_may_import_the_face_and_others_may_not(tmp_path):
    files = {"__init__.py": "", "cli.py": "import rushlight", "nn.py": "import rushlight"}
    modules = write_package(tmp_path, files)
    (found,) = upward_imports(modules)
    assert "nn.py" in found


CYCLES = {
    "two modules": {"a.py": "from .b import x", "b.py": "from .a import y"},
    "three modules": {
        "a.py": "from . import b",
        "b.py": "import rushlight.c",
        "c.py": "from rushlight import a",
    },
    "a package and its file": {"ops/__init__.py": "from .add import f", "ops/add.py": "from . import f"},
    "under an if": {"a.py": "if 1:\n  from . import b", "b.py": "try:\n  from . import a\nfinally:\n  pass"},
    "in a class body": {"a.py": "class A:\n    from .b import x", "b.py": "from .a import y"},
}


@pytest.mark.parametrize("files", CYCLES.values(), ids=CYCLES.keys())
def test_a_cycle_is_found(tmp_path, files):
    modules = write_package(tmp_path, {"__init__.py": ""} | files)
    (cycle,) = import_cycles(modules)
    assert len(cycle) == len(files)


NO_CYCLES = {
    "one side inside a function": {"a.py": "from .b import x", "b.py": "def f():\n    from .a import y"},
    "one side for types only": {
        "a.py": "from .b import x",
        "b.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .a import y",
    },
    "a sibling by the package's name": {
        "ops/__init__.py": "from . import add",
        "ops/add.py": "from . import declare",
        "ops/declare.py": "",
    },
    "a diamond": {
        "a.py": "from . import b, c",
        "b.py": "from . import d",
        "c.py": "from . import d",
        "d.py": "",
    },
}


@pytest.mark.parametrize("files", NO_CYCLES.values(), ids=NO_CYCLES.keys())
def test_what_is_no_cycle(tmp_path, files):
    assert import_cycles(write_package(tmp_path, {"__init__.py": ""} | files)) == []


@pytest.mark.parametrize("source", ["import torch", "from jax.numpy import exp", "def f():\n  import numba"])
def test_another_framework_is_found(tmp_path, source):
    (found,) = forbidden_imports(write_package(tmp_path, {"__init__.py": "", "a.py": source}))
    assert "a.py:" in found


def test_components_of_a_graph():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}
    assert components(graph) == [["a", "b", "c"], ["d", "e"], ["f"]]
