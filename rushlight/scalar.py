"""Expressions on numbers and their calculus: what a pointwise op's body is made of.

A body such as `input * sigmoid(input)` runs once on `Expr` values and leaves a graph of `Function`
applications. From that graph come the NumPy program, the result type, and, by reverse accumulation, the
derivative as another graph whose free names are what backward keeps (PyTorch's derivatives.yaml has the same
rule).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

ARITH, REAL, TRUTH = "arith", "real", "truth"  # result kinds: the operands' type, a floating type, bool


class Expr:
    """A node of an expression; equal nodes are one object, so `is` compares values."""

    __slots__ = ("fn", "args", "kind")
    fn: Function
    args: tuple[Any, ...]
    kind: str
    _pool: dict[tuple[Any, ...], Expr] = {}

    def __new__(cls, fn: Function, args: tuple[Any, ...]) -> Expr:
        key = (fn, *((type(a), repr(a)) if fn is CONST else a for a in args))
        found = cls._pool.get(key)
        if found is None:
            made = super().__new__(cls)
            made.fn, made.args, made.kind = fn, args, _kind(fn, args)
            found = cls._pool.setdefault(key, made)  # whole, and the same one for all threads
        return found

    @property
    def name(self) -> str:
        return self.args[0]

    def __neg__(self) -> Expr:
        return neg(self)

    def __invert__(self) -> Expr:
        return invert(self)

    def __add__(self, other: Any) -> Expr:
        return add(self, other)

    def __radd__(self, other: Any) -> Expr:
        return add(other, self)

    def __sub__(self, other: Any) -> Expr:
        return sub(self, other)

    def __rsub__(self, other: Any) -> Expr:
        return sub(other, self)

    def __mul__(self, other: Any) -> Expr:
        return mul(self, other)

    def __rmul__(self, other: Any) -> Expr:
        return mul(other, self)

    def __truediv__(self, other: Any) -> Expr:
        return div(self, other)

    def __rtruediv__(self, other: Any) -> Expr:
        return div(other, self)

    def __pow__(self, other: Any) -> Expr:
        return pow_(self, other)

    def __rpow__(self, other: Any) -> Expr:
        return pow_(other, self)

    def __mod__(self, other: Any) -> Expr:
        return remainder(self, other)

    def __floordiv__(self, other: Any) -> Expr:
        return floor_divide(self, other)

    def __and__(self, other: Any) -> Expr:
        return bit_and(self, other)

    def __or__(self, other: Any) -> Expr:
        return bit_or(self, other)

    def __xor__(self, other: Any) -> Expr:
        return bit_xor(self, other)

    def __lshift__(self, other: Any) -> Expr:
        return shift_left(self, other)

    def __rshift__(self, other: Any) -> Expr:
        return shift_right(self, other)

    def __lt__(self, other: Any) -> Expr:
        return lt(self, other)

    def __le__(self, other: Any) -> Expr:
        return le(self, other)

    def __gt__(self, other: Any) -> Expr:
        return gt(self, other)

    def __ge__(self, other: Any) -> Expr:
        return ge(self, other)

    __hash__ = object.__hash__


class Function:
    """A function on numbers: its spelling, its result kind, and its partial derivatives.

    `d(*args, out)` gives one partial per argument (a tuple, or a bare value for one argument),
    or `vjp(g, *args, out)` the products with the incoming derivative;
    neither means the function is piecewise constant.
    """

    __slots__ = ("name", "kind", "d", "vjp", "infix")

    def __init__(
        self,
        name: str,
        d: Callable[..., Any] | None = None,
        kind: str = REAL,
        infix: str | None = None,
        vjp: Callable[..., Any] | None = None,
    ) -> None:
        self.name, self.d, self.kind, self.infix, self.vjp = name, d, kind, infix, vjp

    def __call__(self, *args: Any) -> Expr:
        lifted = tuple(map(lift, args))
        return _simplify(self, lifted) or Expr(self, lifted)

    def pullback(self, g: Expr, out: Expr) -> tuple[Any, ...]:
        """The products of `g` with each partial at `out = self(*args)`; None where there is no dependence."""
        if self.vjp is not None:
            return self.vjp(g, *out.args, out)
        if self.d is None:
            return (None,) * len(out.args)
        partials = self.d(*out.args, out)
        partials = partials if isinstance(partials, tuple) else (partials,)
        return tuple(g * conjugate(lift(p)) for p in partials)

    def __repr__(self) -> str:
        return self.name


VAR, CONST = Function("var", kind=ARITH), Function("const", kind=ARITH)


def var(name: str) -> Expr:
    """A free name."""
    return Expr(VAR, (name,))


def lift(value: Any) -> Expr:
    """A Python number as an expression; an expression as itself."""
    return value if isinstance(value, Expr) else Expr(CONST, (value,))


def is_const(e: Expr, value: object) -> bool:
    """Whether `e` is the constant `value` (0 and 0.0 alike, -0.0 apart)."""
    return e.fn is CONST and e.args[0] == value and not str(e.args[0]).startswith("-0")


def _kind(fn: Function, args: tuple[Any, ...]) -> str:
    if fn is VAR:
        return ARITH
    if fn is CONST:
        return REAL if isinstance(args[0], float) else TRUTH if isinstance(args[0], bool) else ARITH
    if fn.kind is not ARITH:
        return fn.kind
    values = args[1:] if fn is where else args
    kinds = {a.kind for a in values}
    return REAL if REAL in kinds else TRUTH if kinds == {TRUTH} else ARITH


# -- simplification: only what is exact for every number, nan and inf included ------------------------


def _simplify(fn: Function, args: tuple[Expr, ...]) -> Expr | None:
    rule = _RULES.get(fn.name)
    return rule(*args) if rule else None


def _simplify_mul(x: Expr, y: Expr) -> Expr | None:
    if is_const(x, 1):
        return y
    if is_const(y, 1):
        return x
    for g, w in ((x, y), (y, x)):  # g * (1 if c else 0) selects: it must not make nan of inf * 0
        if w.fn is where and is_const(w.args[1], 1) and is_const(w.args[2], 0):
            return where(w.args[0], g, 0)
        if w.fn is where and is_const(w.args[1], 0) and is_const(w.args[2], 1):
            return where(w.args[0], 0, g)
    return neg(y) if is_const(x, -1) else neg(x) if is_const(y, -1) else None


def _simplify_add(x: Expr, y: Expr) -> Expr | None:
    return y if is_const(x, 0) else x if is_const(y, 0) else None


def _simplify_sub(x: Expr, y: Expr) -> Expr | None:
    return x if is_const(y, 0) else None


def _simplify_div(x: Expr, y: Expr) -> Expr | None:
    return x if is_const(y, 1) and x.kind is REAL else None


def _simplify_neg(x: Expr) -> Expr | None:
    return x.args[0] if x.fn is neg else lift(-x.args[0]) if x.fn is CONST else None


def _simplify_where(c: Expr, x: Expr, y: Expr) -> Expr | None:
    if c.fn is CONST:
        return x if c.args[0] else y
    return x if x is y else None


def _simplify_lt(x: Expr, y: Expr) -> Expr | None:
    return lift(x.args[0] < y.args[0]) if x.fn is y.fn is CONST else None


def _simplify_abs(x: Expr) -> Expr | None:
    return lift(abs(x.args[0])) if x.fn is CONST else None


def _simplify_conj(x: Expr) -> Expr | None:
    return x if x.fn is CONST or x.kind is TRUTH else x.args[0] if x.fn is conjugate else None


_RULES: dict[str, Callable[..., Expr | None]] = {
    **{"mul": _simplify_mul, "add": _simplify_add, "sub": _simplify_sub, "div": _simplify_div},
    **{"neg": _simplify_neg, "where": _simplify_where, "conjugate": _simplify_conj},
    **{"lt": _simplify_lt, "absolute": _simplify_abs},
}


# -- the calculus of numbers ------------------------------------------------------------------------
# Partials are stated for real and complex numbers alike; `pullback` conjugates them (PyTorch's convention).

where = Function("where", kind=ARITH, vjp=lambda g, c, x, y, out: (None, where(c, g, 0), where(c, 0, g)))
neg = Function("neg", lambda x, out: -1, ARITH, "-{}")
zeros_like = Function("zeros_like", kind=ARITH)
conjugate = Function("conjugate", kind=ARITH, vjp=lambda g, x, out: (conjugate(g),))
real_part = Function("real", kind=ARITH, vjp=lambda g, x, out: (real_part(g),))
invert = Function("invert", kind=ARITH, infix="~{}")

add = Function("add", lambda x, y, out: (1, 1), ARITH, "{} + {}")
sub = Function("sub", lambda x, y, out: (1, -1), ARITH, "{} - {}")
mul = Function("mul", lambda x, y, out: (y, x), ARITH, "{} * {}")
div = Function("div", kind=REAL, infix="{} / {}", vjp=lambda g, x, y, out: _div_pullback(g, y, out))
pow_ = Function("power", kind=ARITH, vjp=lambda g, x, y, out: _pow_pullback(g, x, y, out))
floor_divide = Function("floor_divide", kind=ARITH)
trunc_divide = Function("trunc_divide", kind=ARITH)
remainder = Function("remainder", lambda x, y, out: (1, -floor_divide(x, y)), ARITH)
fmod = Function("fmod", lambda x, y, out: (1, -trunc_divide(x, y)), ARITH)

lt = Function("lt", kind=TRUTH, infix="{} < {}")
le = Function("le", kind=TRUTH, infix="{} <= {}")
gt = Function("gt", kind=TRUTH, infix="{} > {}")
ge = Function("ge", kind=TRUTH, infix="{} >= {}")
eq = Function("eq", kind=TRUTH, infix="{} == {}")
ne = Function("ne", kind=TRUTH, infix="{} != {}")
logical_and = Function("logical_and", kind=TRUTH)
logical_or = Function("logical_or", kind=TRUTH)
logical_xor = Function("logical_xor", kind=TRUTH)
logical_not = Function("logical_not", kind=TRUTH)
isnan = Function("isnan", kind=TRUTH)
isinf = Function("isinf", kind=TRUTH)
isfinite = Function("isfinite", kind=TRUTH)
signbit = Function("signbit", kind=TRUTH)

bit_and = Function("bit_and", kind=ARITH, infix="{} & {}")
bit_or = Function("bit_or", kind=ARITH, infix="{} | {}")
bit_xor = Function("bit_xor", kind=ARITH, infix="{} ^ {}")
shift_left = Function("shift_left", kind=ARITH)
shift_right = Function("shift_right", kind=ARITH)

exp = Function("exp", lambda x, out: out)
exp2 = Function("exp2", lambda x, out: out * 0.6931471805599453)
expm1 = Function("expm1", lambda x, out: out + 1)
log = Function("log", vjp=lambda g, x, out: (g / conjugate(x),))
log2 = Function("log2", lambda x, out: 1 / (x * 0.6931471805599453))
log10 = Function("log10", lambda x, out: 1 / (x * 2.302585092994046))
log1p = Function("log1p", lambda x, out: 1 / (x + 1))
sqrt = Function("sqrt", vjp=lambda g, x, out: (g / (2 * conjugate(out)),))
rsqrt = Function("rsqrt", lambda x, out: -0.5 * (out * out * out))
reciprocal = Function("reciprocal", lambda x, out: -(out * out))
square = Function("square", lambda x, out: 2 * x, ARITH)
sin = Function("sin", lambda x, out: cos(x))
cos = Function("cos", lambda x, out: -sin(x))
tan = Function("tan", lambda x, out: 1 + out * out)
asin = Function("arcsin", lambda x, out: 1 / sqrt(1 - x * x))
acos = Function("arccos", lambda x, out: -1 / sqrt(1 - x * x))
atan = Function("arctan", lambda x, out: 1 / (1 + x * x))
sinh = Function("sinh", lambda x, out: cosh(x))
cosh = Function("cosh", lambda x, out: sinh(x))
tanh = Function("tanh", lambda x, out: 1 - out * out)
asinh = Function("arcsinh", lambda x, out: 1 / sqrt(x * x + 1))
acosh = Function("arccosh", lambda x, out: 1 / (sqrt(x - 1) * sqrt(x + 1)))
atanh = Function("arctanh", lambda x, out: 1 / (1 - x * x))
atan2 = Function("arctan2", vjp=lambda g, x, y, out: _atan2_pullback(g, x, y, x * x + y * y))
sigmoid = Function("sigmoid", lambda x, out: out * (1 - out))
erf = Function("erf", lambda x, out: 1.1283791670955126 * exp(-(x * x)))

abs_ = Function("absolute", kind=ARITH, vjp=lambda g, x, out: (real_part(g) * sgn(x),))
angle = Function("angle")
sign = Function("sign", kind=ARITH)
sgn = Function("sgn", kind=ARITH)
floor = Function("floor", kind=ARITH)
ceil = Function("ceil", kind=ARITH)
round_ = Function("rint", kind=ARITH)
trunc = Function("trunc", kind=ARITH)
relu = Function("relu", lambda x, out: where(out <= 0, 0, 1), ARITH)  # nan passes the derivative on
maximum = Function("maximum", vjp=lambda g, x, y, out: _extremum_pullback(g, x, y, x > y, x < y), kind=ARITH)
minimum = Function("minimum", vjp=lambda g, x, y, out: _extremum_pullback(g, x, y, x < y, x > y), kind=ARITH)
fmax = Function(
    "fmax", kind=ARITH, vjp=lambda g, x, y, out: _choice_pullback(g, logical_or(x >= y, isnan(y)))
)
fmin = Function(
    "fmin", kind=ARITH, vjp=lambda g, x, y, out: _choice_pullback(g, logical_or(x <= y, isnan(y)))
)

copysign = Function("copysign", vjp=lambda g, x, y, out: (where(eq(x, 0), 0, g * (out / x)), None))
hypot = Function("hypot", lambda x, y, out: (x / out, y / out))
xlogy = Function("xlogy", vjp=lambda g, x, y, out: _xlogy_pullback(g, x, y))
logaddexp = Function("logaddexp", lambda x, y, out: (1 / (1 + exp(y - x)), 1 / (1 + exp(x - y))))
logaddexp2 = Function("logaddexp2", lambda x, y, out: (1 / (1 + exp2(y - x)), 1 / (1 + exp2(x - y))))
heaviside = Function("heaviside", kind=ARITH)
nextafter = Function("nextafter", kind=ARITH)
gcd = Function("gcd", kind=ARITH)
lcm = Function("lcm", kind=ARITH)
erfc = Function("erfc", lambda x, out: -1.1283791670955126 * exp(-(x * x)))
erfinv = Function("erfinv", lambda x, out: 0.886226925452758 * exp(out * out))
lgamma = Function("lgamma", lambda x, out: digamma(x))
digamma = Function("digamma", lambda x, out: polygamma(x, 1))
polygamma = Function("polygamma", vjp=lambda g, x, n, out: (g * polygamma(x, n + 1), None))
unknown = Function("unknown", kind=ARITH)  # a derivative that nobody states: an error where it is asked for
igamma = Function("igamma", vjp=lambda g, a, x, out: (unknown(g), g * _igamma_slope(a, x)))
igammac = Function("igammac", vjp=lambda g, a, x, out: (unknown(g), -(g * _igamma_slope(a, x))))
zeta = Function("zeta", vjp=lambda g, x, q, out: (unknown(g), -(g * x * zeta(x + 1, q))))
xlog1py = Function("xlog1py", vjp=lambda g, x, y, out: (_xlog1py_pullback(g, x, y), g * (x / (y + 1))))
entr = Function("entr", lambda x, out: -log(x) - 1)
erfcx = Function("erfcx", lambda x, out: 2 * x * out - 1.1283791670955126)
ndtr = Function("ndtr", lambda x, out: 0.3989422804014327 * exp(-0.5 * (x * x)))
log_ndtr = Function("log_ndtr", lambda x, out: 0.7978845608028654 / erfcx(-0.7071067811865476 * x))
ndtri = Function("ndtri", lambda x, out: 2.5066282746310002 * exp(0.5 * (out * out)))
i0 = Function("i0", lambda x, out: i1(x))
i1 = Function("i1", lambda x, out: where(eq(x, 0), 0.5, i0(x) - out / where(eq(x, 0), 1, x)))
i0e = Function("i0e", lambda x, out: i1e(x) - sgn(x) * out)
i1e = Function(
    "i1e", lambda x, out: where(eq(x, 0), 0.5, i0e(x) - out * (sgn(x) + 1 / where(eq(x, 0), 1, x)))
)


def _igamma_slope(a: Expr, x: Expr) -> Expr:
    return exp((a - 1) * log(x) - x - lgamma(a))


def _xlog1py_pullback(g: Expr, x: Expr, y: Expr) -> Expr:
    return where(logical_and(eq(x, 0), y <= -1), 0, xlog1py(g, y))


def _extremum_pullback(g: Expr, x: Expr, y: Expr, x_wins: Expr, y_wins: Expr) -> tuple[Expr, Expr]:
    """At a tie each side takes half, beside a NaN both take all (PyTorch's rule for maximum and minimum)."""
    shared = where(eq(x, y), g / 2, g)
    return where(y_wins, 0, shared), where(x_wins, 0, shared)


def _atan2_pullback(g: Expr, x: Expr, y: Expr, square: Expr) -> tuple[Expr, Expr]:
    at_origin = eq(square, 0)
    return where(at_origin, 0, g * (y / square)), where(at_origin, 0, -(g * (x / square)))


def _choice_pullback(g: Expr, first: Expr) -> tuple[Expr, Expr]:
    return where(first, g, 0), where(first, 0, g)


def _xlogy_pullback(g: Expr, x: Expr, y: Expr) -> tuple[Expr, Expr]:
    return where(logical_and(eq(x, 0), y <= 0), 0, xlogy(g, y)), g * (x / y)


def _div_pullback(g: Expr, y: Expr, out: Expr) -> tuple[Expr, Expr]:
    return g / conjugate(y), -g * conjugate(out / y)


def _pow_pullback(g: Expr, x: Expr, y: Expr, out: Expr) -> tuple[Expr, Expr]:
    """x^y: y·x^(y-1), zero at y = 0 whatever x is; out·log x, zero where x = 0 and y >= 0."""
    gx = where(eq(y, 0), 0, g * conjugate(y * pow_(x, y - 1)))
    gy = where(logical_and(eq(x, 0), real_part(y) >= 0), 0, g * conjugate(out * log(x)))
    return gx, gy


# -- graphs -------------------------------------------------------------------------------------------


def nodes(root: Expr) -> Iterator[Expr]:
    """Every node below `root`, arguments before users."""
    seen: set[Expr] = set()
    stack = [(root, False)]
    while stack:
        e, ready = stack.pop()
        if ready:
            yield e
        elif e not in seen:
            seen.add(e)
            stack.append((e, True))
            if e.fn not in (VAR, CONST):
                stack.extend((a, False) for a in reversed(e.args))


def free_names(*roots: Expr) -> set[str]:
    """The names an evaluation of `roots` reads."""
    return {e.name for root in roots for e in nodes(root) if e.fn is VAR}


def condition_names(root: Expr) -> set[str]:
    """Names that stand only as a bare condition of `where`: they take no part in type promotion."""
    values = {a for e in nodes(root) if e.fn not in (VAR, CONST) for a in e.args[e.fn is where :]}
    return {n for n in free_names(root) if var(n) not in values} - ({root.name} if root.fn is VAR else set())


def replace(root: Expr, old: dict[Expr, Expr]) -> Expr:
    """`root` with nodes exchanged, largest first."""
    return _replaced(root, old, {})


def _replaced(e: Expr, old: dict[Expr, Expr], done: dict[Expr, Expr]) -> Expr:
    if e in old:
        return old[e]
    if e.fn in (VAR, CONST):
        return e
    if e not in done:
        done[e] = e.fn(*[_replaced(a, old, done) for a in e.args])
    return done[e]


def gradient(root: Expr, names: list[str]) -> dict[str, Expr]:
    """∂root/∂name times `g`, for each name, by reverse accumulation;
    the value of `root` itself stands as `out`.

    For complex numbers partials stand conjugated (PyTorch's convention); `real` drops the conjugations.
    """
    adjoint: dict[Expr, Expr] = {root: var("g")}
    for e in reversed(list(nodes(root))):
        g = adjoint.get(e)
        if g is None or e.fn in (VAR, CONST):
            continue
        for arg, product in zip(e.args, e.fn.pullback(g, e), strict=True):
            if product is not None and not is_const(product, 0):
                adjoint[arg] = adjoint[arg] + product if arg in adjoint else product
    known = {root: var("out")} if root.fn is not VAR else {}
    return {n: replace(adjoint.get(var(n), zeros_like(var("g"))), known) for n in names}


def real(root: Expr) -> Expr:
    """`root` for real numbers: without its conjugations and real parts."""
    done: dict[Expr, Expr] = {}
    for e in nodes(root):
        args = e.args if e.fn in (VAR, CONST) else tuple(done[a] for a in e.args)
        done[e] = e if e.fn in (VAR, CONST) else args[0] if e.fn in (conjugate, real_part) else e.fn(*args)
    return done[root]


def program(root: Expr) -> tuple[list[tuple[str, str]], str]:
    """`root` as Python text: assignments of the subexpressions used twice, then the expression.

    Infix operators and the function names of this module; the namespace it runs in decides what they mean.
    """
    order = list(nodes(root))
    uses: dict[Expr, int] = {}
    for e in order:
        for a in e.args if e.fn not in (VAR, CONST) else ():
            uses[a] = uses.get(a, 0) + 1
    text: dict[Expr, str] = {}
    steps: list[tuple[str, str]] = []
    for e in order:
        text[e] = _text(e, text)
        if uses.get(e, 0) > 1 and e.fn not in (VAR, CONST):
            steps.append((f"t{len(steps)}", text[e]))
            text[e] = steps[-1][0]
    return steps, text[root]


def _text(e: Expr, text: dict[Expr, str]) -> str:
    if e.fn is VAR:
        return e.name
    if e.fn is CONST:
        return _number(e.args[0])
    shown = [text[a] for a in e.args]
    return f"({e.fn.infix.format(*shown)})" if e.fn.infix else f"{e.fn.name}({', '.join(shown)})"


def _number(value: Any) -> str:
    return (
        f"float({str(value)!r})" if value in (float("inf"), -float("inf")) or value != value else repr(value)
    )
