"""How an op is declared: once, as mathematics; every form of it is derived from here.

Four kinds: `pointwise` (a body on numbers, in pointwise form), `composite` (a body over other ops),
`primitive` (a forward on NumPy arrays with its vjp, shape and batching rules) and `view` (a primitive whose
result shares storage). Parameters before `/` are tensors; the others are options. A vjp names what it needs
(`g` first, then tensors, options, `out`, or `<tensor>_shape`, `<tensor>_dtype`): its parameter names ARE the
list of what backward keeps.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

from numpy import ndarray

from ..arrays.numpy import as_array
from ..arrays.tracing import EAGER, onlooker
from ..errors import nearest
from .contents import CONTENTS


class Registry(dict[str, "Op"]):
    """Every op by its name. Looking one up imports the file that declares it; walking imports all of them."""

    def __missing__(self, name: str) -> Op:
        row = CONTENTS.get(name)
        if row is not None:
            importlib.import_module(f"{__package__}.{row[0]}")
        if not dict.__contains__(self, name):
            self.complete()
        if not dict.__contains__(self, name):
            raise KeyError(f"no op is called {name!r}")
        return dict.__getitem__(self, name)

    def complete(self) -> Registry:
        """Import the whole catalogue, so that every op is declared."""
        importlib.import_module(f"{__package__}.catalogue")
        return self

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) or name in CONTENTS

    def __iter__(self) -> Iterator[str]:
        return dict.__iter__(self.complete())

    def keys(self) -> Any:
        return dict.keys(self.complete())

    def values(self) -> Any:
        return dict.values(self.complete())

    def items(self) -> Any:
        return dict.items(self.complete())

    def __len__(self) -> int:
        return dict.__len__(self.complete())

    def declare(self, op: Op) -> None:
        """Add an op. Raises ValueError for a name that is taken."""
        if dict.__contains__(self, op.name):
            raise ValueError(f"op {op.name!r} is declared twice")
        dict.__setitem__(self, op.name, op)


registry = Registry()

#: annotations of what is an option although it stands before `/`
_OPTIONS = frozenset(
    f"{kind}{empty}" for kind in ("int", "float", "bool", "str", "Sequence[int]") for empty in ("", " | None")
)

Varargs = Any  # annotation of an option that a method also takes as `*args`: x.view(2, 3) and x.view((2, 3))


class Rule:
    """The derivative of an op for one set of tracked inputs: what it keeps, and the function of (g, *kept).

    `on_arrays` runs on raw arrays, `on_tensors` on Tensors (so that derivatives have derivatives);
    either returns one cotangent per tracked input, a bare one when there is a single input.
    """

    __slots__ = ("keeps", "on_arrays", "on_tensors", "fast")

    def __init__(
        self,
        keeps: Sequence[str],
        on_arrays: Callable[..., Any],
        on_tensors: Callable[..., Any],
        fast: Any = None,
    ) -> None:
        self.keeps, self.on_arrays, self.on_tensors, self.fast = tuple(keeps), on_arrays, on_tensors, fast


#: classes of Tensors, whose `__op_priority__` is the highest, and how to make an op's function of them
tensor_classes: dict[type, Callable[[Any], Callable[..., Any]]] = {}


def _never(*args: Any, **kwargs: Any) -> bool:
    return False


def _always(*args: Any, **kwargs: Any) -> bool:
    return True


class Op:
    """A declared op. Calling it runs it on whatever holds the numbers:
    arrays here, Tensors and others by `__op__`.
    """

    kind = "primitive"
    is_view = False
    out_decides_dtype = False  # given out= and no dtype=, the op computes in the dtype of `out`

    def __init__(
        self,
        body: Callable[..., Any],
        forms: str = "m",
        aliases: Sequence[str] = (),
        name: str | None = None,
        under: str = "torch",
        outputs: Sequence[str] = (),
        differentiable: bool = True,
        constants: Sequence[str] = (),
        saves: bool = False,
    ) -> None:
        """`forms`: m method, i in place, o accepts out=,
        f function (default unless absent and 'F' given: method only).

        `aliases` are further dotted names ("special.expit"); `under` the namespace of the main one; `outputs`
        names the fields when several arrays are returned, `constants` those of them that carry no gradient.
        With `saves` the forward returns (result, saved), and backward may ask for `saved`: what it would else
        compute again. It is None where the forward ran on arrays that are not NumPy's, and no cotangent goes
        through it.
        """
        self.name = name or body.__name__.rstrip("_")
        self.body, self.forms, self.under, self.outputs = body, forms, under, tuple(outputs)
        self.aliases = tuple(aliases)
        self.differentiable, self.constants, self.saves = differentiable, frozenset(constants), saves
        self.doc = inspect.cleandoc(body.__doc__ or "")
        self.formulas: dict[str, Callable[..., Any]] = {}
        self.whole: Callable[..., Any] | None = None
        self.shape_rule: Callable[..., Any] | None = None
        self.batch_rule: Callable[..., Any] | None = None
        self.writer: Callable[..., Any] | None = None
        self.array: Callable[..., Any] = body
        #: the op as a composition of others, where a tracer had better see those
        self.traced: Callable[..., Any] | None = None
        #: whether the sizes of the result depend on numbers, for some arguments
        self.is_sized_by_numbers: Callable[..., bool] = _never
        self._rules: dict[tuple[str, ...], Rule] = {}
        registry.declare(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if args and args[0].__class__ in tensor_classes:
            of_tensors = self.of_tensors if EAGER else tensor_classes[args[0].__class__](self)
            return of_tensors(*args, **kwargs)
        owner = owner_of(args)
        if owner is None and kwargs:
            owner = owner_of(kwargs.values())
        if owner is None:
            owner = None if EAGER else onlooker()
            if owner is None:
                return self.on_arrays(*args, **kwargs)
        return owner.__op__(self, args, kwargs)

    def saving(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """(result, saved) of an op that `saves`, on whatever holds the numbers."""
        owner = owner_of((*args, *kwargs.values()))
        owner = onlooker() if owner is None else owner
        if hasattr(owner, "__saving__"):
            return owner.__saving__(self, args, kwargs)
        return self(*args, **kwargs), None

    @cached_property
    def of_tensors(self) -> Callable[..., Any]:
        """The op's function of Tensors."""
        return tensor_classes[next(iter(tensor_classes))](self)

    def on_arrays(self, *args: Any, **kwargs: Any) -> Any:
        """The op on NumPy arrays and Python numbers; results are arrays, never NumPy scalars."""
        out = self.array(*args, **kwargs)
        if self.saves:
            out = out[0]
        return tuple(map(as_array, out)) if out.__class__ is tuple else as_array(out)

    def __repr__(self) -> str:
        return f"<op {self.name}{self.signature}>"

    # -- what the declaration says ------------------------------------------------------------------

    @cached_property
    def signature(self) -> inspect.Signature:
        return inspect.signature(self.body)

    @cached_property
    def tensors(self) -> tuple[str, ...]:
        """Names of the tensor parameters: those before `/`,
        but for options between tensors (the dim of gather).
        """
        ps = self.signature.parameters.values()
        return tuple(p.name for p in ps if p.kind is p.POSITIONAL_ONLY and p.annotation not in _OPTIONS)

    @cached_property
    def lists(self) -> frozenset[str]:
        """Tensor parameters that take a sequence of tensors."""
        ps = self.signature.parameters.values()
        return frozenset(p.name for p in ps if p.name in self.tensors and "Sequence" in str(p.annotation))

    @cached_property
    def options(self) -> tuple[inspect.Parameter, ...]:
        return tuple(p for p in self.signature.parameters.values() if p.name not in self.tensors)

    @property
    def names(self) -> tuple[str, ...]:
        """Dotted public names, the main one first: ("add",), ("nn.functional.relu", "relu")."""
        main = self.name if self.under == "torch" else f"{self.under}.{self.name}"
        return (main, *self.aliases)

    # -- rules --------------------------------------------------------------------------------------

    def vjp(self, **formulas: Callable[..., Any]) -> None:
        """State the cotangent of each input:
        `matmul.vjp(input=lambda g, other: ..., other=lambda g, input: ...)`.
        """
        self.formulas.update(formulas)

    def backward(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """State the cotangents of all inputs at once:
        a tuple in order of the tensors (bare when there is one).
        """
        self.whole = fn
        return fn

    def shape(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """State the result's (shape, dtype) from the arguments;
        arrays are asked only for .shape and .dtype. None for arguments that it does not speak about.
        """
        self.shape_rule = fn
        return fn

    def batch(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """State the op over inputs with a batch dimension in front:
        fn(op, size, args, batched flags, kwargs).
        """
        self.batch_rule = fn
        return fn

    def writes(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """State how the in-place form writes into its first array directly,
        instead of storing the op's result there.
        """
        self.writer = fn
        return fn

    def sized_by_numbers(self, when: Callable[..., bool] = _always) -> None:
        """State that the sizes of the result depend on numbers, not only on sizes: for the arguments of
        which when(*args, **kwargs) says so. A graph ends at such a call.
        """
        self.is_sized_by_numbers = when

    @property
    def has_derivative(self) -> bool:
        return self.differentiable and bool(self.formulas or self.whole)

    def rule(self, tracked: tuple[str, ...]) -> Rule:
        """The derivative with respect to the inputs named in `tracked`."""
        found = self._rules.get(tracked)
        if found is None:
            found = self._rules[tracked] = self._derive(tracked)
        return found

    def _derive(self, tracked: tuple[str, ...]) -> Rule:
        if self.whole is not None:
            return _whole_rule(self.whole, self.tensors, tracked)
        unknown = [name for name in tracked if name not in self.formulas]
        if unknown:
            raise NotImplementedError(
                f"{self.name}: no derivative with respect to {unknown[0]!r} is declared"
            )
        return _joint_rule([self.formulas[name] for name in tracked])


def parameter_names(fn: Callable[..., Any]) -> list[str]:
    """The names of a function's parameters, in order."""
    return list(inspect.signature(fn).parameters)


def _joint_rule(formulas: list[Callable[..., Any]]) -> Rule:
    """One function of (g, *kept) from a formula per input."""
    keeps = sorted({name for f in formulas for name in parameter_names(f)[1:]})
    calls = [f"f{i}({', '.join(['g', *parameter_names(f)[1:]])})" for i, f in enumerate(formulas)]
    result = calls[0] if len(calls) == 1 else f"({', '.join(calls)})"
    joint = eval(f"lambda {', '.join(['g', *keeps])}: {result}", {f"f{i}": f for i, f in enumerate(formulas)})
    return Rule(keeps, joint, joint)


def _whole_rule(fn: Callable[..., Any], tensors: tuple[str, ...], tracked: tuple[str, ...]) -> Rule:
    """A stated backward, told in `need` (if it asks) which inputs are tracked,
    its answers picked for those.
    """
    names = parameter_names(fn)[1:]
    keeps = [n for n in names if n != "need"]
    at = [tensors.index(name) for name in tracked]
    given = ", ".join(["g", *(n if n != "need" else "need=tracked" for n in names)])
    picked = "".join(f"r[{i}], " for i in at)
    text = f"def run({', '.join(['g', *keeps])}):\n    r = fn({given})\n"
    if len(tensors) > 1:
        text += f"    return {picked.rstrip(', ') if len(at) == 1 else f'({picked})'}\n"
    else:
        text += "    return r[0] if r.__class__ is tuple else r\n"
    scope = {"fn": fn, "tracked": tracked}
    exec(compile(text, f"<rushlight {fn.__qualname__}>", "exec"), scope)
    return Rule(keeps, scope["run"], scope["run"])


def owner_of(values: Any) -> Any:
    """The value that knows how to run an op on these arguments:
    the one of highest `__op_priority__`, if any.
    """
    best = None
    for v in values:
        c = v.__class__
        if c is ndarray or c is int or c is float or c is str or v is None:
            continue
        if c is tuple or c is list:
            v = owner_of(v)
        if hasattr(v, "__op__") and (best is None or v.__op_priority__ > best.__op_priority__):
            best = v
    return best


class Primitive(Op):
    """An op whose forward is written on NumPy arrays."""


class View(Op):
    """A primitive whose result shares its first input's storage."""

    kind = "view"
    is_view = True


class Composite(Op):
    """An op whose body calls other ops; inlined when traced or differentiated,
    unless a backward is stated.
    """

    kind = "composite"


def _decorator(cls: type[Op]) -> Callable[..., Any]:
    def declare(body: Callable[..., Any] | None = None, **settings: Any) -> Any:
        return cls(body, **settings) if body is not None else lambda b: cls(b, **settings)

    return declare


primitive, view, composite = _decorator(Primitive), _decorator(View), _decorator(Composite)


def find(dotted: str) -> Op:
    """The op with this public name. Raises AttributeError naming the nearest there is."""
    for name, (_, _, names) in CONTENTS.items():
        if dotted in names:
            return registry[name]
    found = public_names().get(dotted)
    if found is None:
        close = nearest(dotted, public_names())
        raise AttributeError(f"no op is called {dotted!r}" + (f"; the nearest is {close!r}" if close else ""))
    return found


def public_names() -> dict[str, Op]:
    """Every dotted public name, aliases included."""
    return {name: op for op in registry.values() for name in op.names}
