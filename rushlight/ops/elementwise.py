"""The `pointwise` kind of op: a body on numbers becomes a NumPy program, a type rule and a derivative."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

import rushlight.dtypes as dtypes
import rushlight.scalar as scalar

from ..arrays import numpy as arrays
from ..arrays.programs import Program, compile_program
from ..dtypes import COMPLEX, FLOAT, dtype
from ..scalar import Expr
from .declare import Op, Rule, _decorator, owner_of, registry


class Pointwise(Op):
    """An op that computes each element of its result from the elements at the same place of its inputs.

    The body runs once on scalar expressions. `domain` is the interval its inputs are sampled from in tests;
    `accepts` names the categories of promoted input types it takes (bool "b", integer "i", floating "f",
    complex "c", float8 "8"), and `computes` turns that type into the one it computes in (booleans are squared
    as integers). An option `inplace` is the caller's wish to have the result written into the input; bodies
    ignore it.
    """

    kind = "pointwise"

    def __init__(
        self,
        body: Callable[..., Any],
        forms: str = "mio",
        domain: tuple[float, float] = (-3.0, 3.0),
        accepts: str = "bifc",
        computes: Callable[[dtype], dtype] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(body, forms=forms, **settings)
        self.domain, self.accepts, self.computes = domain, accepts, computes
        self.array = self.evaluate
        self.checks: Callable[..., None] | None = None
        self.variants: Callable[..., Any] | None = None
        self.stated: dict[str, Callable[..., Any]] = {}
        self._programs: dict[Any, Program] = {}
        self._expr: Expr | None = None

    # -- what a declaration may add ------------------------------------------------------------------

    def check(self, fn: Callable[..., None]) -> Callable[..., None]:
        """State what arguments are refused: fn(**arguments) raises.

        Arrays of one floating type are not shown to it.
        """
        self.checks = fn
        return fn

    def variant(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """State what the op is where one of the options that `fn` names is not at its default:
        a composite of ops.
        """
        self.variants = fn
        return fn

    def slope(self, **formulas: Callable[..., Any]) -> None:
        """State the cotangents as expressions: `elu.slope(input=lambda g, input, out, alpha: ...)`.

        For functions in pieces, where the derived one would multiply the zero of one
        piece with the inf of another.
        """
        self.stated.update(formulas)

    @cached_property
    def words(self) -> tuple[inspect.Parameter, ...]:
        """The options that choose a variant: those its function names, beside the tensors."""
        named = inspect.signature(self.variants).parameters if self.variants else ()
        return tuple(p for p in self.options if p.name in named)

    def is_variant(self, options: dict[str, Any]) -> bool:
        """Whether these options ask for a variant."""
        return any(options[p.name] != p.default for p in self.words)

    # -- the expression ---------------------------------------------------------------------------

    @property
    def expr(self) -> Expr:
        """The body as an expression of its parameters' names."""
        if self._expr is None:
            self._expr = self.trace({})
        return self._expr

    @property
    def folded(self) -> Expr:
        """The body with every option at its default."""
        return self.trace({p.name: p.default for p in self.options})

    def trace(self, values: dict[str, Any]) -> Expr:
        """The body as an expression, with the options in `values` folded in as constants."""
        args = [scalar.var(n) for n in self.tensors]
        options = {p.name: values.get(p.name, scalar.var(p.name)) for p in self.options}
        return scalar.lift(self.body(*args, **options))

    def gradient(self, names: Sequence[str], folded: bool = False) -> dict[str, Expr]:
        """The cotangents of the inputs `names` as expressions;
        `folded`: with the options at their defaults.
        """
        if not self.stated:
            return scalar.gradient(self.folded if folded else self.expr, list(names))
        values = {n: scalar.var(n) for n in ("g", "out", *self.tensors)}
        values |= {p.name: scalar.lift(p.default) if folded else scalar.var(p.name) for p in self.options}
        formulas = {n: self.stated[n] for n in names}
        return {
            n: scalar.lift(f(*(values[p] for p in inspect.signature(f).parameters)))
            for n, f in formulas.items()
        }

    @cached_property
    def conditions(self) -> frozenset[str]:
        """The inputs that are bare conditions."""
        return frozenset(scalar.condition_names(self.expr) & set(self.tensors))

    @cached_property
    def promoted(self) -> tuple[str, ...]:
        """The inputs that take part in type promotion: all but bare conditions."""
        return tuple(n for n in self.tensors if n not in self.conditions)

    @cached_property
    def quick(self) -> Program:
        """The kernel for arrays that need neither a check nor a conversion first."""
        kinds = self.accepts if self.checks is None and self.computes is None else "f"
        return Program(self.folded, self.tensors, self.name, self.conditions, kinds)

    # -- types ------------------------------------------------------------------------------------

    def types(self, values: Sequence[Any]) -> tuple[dtype, dtype]:
        """The dtype the op computes in, and its result's, from the promoted inputs' arrays and numbers."""
        found = arrays.result_type(*values)
        kind = self.expr.kind
        if ("8" if found in dtypes.FLOAT8 else "bifc"[found.category]) not in self.accepts:
            raise NotImplementedError(
                f"{self.name}: not implemented for {found}{_HELP.get(found.category, '')}"
            )
        if self.computes is not None:
            found = self.computes(found)
        if kind is scalar.REAL and found.category < FLOAT:
            found = dtypes.get_default_dtype()
        return found, dtypes.bool_ if kind is scalar.TRUTH else self.result_of(found)

    def result_of(self, computed: dtype) -> dtype:
        """The result's dtype when it computes in `computed` (|z| of a complex z is real)."""
        if computed.category == COMPLEX and self.expr.fn in (scalar.abs_, scalar.angle):
            return computed.to_real()
        return computed

    # -- running ----------------------------------------------------------------------------------

    @cached_property
    def kernel(self) -> Program:
        """The body on arrays of one type, the options at their defaults; no checks."""
        return Program(self.folded, self.tensors, self.name, self.conditions)

    def evaluate(self, *args: Any, **options: Any) -> Any:
        """The op on arrays and numbers, with promotion, broadcasting and the
        names of both shapes in errors.
        """
        plain = self.checks is None and self.computes is None and not options
        if plain and len(args) == len(self.tensors):
            made = self.quick.new(*args)
            if made is not None:
                return made
        return self._evaluate(args, options, Program.__call__)

    def by_numpy(self, *args: Any, **options: Any) -> Any:
        """What `evaluate` gives, computed by NumPy alone: no kernel is made for it."""
        return self._evaluate(args, options, lambda program, *values: program.numpy(*values))

    def _evaluate(self, args: tuple[Any, ...], options: dict[str, Any], run: Callable[..., Any]) -> Any:
        inputs, options = self._bind(args, options)
        if self.checks is not None:
            self.checks(**inputs, **options)
        if self.words and self.is_variant(options):
            assert self.variants is not None
            return self.variants(*inputs.values(), **{p.name: options[p.name] for p in self.words})
        promoted = self.promoted
        computed, result = self.types([v for n, v in inputs.items() if n in promoted])
        work = dtypes.compute_type(computed.np)
        cast = [arrays.cast(v, work) if n in promoted else _condition(v) for n, v in inputs.items()]
        shapes = {v.shape for v in cast}
        if len(shapes) > 1:
            arrays.broadcast_shapes(self.name, *(v.shape for v in cast))
        if result.category == dtypes.INT and options:
            options = {n: _whole(v, work) for n, v in options.items()}
        program, numbers = self.program(options)
        out = arrays.as_array(run(program, *cast, *numbers))
        if out.dtype != result.np:
            return arrays.cast(out, result.np)
        return out.copy() if any(out is v for v in cast) else out

    def _bind(self, args: tuple[Any, ...], options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        bound = dict(zip(self.signature.parameters, args, strict=False)) | options
        inputs = {n: bound.pop(n, None) for n in self.tensors}
        for n, v in inputs.items():
            if v is None:
                raise TypeError(f"{self.name}: argument {n!r} must be a Tensor or a number, not None")
        return inputs, {p.name: bound.get(p.name, p.default) for p in self.options}

    def program(self, options: dict[str, Any]) -> tuple[Program, list[Any]]:
        """The body with these options, and the numbers to call it with behind the tensors.

        Options that are numbers are inputs of the program, so that it serves any; others are part of it.
        """
        if all(options[p.name] is p.default or options[p.name] == p.default for p in self.options):
            return self.kernel, []
        numbers = {n: v for n, v in options.items() if v.__class__ is float or v.__class__ is int}
        rest = {n: v for n, v in options.items() if n not in numbers}
        key = (*numbers, *((n, type(v), v) for n, v in rest.items()))
        if key not in self._programs:
            if len(self._programs) > 256:
                self._programs.clear()
            names = (*self.tensors, *numbers)
            self._programs[key] = Program(self.trace(rest), names, self.name, self.conditions)
        return self._programs[key], list(numbers.values())

    # -- rules ------------------------------------------------------------------------------------

    @property
    def has_derivative(self) -> bool:
        return self.differentiable and self.expr.kind is not scalar.TRUTH

    def _derive(self, tracked: tuple[str, ...]) -> Rule:
        if self.whole is not None or self.formulas:
            return super()._derive(tracked)
        return self.derive(tracked)

    def derive(self, tracked: tuple[str, ...]) -> Rule:
        """The symbolic derivative of the body; its free names are what is kept."""
        partials = list(self.gradient(tracked).values())
        reals = [scalar.real(p) for p in partials]
        keeps = sorted(scalar.free_names(*partials) - {"g"})
        names = ("g", *keeps)
        on_reals = _together(reals, names, self.name, self.conditions)
        on_complex = (
            compile_program(partials, names, arrays.NAMESPACE, self.name) if partials != reals else on_reals
        )

        def on_arrays(*values: Any) -> Any:
            if owner_of(values) is not None:
                return on_tensors(*values)
            return (on_complex if _any_complex(values) else on_reals)(*map(_widen, values))

        of_ops: dict[bool, Callable[..., Any]] = {}  # compiled when first asked for

        def on_tensors(*values: Any) -> Any:
            kind = _any_complex(values)
            if kind not in of_ops:
                chosen = partials if kind else reals
                of_ops[kind] = compile_program(chosen, names, tensor_namespace(chosen), self.name)
            return of_ops[kind](*values)

        return Rule(keeps, on_arrays, on_tensors, fast=reals)


def _together(
    roots: Sequence[Expr], names: tuple[str, ...], label: str, conditions: frozenset[str]
) -> Callable[..., Any]:
    """A function of `names` that gives each expression's value: a tuple, or the bare value of one."""
    parts = []
    for root in roots:
        used = [n for n in names if n in scalar.free_names(root)]
        parts.append((Program(root, used, label, conditions), [names.index(n) for n in used]))
    if len(parts) == 1:
        program, at = parts[0]
        return lambda *values: program(*[values[i] for i in at])
    return lambda *values: tuple([program(*[values[i] for i in at]) for program, at in parts])


_HELP = {0: "; convert it first, e.g. with .int() or .float()", 1: "; convert it first, e.g. with .float()"}
_HELP |= {2: "; float8 is for storage: convert it first, e.g. with .float()", 3: ", a complex type"}


def _condition(v: Any) -> Any:
    return v.astype(np.bool_, copy=False) if hasattr(v, "dtype") else np.asarray(v, np.bool_)


def _whole(v: Any, to: np.dtype) -> Any:
    """A number as an option of an op on integers: cut off, and wrapped around."""
    return arrays.number(v, to).item() if v.__class__ in (int, float) else v


def _any_complex(values: Sequence[Any]) -> bool:
    kinds = (getattr(v, "dtype", None) for v in values)
    return any(k is not None and (k.is_complex if k.__class__ is dtype else k.kind == "c") for k in kinds)


def _widen(v: Any) -> Any:
    if getattr(v, "shape", None) is None:
        return v
    return arrays.cast(v, dtypes.compute_type(v.dtype))


#: scalar functions whose op has another name
_OP_OF_FUNCTION = {
    **{"power": "pow", "absolute": "abs", "arcsin": "asin"},
    **{"arccos": "acos", "arctan": "atan", "arcsinh": "asinh"},
    **{"arccosh": "acosh", "arctanh": "atanh", "arctan2": "atan2"},
    **{"rint": "round", "conjugate": "conj_physical"},
    **{"where": "select_where", "polygamma": "polygamma_of"},
}


def tensor_namespace(roots: Sequence[Expr]) -> dict[str, Any]:
    """The ops that the functions in `roots` stand for:
    what a derivative runs in when it must be differentiable.
    """
    if any(e.fn is scalar.unknown for root in roots for e in scalar.nodes(root)):
        return {**arrays.NAMESPACE}
    names = {e.fn.name for root in roots for e in scalar.nodes(root) if e.fn.infix is None}
    ops = {n: registry.get(_OP_OF_FUNCTION.get(n, n)) for n in names - {"var", "const"}}
    return {n: _also_on_numbers(op) for n, op in ops.items() if op is not None}


def _also_on_numbers(op: Op) -> Callable[..., Any]:
    """The op, giving a number for numbers, in double precision (a derivative may ask for log(2))."""

    def call(*args: Any) -> Any:
        if all(a.__class__ in _NUMBERS for a in args):
            return op.on_arrays(
                *(np.asarray(a, np.float64) if a.__class__ is not complex else np.asarray(a) for a in args)
            ).item()
        return op(*args)

    return call


_NUMBERS = frozenset({int, float, bool, complex})


pointwise = _decorator(Pointwise)
