"""The `pointwise` kind of op: a body on numbers becomes a NumPy program, a type rule and a derivative."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import dtypes, scalar
from ..arrays import numpy as arrays
from ..dtypes import COMPLEX, FLOAT, dtype
from ..scalar import Expr
from .declare import Op, Rule, _decorator, registry


class Pointwise(Op):
    """An op that computes each element of its result from the elements at the same place of its inputs.

    The body runs once on scalar expressions. `domain` is the interval its inputs are sampled from in tests; `limits`
    names the categories of result types it accepts ("bif": bool, integer, floating, complex "c").
    """

    kind = "pointwise"

    def __init__(
        self,
        body: Callable[..., Any],
        forms: str = "mio",
        domain: tuple[float, float] = (-3.0, 3.0),
        accepts: str = "bifc",
        **settings: Any,
    ) -> None:
        super().__init__(body, forms=forms, **settings)
        self.domain, self.accepts = domain, accepts
        self.array = self.evaluate
        self._programs: dict[Any, Callable[..., Any]] = {}
        self._expr: Expr | None = None
        self._kernel: Callable[..., Any] | None = None

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

    @property
    def promoted(self) -> tuple[str, ...]:
        """The inputs that take part in type promotion: all but bare conditions."""
        conditions = scalar.condition_names(self.expr)
        return tuple(n for n in self.tensors if n not in conditions)

    # -- types ------------------------------------------------------------------------------------

    def types(self, values: Sequence[Any]) -> tuple[dtype, dtype]:
        """The dtype the op computes in, and its result's, from the promoted inputs' arrays and numbers."""
        found = arrays.result_type(*values)
        kind = self.expr.kind
        if kind is scalar.REAL and found.category < FLOAT:
            found = dtypes.get_default_dtype()
        if kind is scalar.TRUTH:
            return found, dtypes.bool_
        if "bifc"[found.category] not in self.accepts:
            raise RuntimeError(f"{self.name}: not implemented for {found}{_HELP.get(found.category, '')}")
        return found, self.result_of(found)

    def result_of(self, computed: dtype) -> dtype:
        """The result's dtype when it computes in `computed` (|z| of a complex z is real)."""
        if computed.category == COMPLEX and self.expr.fn is scalar.abs_:
            return computed.to_real()
        return computed

    # -- running ----------------------------------------------------------------------------------

    @property
    def kernel(self) -> Callable[..., Any]:
        """The folded body on arrays of one floating type, no checks."""
        if self._kernel is None:
            self._kernel = compile_program(self.folded, self.tensors, arrays.NAMESPACE, self.name)
        return self._kernel

    def evaluate(self, *args: Any, **options: Any) -> Any:
        """The op on arrays and numbers, with promotion, broadcasting and the names of both shapes in errors."""
        inputs, options = self._bind(args, options)
        promoted = self.promoted
        computed, result = self.types([v for n, v in inputs.items() if n in promoted])
        work = dtypes.compute_type(computed.np)
        cast = [arrays.cast(v, work) if n in promoted else _condition(v) for n, v in inputs.items()]
        shapes = {v.shape for v in cast}
        if len(shapes) > 1:
            arrays.broadcast_shapes(self.name, *(v.shape for v in cast))
        out = arrays.as_array(self._program(options)(*cast))
        return out if out.dtype == result.np else arrays.cast(out, result.np)

    def _bind(self, args: tuple[Any, ...], options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        bound = dict(zip(self.signature.parameters, args, strict=False)) | options
        inputs = {n: bound.pop(n) for n in self.tensors}
        return inputs, {p.name: bound.get(p.name, p.default) for p in self.options}

    def _program(self, options: dict[str, Any]) -> Callable[..., Any]:
        if all(options[p.name] is p.default or options[p.name] == p.default for p in self.options):
            return self.kernel
        key = tuple((type(v), v) for v in options.values())
        if key not in self._programs:
            if len(self._programs) > 256:
                self._programs.clear()
            e = self.trace(options)
            self._programs[key] = compile_program(e, self.tensors, arrays.NAMESPACE, self.name)
        return self._programs[key]

    # -- rules ------------------------------------------------------------------------------------

    @property
    def has_derivative(self) -> bool:
        return self.differentiable and self.expr.kind is not scalar.TRUTH

    def _derive(self, tracked: tuple[str, ...]) -> Rule:
        if self.whole is not None or self.formulas:
            return super()._derive(tracked)
        return self.derive(self.expr, tracked)

    def derive(self, e: Expr, tracked: tuple[str, ...]) -> Rule:
        """The symbolic derivative of `e`; its free names are what is kept."""
        partials = [scalar.gradient(e, list(tracked))[n] for n in tracked]
        reals = [scalar.real(p) for p in partials]
        keeps = sorted(scalar.free_names(*partials) - {"g"})
        names = ("g", *keeps)
        real_np = compile_program(reals, names, arrays.NAMESPACE, self.name)
        complex_np = compile_program(partials, names, arrays.NAMESPACE, self.name) if partials != reals else real_np

        def on_arrays(*values: Any) -> Any:
            return (complex_np if _any_complex(values) else real_np)(*map(_widen, values))

        def on_tensors(*values: Any) -> Any:
            chosen = partials if _any_complex(values) else reals
            return compile_program(chosen, names, tensor_namespace(chosen), self.name)(*values)

        return Rule(keeps, on_arrays, on_tensors, fast=reals)


_HELP = {0: "; convert it first, e.g. with .int() or .float()", 1: "; convert it first, e.g. with .float()"}


def _condition(v: Any) -> Any:
    return v.astype(np.bool_, copy=False) if hasattr(v, "dtype") else np.asarray(v, np.bool_)


def _any_complex(values: Sequence[Any]) -> bool:
    return any(getattr(v, "dtype", None) is not None and v.dtype.kind == "c" for v in values)


def _widen(v: Any) -> Any:
    if getattr(v, "shape", None) is None:
        return v
    work = dtypes.compute_type(v.dtype)
    return v if work is v.dtype else v.astype(work)


#: scalar functions whose op has another name
_OP_OF_FUNCTION = {
    **{"power": "pow", "absolute": "abs", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh"},
    **{"arccosh": "acosh", "arctanh": "atanh", "arctan2": "atan2", "rint": "round", "conjugate": "conj_physical"},
}


def tensor_namespace(roots: Sequence[Expr]) -> dict[str, Any]:
    """The ops that the functions in `roots` stand for: what a derivative runs in when it must be differentiable."""
    names = {e.fn.name for root in roots for e in scalar.nodes(root) if e.fn.infix is None}
    ops = {n: registry.get(_OP_OF_FUNCTION.get(n, n)) for n in names - {"var", "const"}}
    return {n: op for n, op in ops.items() if op is not None}


def compile_program(roots: Any, names: Sequence[str], namespace: dict[str, Any], label: str) -> Callable[..., Any]:
    """A Python function of `names` that evaluates one expression, or a list of them to a tuple."""
    many = roots if isinstance(roots, list) else [roots]
    if len(many) == 1:
        steps, result = scalar.program(many[0])
    else:
        steps, result = scalar.program(scalar.Function("together", kind=scalar.ARITH)(*many))
        result = result.removeprefix("together")
    lines = "".join(f"    {name} = {text}\n" for name, text in steps)
    text = f"def elements({', '.join(names)}):\n{lines}    return {result}\n"
    scope = dict(namespace)
    exec(compile(text, f"<rushlight {label}>", "exec"), scope)
    return scope["elements"]


pointwise = _decorator(Pointwise)
