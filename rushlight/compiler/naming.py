"""Names for what a graph is given: arguments, parameters by their paths, gradients, optimisers' state."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

from ..tensor import Parameter, Tensor
from .graph import Graph, Kernels, Place, Storage
from .running import inputs_of, repeated, whole
from .steps import Numbers

Named = Iterable[tuple[str, Any]]  # a name, and a tensor, a place, or what is of no interest


def arguments(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Named:
    """The tensors among a call's arguments, by the names of the function's parameters."""
    function = getattr(f, "forward", f)
    try:
        given = inspect.signature(function).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        given = {f"x{k}": v for k, v in enumerate(args)} | kwargs
    for name, value in given.items():
        yield from _inside(name, value)


def _inside(name: str, value: Any) -> Named:
    """A value and the tensors in it, if it is a list, tuple or dictionary."""
    if isinstance(value, list | tuple):
        for k, v in enumerate(value):
            yield from _inside(f"{name}_{k}", v)
    elif isinstance(value, dict):
        for k, v in value.items():
            yield from _inside(f"{name}_{k}", v)
    else:
        yield name, value


def surroundings(f: Any, called: Iterable[Any]) -> Named:
    """Parameters and buffers of the modules that were called, and tensors that the function's code names."""
    seen: set[int] = set()
    for module in called:
        if id(module) not in seen:
            seen |= {id(m) for m in module.modules()}
            yield from module.named_parameters()
            yield from module.named_buffers()
    function = inspect.unwrap(getattr(f, "__func__", f))
    if inspect.isfunction(function):
        free = inspect.getclosurevars(function)
        for name, value in {**free.globals, **free.nonlocals}.items():
            yield from _inside(name, value)


def states(graph: Graph, names: dict[int, str]) -> Named:
    """Gradients of named parameters, and what optimisers keep for them; `names` are by the parameter's id."""
    for node in graph.nodes:
        for launch in node.body.launches if isinstance(node.body, Kernels) else ():
            for numbers in launch.slots:
                if isinstance(numbers, Numbers):
                    yield from _kept_by(numbers.optimizer, names)


def _kept_by(optimizer: Any, names: dict[int, str]) -> Named:
    for parameter, state in optimizer.state.items():
        for key, value in state.items():
            yield f"{names.get(id(parameter), 'parameter')}_{key}", value


def before(graph: Graph) -> dict[Storage, Place]:
    """The storages that are there before a graph's nodes run, and a place in each.

    Constants that consist of one number are none of them: programs write that.
    """
    found: dict[Storage, Place] = {}
    written: set[Storage] = set()
    for n in graph.nodes:
        for op in n.ops:
            for p in (*inputs_of(op), *op.inputs, *op.outputs):
                if p.storage not in written and (p in op.inputs or p.storage.kind != "temporary"):
                    found.setdefault(n.now(p).storage, n.now(p))
            written |= op.writes
        written |= n.writes
    found |= {p.storage: p for p in graph.outputs if p.storage not in written | {*found}}
    return {s: p for s, p in found.items() if repeated(p) is None}


def name_plan(plan: Any, seen: Any, f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Name what the graphs of a plan are given, and note what they give back."""
    tracer, backward = seen.tracer, plan.backward
    _end(plan.graph, [tracer.place(t._a) for t in seen.results])
    name_inputs(plan.graph, tracer, arguments(f, args, kwargs), surroundings(f, tracer.called))
    if backward is not None:
        kept = [(n.name, p) for n in plan.graph.traced.nodes for p in n.outputs]
        cotangents = [("grad", p) for p in backward.cotangents]
        _end(backward.graph, backward.results)
        name_inputs(backward.graph, tracer, [*plan.graph.inputs.items(), *kept, *cotangents])


def name_piece(graph: Graph, tracer: Any, f: Any, memory: Iterable[Any]) -> None:
    """Name what a piece of a split function is given; it gives back what it leaves in memory of its own."""
    if graph.inputs:
        return
    made = {p.storage: p for n in graph.nodes for p in n.outputs if p.storage in graph.live}
    _end(graph, [p for s, p in made.items() if s.kind == "temporary"])
    given = [(f"x{k}", tracer.place(a)) for k, a in enumerate(memory) if a is not None]
    given += [(n.name, p) for earlier in tracer.graphs for n in earlier.traced.nodes for p in n.outputs]
    name_inputs(graph, tracer, given, surroundings(f, tracer.called))


def _end(graph: Graph, outputs: list[Place]) -> None:
    """Note what a graph gives back; the traced one has the same inputs and outputs."""
    graph.outputs = outputs
    graph.traced.inputs, graph.traced.outputs = graph.inputs, outputs


def name_inputs(graph: Graph, tracer: Any, given: Named, around: Named = ()) -> None:
    """Name the storages that are there before, and note them as the graph's inputs. Kernels are numbered."""
    for k, node in enumerate([n for n in graph.nodes if n.members], 1):
        node.name = f"fused_{k}"
    unnamed = before(graph.traced) | before(graph)
    names: dict[int, str] = {}
    for pairs in (given, around, states(graph, names)):
        for name, t in pairs:
            for label, place in _places(name, t, tracer, names):
                _name(graph, label, place, unnamed)
    for s, p in sorted(unnamed.items(), key=lambda item: item[0].number):
        if s.array is not None:
            _name(graph, f"{s.kind}_{s.number}", whole(p), unnamed)


def _places(name: str, t: Any, tracer: Any, names: dict[int, str]) -> Named:
    """Places by name: a place itself, a tensor's, and its gradient's; `names` are those of tensors so far."""
    if isinstance(t, Tensor):
        names.setdefault(id(t), name)
        if tracer.known(t._a):
            yield name, tracer.place(t._a)
        if isinstance(t, Parameter) and t.grad is not None:
            yield from _places(f"{name}_grad", t.grad, tracer, names)
    elif isinstance(t, Place):
        yield name, t


def _name(graph: Graph, name: str, place: Place, unnamed: dict[Storage, Place]) -> None:
    """Name a place's storage, if it has no name, and note it as an input."""
    if place.storage in unnamed:
        del unnamed[place.storage]
        place.storage.name = _free(name, graph.inputs)
        graph.inputs[place.storage.name] = place


def _free(name: str, taken: Iterable[str]) -> str:
    """A name as an identifier that is not taken."""
    name = re.sub(r"\W|^(?=\d)", "_", name)
    while name in taken:
        name += "_"
    return name
