"""Measures the house as STYLE.md does: lengths, typed public functions, import cycles, forbidden imports.

    python scripts/measure.py [folder of a package]      the default is rushlight/

Everything is read from the syntax trees; nothing is imported. tests/test_layers.py uses the same functions.
"""

import ast
import sys
from collections.abc import Container, Iterator
from pathlib import Path
from typing import NamedTuple

FORBIDDEN = {"torch", "tensorflow", "jax", "tinygrad", "numba"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Module(NamedTuple):
    """One source file of a package, parsed."""

    name: str
    path: Path
    tree: ast.Module
    length: int

    @property
    def package(self) -> str:
        """The package that relative imports in this module start from."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


class Import(NamedTuple):
    """One imported name: a module of the package if there is one of that name, else what the source says."""

    target: str
    line: int
    when_loaded: bool  # at module level, so it takes part in cycles; False inside functions and TYPE_CHECKING


def read_package(root: Path) -> dict[str, Module]:
    """All modules below a package's folder, by dotted name."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text(encoding="utf-8")
        found[name] = Module(name, path, ast.parse(text, str(path)), len(text.splitlines()))
    return found


def statements(node: ast.AST, when_loaded: bool = True) -> Iterator[tuple[ast.AST, bool]]:
    """Every node below this one, with whether it runs as the module loads."""
    for child in ast.iter_child_nodes(node):
        yield child, when_loaded
        deferred = isinstance(child, Function | ast.Lambda) or _is_type_checking(child)
        yield from statements(child, when_loaded and not deferred)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports(module: Module, names: Container[str]) -> Iterator[Import]:
    """What a module imports, at any depth; `from package import submodule` imports the submodule alone."""
    for node, when_loaded in statements(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, when_loaded)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module.package)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield Import(inner if inner in names else base, node.lineno, when_loaded)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """The dotted name that `from ... import` starts from, its leading dots resolved."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    return ".".join(parts[: len(parts) - node.level + 1] + ([node.module] if node.module else []))


def forbidden_imports(modules: dict[str, Module]) -> list[str]:
    """Each import of another framework, as `path:line imports name`."""
    return [
        f"{module.path}:{found.line} imports {found.target}"
        for module in modules.values()
        for found in imports(module, set(modules))
        if found.target.partition(".")[0] in FORBIDDEN
    ]


def import_cycles(modules: dict[str, Module]) -> list[list[str]]:
    """The groups of modules that need each other to load; the right number of them is zero."""
    graph = {
        name: {i.target for i in imports(module, set(modules)) if i.when_loaded and i.target in modules}
        for name, module in modules.items()
    }
    return [group for group in components(graph) if len(group) > 1 or group[0] in graph[group[0]]]


def components(graph: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected components: nodes with the same set of reachable nodes and reached by each other.

    Transitive closure by repeated union: quadratic, and plain; the package has a few hundred modules.
    """
    reach = {node: set(edges) for node, edges in graph.items()}
    changed = True
    while changed:
        changed = False
        for node, reached in reach.items():
            wider = reached.union(*(reach[n] for n in reached))
            changed |= len(wider) > len(reached)
            reach[node] = wider
    groups = {frozenset({a} | {b for b in reach[a] if a in reach[b]}) for a in reach}
    return sorted(sorted(group) for group in groups)


def functions(module: Module) -> Iterator[Function]:
    """Every function and method of a module, nested ones too."""
    return (node for node in ast.walk(module.tree) if isinstance(node, Function))


def public_functions(tree: ast.Module) -> Iterator[Function]:
    """The functions and methods a user can name: at module or class level, without a leading underscore."""
    for node in tree.body:
        members = node.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_") else [node]
        yield from (m for m in members if isinstance(m, Function) and not m.name.startswith("_"))


def length(function: Function) -> int:
    """Lines of a function, its docstring included and its decorators not."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def quantiles(values: list[int]) -> tuple[int, int]:
    """The median and the ninetieth percentile."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.9))]


def share(part: list[bool]) -> str:
    """The share of what is true, as text: `97 % of 412`."""
    return f"{100 * sum(part) / max(len(part), 1):.0f} % of {len(part)}"


def describe_lengths(what: str, lengths: list[tuple[int, str]]) -> str:
    """One line of the report, from pairs of length and place."""
    median, p90 = quantiles([size for size, _ in lengths])
    longest, place = max(lengths)
    return f"{len(lengths)} {what}: median {median} lines, p90 {p90}, longest {longest} ({place})"


def report(root: Path) -> None:
    """Prints the figures of one package."""
    modules = read_package(root)
    each = [(m, f) for m in modules.values() for f in functions(m)]
    public = [f for m in modules.values() for f in public_functions(m.tree)]
    print(f"{sum(m.length for m in modules.values())} lines in {root}")
    print(describe_lengths("files", [(m.length, str(m.path)) for m in modules.values()]))
    print(describe_lengths("functions", [(length(f), f"{m.path}:{f.lineno} {f.name}") for m, f in each]))
    print(f"public functions: {share([f.returns is not None for f in public])} say what they return, "
          f"{share([ast.get_docstring(f) is not None for f in public])} have a docstring")
    cycles, forbidden = import_cycles(modules), forbidden_imports(modules)
    print("\n  ".join([f"import cycles: {len(cycles)}", *map(" <-> ".join, cycles)]))
    print("\n  ".join([f"forbidden imports: {len(forbidden)}", *forbidden]))


if __name__ == "__main__":
    report(Path(sys.argv[1] if len(sys.argv) > 1 else "rushlight"))
