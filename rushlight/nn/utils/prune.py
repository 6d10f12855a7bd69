"""Pruning: parameters multiplied by masks of zeros and ones, kept as `<name>_orig` and `<name>_mask`.

A method of pruning computes a mask; it is also the hook that sets the weight before every forward. A second
method on the same parameter prunes what the first left (a PruningContainer).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from numbers import Integral, Real
from typing import Any, TypeVar

from ...creation import ones_like, zeros_like
from ...ops.declare import registry
from ...random import rand, rand_like
from ...tensor import Tensor, function_of
from ..module import Module
from .convert_parameters import parameters_to_vector

M = TypeVar("M", bound=Module)

# -- how much ------------------------------------------------------------------------------------------


def _check_amount(amount: Any) -> None:
    if not isinstance(amount, Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if float(amount) < 0 or (float(amount) > 1 and not isinstance(amount, Integral)):
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer"
        )


def _count(amount: Any, size: int) -> int:
    """How many of `size` to prune: `amount` itself, or that fraction. Raises ValueError for too many."""
    count = int(amount) if isinstance(amount, Integral) else round(amount * size)
    if count > size:
        raise ValueError(f"amount={count} should be smaller than the number of parameters to prune={size}")
    return count


def _check_structured(t: Tensor, dim: int) -> None:
    if t.ndim <= 1:
        raise ValueError(
            "Structured pruning can only be applied to multidimensional tensors. Found tensor of shape "
            f"{t.shape} "
            f"with {t.ndim} dims"
        )
    if dim >= t.ndim:
        raise IndexError(f"Invalid index {dim} for tensor of size {t.shape}")


def _without(mask: Tensor, flat_indices: Tensor) -> Tensor:
    """A copy of `mask` with zeros at the places counted along its elements."""
    pruned = mask.clone().reshape(-1)
    pruned[flat_indices] = 0
    return pruned.reshape(mask.shape)


def _channels(t: Tensor, dim: int, kept: Tensor) -> Tensor:
    """Ones in the channels `kept` (indices, or a mask of them) along `dim`, zeros elsewhere."""
    mask = zeros_like(t)
    mask[(*(slice(None),) * (dim % t.ndim), kept)] = 1
    return mask


# -- methods -------------------------------------------------------------------------------------------


class BasePruningMethod:
    """A method of pruning: a subclass defines `compute_mask` and PRUNING_TYPE."""

    PRUNING_TYPE: str
    _tensor_name: str

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """A mask for `t`, zero wherever `default_mask` is."""
        raise NotImplementedError

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    def apply_mask(self, module: Module) -> Tensor:
        """The parameter times its mask."""
        mask, original = (getattr(module, f"{self._tensor_name}_{part}") for part in ("mask", "orig"))
        return mask.to(original.dtype) * original

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: Tensor | None = None, **kwargs: Any
    ) -> BasePruningMethod:
        """Prune `module.<name>` by the method cls(*args, **kwargs), on top of what was pruned before."""
        former = [k for k, hook in module._forward_pre_hooks.items() if _prunes(hook, name)]
        method = cls(*args, **kwargs)
        method._tensor_name = name
        scores = getattr(module, name) if importance_scores is None else importance_scores
        if scores.shape != getattr(module, name).shape:
            raise AssertionError(
                f"importance_scores should have the same shape as parameter {name} of {module}, got "
                f"{scores.shape} vs {getattr(module, name).shape}"
            )
        if former:
            method = _contained(module._forward_pre_hooks[former[0]], method)
            mask = method.compute_mask(scores.detach(), getattr(module, f"{name}_mask").clone())
            del module._forward_pre_hooks[former[0]]
        else:
            mask = method.compute_mask(scores.detach(), ones_like(scores.detach()))
            original = module._parameters[name]
            del module._parameters[name]
            module.register_parameter(f"{name}_orig", original)
        module.register_buffer(f"{name}_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(
        self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None
    ) -> Tensor:
        """`t` times a mask made for it, or for `importance_scores`."""
        scores = t if importance_scores is None else importance_scores
        if scores.shape != t.shape:
            raise AssertionError(
                f"importance_scores should have the same shape as tensor t, got {scores.shape} vs {t.shape}"
            )
        return t * self.compute_mask(scores, ones_like(t) if default_mask is None else default_mask)

    def remove(self, module: Module) -> None:
        """Make the pruned tensor the parameter."""
        name = self._tensor_name
        weight = self.apply_mask(module)
        delattr(module, name)
        original: Any = module._parameters[f"{name}_orig"]
        original.data = weight.detach()
        del module._parameters[f"{name}_orig"], module._buffers[f"{name}_mask"]
        setattr(module, name, original)


def _prunes(hook: Any, name: str) -> bool:
    return isinstance(hook, BasePruningMethod) and hook._tensor_name == name


def _contained(old: BasePruningMethod, new: BasePruningMethod) -> PruningContainer:
    container = old if isinstance(old, PruningContainer) else PruningContainer(old)
    container.add_pruning_method(new)
    return container


class PruningContainer(BasePruningMethod):
    """Several methods on one parameter; the last one prunes what the others left."""

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        if len(args) == 1:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod) -> None:
        """Put a method behind the others."""
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if self._tensor_name != method._tensor_name:
            raise ValueError(
                f"Can only add pruning methods acting on the parameter named '{self._tensor_name}' to "
                f"PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, idx: int) -> BasePruningMethod:
        return self._pruning_methods[idx]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """`default_mask`, with what the last method prunes of the rest set to zero."""
        method: Any = self._pruning_methods[-1]
        where = _left(method, t, default_mask)
        mask = default_mask.to(t.dtype).clone()
        mask[where] = method.compute_mask(t[where], default_mask[where]).to(mask.dtype)
        return mask


def _left(method: Any, t: Tensor, mask: Tensor) -> Any:
    """An index of what a method may still prune: elements, or channels."""
    if method.PRUNING_TYPE == "unstructured":
        return mask == 1
    if method.PRUNING_TYPE == "global":
        return (slice(None),) * t.ndim
    if method.PRUNING_TYPE != "structured":
        raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
    if not hasattr(method, "dim"):
        raise AttributeError(
            'Pruning methods of PRUNING_TYPE "structured" need to have the attribute `dim` defined.'
        )
    dim = method.dim % t.ndim
    kept = mask.sum([d for d in range(t.ndim) if d != dim]) != 0
    return (*(slice(None),) * dim, kept)


class Identity(BasePruningMethod):
    """Nothing pruned; only the mask and the hook."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask


class RandomUnstructured(BasePruningMethod):
    """`amount` elements (or that fraction) at random."""

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: float) -> None:
        _check_amount(amount)
        self.amount = amount

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        count = _count(self.amount, t.numel())
        return _without(default_mask, rand_like(t).reshape(-1).topk(count).indices) if count else default_mask


class L1Unstructured(RandomUnstructured):
    """The `amount` elements (or that fraction) of smallest magnitude."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        count = _count(self.amount, t.numel())
        smallest = t.abs().reshape(-1).topk(count, largest=False).indices
        return _without(default_mask, smallest) if count else default_mask


class RandomStructured(BasePruningMethod):
    """`amount` channels (or that fraction) along `dim` at random."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1) -> None:
        _check_amount(amount)
        self.amount = amount
        self.dim = dim

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        _check_structured(t, self.dim)
        channels = t.shape[self.dim]
        count = _count(self.amount, channels)
        if not count:
            return default_mask
        chance = rand(channels)
        kept = chance > function_of(registry["kthvalue"])(chance, count).values
        return _channels(t, self.dim, kept) * default_mask.to(t.dtype)


class LnStructured(BasePruningMethod):
    """The `amount` channels (or that fraction) along `dim` of smallest n-norm."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, n: Any, dim: int = -1) -> None:
        _check_amount(amount)
        self.amount = amount
        self.n = n
        self.dim = dim

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        _check_structured(t, self.dim)
        count = _count(self.amount, t.shape[self.dim])
        if not count:
            return default_mask
        others = [d for d in range(t.ndim) if d != self.dim % t.ndim]
        kept = t.norm(self.n, others).topk(t.shape[self.dim] - count).indices
        return _channels(t, self.dim, kept) * default_mask.to(t.dtype)


class CustomFromMask(BasePruningMethod):
    """What a given mask says."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"default_mask shape {default_mask.shape} must match self.mask shape {self.mask.shape}"
            )
        return default_mask * self.mask.to(default_mask.dtype)


# -- for users -----------------------------------------------------------------------------------------


def identity(module: M, name: str) -> M:
    """Give a parameter a mask of ones. Returns the module."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: M, name: str, amount: float) -> M:
    """Prune `amount` elements of a parameter (or that fraction) at random. Returns the module."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: M, name: str, amount: float, importance_scores: Tensor | None = None) -> M:
    """Prune the elements of smallest magnitude, of the parameter or of `importance_scores`. Returns the
    module.
    """
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: M, name: str, amount: float, dim: int) -> M:
    """Prune `amount` channels along `dim` (or that fraction) at random. Returns the module."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: M, name: str, amount: float, n: Any, dim: int, importance_scores: Tensor | None = None
) -> M:
    """Prune the channels along `dim` of smallest n-norm. Returns the module."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: M, name: str, mask: Tensor) -> M:
    """Prune a parameter by a given mask. Returns the module."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: dict[tuple[Module, str], Tensor] | None = None,
    **kwargs: Any,
) -> None:
    """Prune several parameters, (module, name) each, together: what counts is the rank among all elements."""
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    scores = {} if importance_scores is None else importance_scores
    if not isinstance(scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    method = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            f'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
            f"{pruning_method} of type {method.PRUNING_TYPE}"
        )
    listed = list(parameters)
    tensors = [getattr(module, name).detach() for module, name in listed]
    masks = [getattr(m, f"{name}_mask", ones_like(t)) for (m, name), t in zip(listed, tensors, strict=True)]
    method._tensor_name = "together"
    values = [scores[key] if key in scores else t for key, t in zip(listed, tensors, strict=True)]
    mask = PruningContainer(method).compute_mask(parameters_to_vector(values), parameters_to_vector(masks))
    start = 0
    for (module, name), tensor in zip(listed, tensors, strict=True):
        custom_from_mask(module, name, mask[start : start + tensor.numel()].reshape(tensor.shape))
        start += tensor.numel()


def remove(module: M, name: str) -> M:
    """Make pruning final: the parameter is the pruned tensor. ValueError for one that is not pruned."""
    for key, hook in list(module._forward_pre_hooks.items()):
        if _prunes(hook, name):
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")


def is_pruned(module: Module) -> bool:
    """Whether any parameter of the module or of those below it is pruned."""
    hooks = (hook for m in module.modules() for hook in m._forward_pre_hooks.values())
    return any(isinstance(hook, BasePruningMethod) for hook in hooks)
