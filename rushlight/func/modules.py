"""Modules as functions of their parameters: called with others, or with those of several models at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..autograd.mode import no_grad
from ..ops.declare import registry
from ..tensor import Tensor, function_of

Named = dict[str, Tensor]


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Named | Sequence[Named],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """module(*args, **kwargs) with the given tensors in place of its parameters and buffers, by their dotted
    names.

    Tensors that are shared in the module are replaced together unless tie_weights=False; with `strict` all
    must be given. RuntimeError names those that are missing or unknown; ValueError a name that is given
    twice.
    """
    given = _merged(parameter_and_buffer_dicts)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(module, given, tie_weights, strict):
        return module(*args, **(kwargs or {}))


def _merged(dicts: Any) -> Named:
    if isinstance(dicts, dict):
        return dicts
    if not isinstance(dicts, Sequence) or not all(isinstance(d, dict) for d in dicts):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(dicts)}"
        )
    merged: Named = {}
    for one in dicts:
        twice = sorted(merged.keys() & one.keys())
        if twice:
            raise ValueError(
                f"{twice} appeared in multiple dictionaries; behavior of functional call is ambiguous"
            )
        merged.update(one)
    return merged


@contextmanager
def _replaced(module: Any, given: Named, tie_weights: bool, strict: bool) -> Iterator[None]:
    """Within the block the module has the given tensors; behind it its own again, and `given` what they
    became.
    """
    own = dict(module.named_parameters(remove_duplicate=False))
    own.update(module.named_buffers(remove_duplicate=False))
    new = _with_tied(own, given) if tie_weights else dict(given)
    if strict:
        _check_names(module, own, given, new)
    places = {name: _Place(module, name) for name in new}
    try:
        for name, place in places.items():
            place.write(new[name])
        yield
    finally:
        for name, place in reversed(places.items()):
            if name in given:
                given[name] = place.read()
            place.restore()


class _Place:
    """Where a module holds the tensor of a dotted name: a registry, or a plain attribute."""

    def __init__(self, module: Any, dotted: str) -> None:
        path, _, self.name = dotted.rpartition(".")
        owner = self.owner = module.get_submodule(path)
        registries = (owner._parameters, owner._buffers)
        self.registry = next((r for r in registries if self.name in r), None)
        self.is_new = self.registry is None and not hasattr(owner, self.name)
        self.before = None if self.is_new else self.read()

    def read(self) -> Any:
        """The tensor that is there now."""
        return getattr(self.owner, self.name) if self.registry is None else self.registry[self.name]

    def write(self, tensor: Any) -> None:
        """Put another one there, of whatever class."""
        if self.registry is None:
            object.__setattr__(self.owner, self.name, tensor)
        else:
            self.registry[self.name] = tensor

    def restore(self) -> None:
        """Put back what was there at first."""
        if self.is_new:
            object.__delattr__(self.owner, self.name)
        else:
            self.write(self.before)


def _with_tied(own: Named, given: Named) -> Named:
    """The given tensors, also under the other names of the tensors they replace."""
    names: dict[int, list[str]] = {}
    for name, tensor in own.items():
        names.setdefault(id(tensor), []).append(name)
    new = dict(given)
    for together in names.values():
        known = [name for name in together if name in given]
        if len({id(given[name]) for name in known}) > 1:
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(known)}, which are tied. Consider "
                "using "
                "tie_weights=False"
            )
        if known:
            new.update((name, given[known[0]]) for name in together)
    return new


def _check_names(module: Any, own: Named, given: Named, new: Named) -> None:
    unknown = [name for name in given if name not in own]
    lacking = [name for name in own if name not in new]
    problems = []
    if unknown:
        problems.append(f"Unexpected key(s): {', '.join(map(repr, unknown))}.")
    if lacking:
        problems.append(f"Missing key(s): {', '.join(map(repr, lacking))}.")
    if problems:
        shown = "\n\t".join(problems)
        raise RuntimeError(f"Error(s) in reparametrizing for {module._get_name()}:\n\t{shown}")


def stack_module_state(models: Sequence[Any]) -> tuple[Named, Named]:
    """Parameters and buffers of several models of one kind, stacked: for vmap over `functional_call`.

    The stacked parameters are leaves that require grad where the models' do. RuntimeError for models that
    differ.
    """
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({model.training for model in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if len({type(model) for model in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    parameters = [dict(model.named_parameters()) for model in models]
    buffers = [dict(model.named_buffers()) for model in models]
    return (
        {name: _stacked([p[name] for p in parameters]) for name in parameters[0]},
        {name: _stacked([b[name] for b in buffers]) for name in buffers[0]},
    )


def _stacked(tensors: list[Tensor]) -> Tensor:
    needs = [t.requires_grad for t in tensors]
    if any(needs) != all(needs):
        raise RuntimeError(
            f"Expected {len(tensors)} parameters to either all require gradients or not, but got {needs}."
        )
    with no_grad():
        stacked = function_of(registry["stack"])(tensors)
    return stacked.requires_grad_(needs[0])
