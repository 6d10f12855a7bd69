"""Writes the type stubs of what is made at run time: Tensor's methods and the functions of `torch`.

Use:
    python scripts/stubs.py           writes rushlight/tensor.pyi and rushlight/__init__.pyi
    python scripts/stubs.py --check   exits 1 if they are out of date
"""

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
HEAD = '"""Written by scripts/stubs.py from the declarations; a test asserts that it is up to date."""\n\n'


def parameter(p: inspect.Parameter) -> str:
    """One parameter of a stub."""
    default = "" if p.default is p.empty else " = ..."
    if "Varargs" in str(p.annotation):
        return "*args: Any" if p.name == "args" else f"*args: Any, {p.name}: Any = ..."
    star = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
    return f"{star}{p.name}: Any{default}"  # int, float and bool are names of dtypes and methods here


def parameters(signature: inspect.Signature, drop_first: bool, out: bool = False) -> str:
    """The parameter list of an op's method (`drop_first`: self takes its place) or function."""
    ps = list(signature.parameters.values())
    tensors = [p for p in ps if p.kind is p.POSITIONAL_ONLY]
    options = [p for p in ps if p not in tensors]
    parts = [f"{p.name}: Any" + ("" if p.default is p.empty else " = ...") for p in tensors[drop_first:]]
    varied = False
    for p in options:
        if p.kind is p.KEYWORD_ONLY and not varied:
            parts.append("*")
            varied = True
        varied = varied or "Varargs" in str(p.annotation)
        parts.append(parameter(p))
    if out:
        parts += ["out: Any = ..."] if varied else ["*", "out: Any = ..."]
    return ", ".join((["self"] if drop_first else []) + parts)


def returned(op: Any) -> str:
    """What an op gives back."""
    if op.outputs or "tuple" in str(op.signature.return_annotation):
        return "Any"
    return "Tensor"


def op_methods() -> Iterator[tuple[str, str]]:
    """(name, stub line) of every method and operator made from the registry."""
    from rushlight import bind
    from rushlight.ops.declare import registry

    for op in registry.values():
        names = (
            dict.fromkeys((op.name, *(n for n in op.names if "." not in n))) if op.under != "internal" else {}
        )
        for name in names:
            if "m" in op.forms:
                yield (
                    name,
                    f"def {name}({parameters(op.signature, True, 'o' in op.forms)}) -> {returned(op)}: ...",
                )
            if "i" in op.forms and ("m" in op.forms or not op.names[0].startswith("nn.")):
                yield f"{name}_", f"def {name}_({parameters(op.signature, True)}) -> Tensor: ..."
        if "p" in op.forms:
            yield op.name, f"@property\n    def {op.name}(self) -> Tensor: ..."
    for name in (*bind._OPERATORS, *bind._INPLACE_OPERATORS):
        unary = name in ("__neg__", "__abs__", "__invert__", "__pos__")
        yield name, f"def {name}(self{'' if unary else ', other: Any'}) -> Tensor: ..."
    yield "__getitem__", "def __getitem__(self, index: Any) -> Tensor: ..."
    for name in ("__eq__", "__ne__"):
        yield name, f"def {name}(self, other: object) -> Tensor: ...  # type: ignore[override]"


def plain_methods(known: set[str]) -> Iterator[tuple[str, str]]:
    """Stubs of methods installed by plain Python modules."""
    import rushlight

    for name, value in sorted(vars(rushlight.Tensor).items()):
        if name in known or name.startswith("_") or not callable(value):
            continue
        made = getattr(rushlight.Tensor, name)
        names = ", ".join(
            parameter(p) if i else "self" for i, p in enumerate(inspect.signature(made).parameters.values())
        )
        result = (
            "Any" if name in ("type", "untyped_storage", "storage", "get_device", "is_pinned") else "Tensor"
        )
        yield name, f"def {name}({_starred(inspect.signature(made), names)}) -> {result}: ..."


def _starred(signature: inspect.Signature, names: str) -> str:
    """The list with a bare `*` put before the first keyword-only parameter."""
    ps = list(signature.parameters.values())
    parts = names.split(", ")
    at = next((i for i, p in enumerate(ps) if p.kind is p.KEYWORD_ONLY), None)
    if at is not None and not any(p.kind is p.VAR_POSITIONAL for p in ps):
        parts.insert(at, "*")
    return ", ".join(parts)


def skeleton(path: Path) -> tuple[list[str], list[str], set[str]]:
    """(import lines, stub lines of the module, names in class Tensor) of a source file:
    signatures without bodies, and what they import.
    """
    tree = ast.parse(path.read_text())
    lines, names = [], set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name in ("Tensor", "Parameter"):
            lines += stub_class(node, names if node.name == "Tensor" else set())
        elif isinstance(node, ast.Assign) and ast.unparse(node) == "ndarray = np.ndarray":
            lines.append(ast.unparse(node))
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            lines.append(stub_function(node, ""))
    return imports_for("\n".join(lines), tree), lines, names


def imports_for(text: str, tree: ast.Module) -> list[str]:
    """The imports of a module that the names in `text` need, one name in each."""
    names = {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)}
    found = []
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)) and getattr(node, "module", "") != "__future__":
            for alias in node.names:
                if (alias.asname or alias.name) in names:
                    node.names = [alias]
                    found.append(ast.unparse(node))
    return found


def stub_class(node: ast.ClassDef, names: set[str]) -> list[str]:
    """A class with its attributes and the signatures of its methods."""
    lines = [f"class {node.name}{'(Tensor)' if node.name == 'Parameter' else ''}:"]
    for item in node.body:
        if isinstance(item, ast.FunctionDef):
            names.add(item.name)
            lines += [f"    @{ast.unparse(d)}" for d in item.decorator_list]
            lines.append(stub_function(item, "    "))
        elif isinstance(item, ast.AnnAssign):
            lines.append(f"    {ast.unparse(item)}")
        elif isinstance(item, ast.Assign) and isinstance(item.targets[0], ast.Name):
            target = item.targets[0].id
            if target not in ("__slots__", "__array_ufunc__", "__hash__"):
                lines += [f"    {ast.unparse(t)}: Any" for t in item.targets]
                names |= {ast.unparse(t) for t in item.targets}
    lines.append(f"    # {'methods of the registry' if node.name == 'Tensor' else 'end'}")
    return lines


def stub_function(node: ast.FunctionDef, indent: str) -> str:
    """`def f(...) -> T: ...`."""
    returns = ast.unparse(node.returns) if node.returns else "Any"
    return f"{indent}def {node.name}({ast.unparse(node.args)}) -> {returns}: ..."


def tensor_stub() -> str:
    """The text of tensor.pyi."""
    imports, lines, names = skeleton(ROOT / "rushlight" / "tensor.py")
    made = {n: s for n, s in op_methods() if n not in names}
    made |= {n: s for n, s in plain_methods(names | set(made)) if n not in made}
    at = lines.index("    # methods of the registry")
    lines[at : at + 1] = [f"    {made[n]}" for n in sorted(made)]
    return (
        HEAD + "\n".join(imports) + "\n\n" + "\n".join(line for line in lines if line != "    # end") + "\n"
    )


def face_stub() -> str:
    """The text of __init__.pyi."""
    import rushlight
    from rushlight.ops.declare import registry

    source = (ROOT / "rushlight" / "__init__.py").read_text()
    imports = [
        ast.unparse(n)
        for n in ast.parse(source).body
        if isinstance(n, ast.ImportFrom) and any(a.asname and not a.asname.startswith("_") for a in n.names)
    ]
    lines = ["from typing import Any", *imports]
    taken = {a.asname for n in ast.parse(source).body if isinstance(n, ast.ImportFrom) for a in n.names}
    for name, home in sorted(vars(rushlight)["_HOMES"].items()):
        where, _, attribute = home.partition(":")
        path = ROOT / "rushlight" / where[1:].replace(".", "/")
        if path.is_dir() or path.with_suffix(".py").exists():
            lines += imported(where, attribute, name)
        taken.add(name)
    lines += [f"{name}: dtype" for name in sorted(vars(rushlight)["_dtypes"].NAMES)]
    for op in registry.values():
        if "F" in op.forms or op.under == "internal":
            continue
        for name in (n for n in op.names if "." not in n and n not in taken and n.isidentifier()):
            taken.add(name)
            lines.append(
                f"def {name}({parameters(op.signature, False, 'o' in op.forms)}) -> {returned(op)}: ..."
            )
            if "i" in op.forms:
                lines.append(f"def {name}_({parameters(op.signature, False)}) -> Tensor: ...")
    rooms = {path.stem for path in (ROOT / "rushlight").iterdir()}
    names_of_rooms = [
        line for line in lines if re.match(r"from \.\w+ import", line) and line.split()[-1] in rooms
    ]
    lines = [line for line in lines if line not in names_of_rooms] + names_of_rooms
    return HEAD + "\n".join(lines) + "\n"


def imported(where: str, attribute: str, name: str) -> list[str]:
    """The lines that give the face `name`: a submodule, or an attribute of one."""
    if not attribute:
        return [f"from . import {name} as {name}"]
    if attribute == name:
        return [f"from {where} import {name} as {name}"]
    return [f"from {where} import {attribute} as _{attribute}", f"{name} = _{attribute}"]


def main() -> None:
    """Write the stubs, or check them."""
    pages = {
        ROOT / "rushlight" / "tensor.pyi": tensor_stub(),
        ROOT / "rushlight" / "__init__.pyi": face_stub(),
    }
    for path, text in pages.items():
        if "--check" in sys.argv and (not path.exists() or path.read_text() != text):
            sys.exit(f"{path.relative_to(ROOT)} is out of date: run python scripts/stubs.py")
        if "--check" not in sys.argv:
            path.write_text(text)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
