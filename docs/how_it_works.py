"""How it works.

This page is a program: it builds a miniature of Rushlight, the way Rushlight itself is built, and trains a
network with it. Run it with `python docs/how_it_works.py`; it needs NumPy and nothing else.

Five ideas carry the whole:

1. a *function on numbers* states its value and its partial derivatives, and calculus does the rest;
2. an *op* is declared once, as mathematics: how it runs on arrays and its derivative follow from that;
3. what was done to a tensor is kept on a *tape*, and a heap walks it backwards;
4. a *view* shares memory, and a *version* tells when memory changed under somebody's feet;
5. derivatives are made of ops, so they have derivatives.
"""

import heapq
import inspect
import itertools
import math

import numpy as np

# ## 1. Numbers
#
# An expression is a function applied to expressions; at its ends stand names and constants.
# Arithmetic on expressions does not compute anything, it writes down what is to be computed.


class Expr:
    """A function and its arguments."""

    def __init__(self, fn, args):
        self.fn, self.args = fn, args

    def __str__(self):
        return self.fn.text.format(*self.args)


# A function knows how it is spelled in Python, and its partial derivatives: given its arguments
# and its result `out`, one for each argument. This is the page of a calculus book that the
# framework stands on.


class Function:
    """A function on numbers: its spelling and its partial derivatives."""

    def __init__(self, text, partials=None):
        self.text, self.partials = text, partials

    def __call__(self, *args):
        args = [a if isinstance(a, Expr) else Expr(CONSTANT, [a]) for a in args]
        return simpler(self, args) or Expr(self, args)


NAME, CONSTANT = Function("{}"), Function("{}")

plus = Function("({} + {})", lambda x, y, out: (1, 1))
minus = Function("({} - {})", lambda x, y, out: (1, -1))
times = Function("({} * {})", lambda x, y, out: (y, x))
over = Function("({} / {})", lambda x, y, out: (1 / y, -out / y))
greater = Function("({} > {})")
exp = Function("exp({})", lambda x, out: (out,))
log = Function("log({})", lambda x, out: (1 / x,))
tanh = Function("tanh({})", lambda x, out: (1 - out * out,))
maximum = Function("maximum({}, {})", lambda x, y, out: (x > y, y > x))


def method(fn):
    """What a class calls for an operator."""
    return lambda self, other: fn(self, other)


Expr.__add__ = Expr.__radd__ = method(plus)
Expr.__mul__ = Expr.__rmul__ = method(times)
Expr.__sub__, Expr.__rsub__ = method(minus), lambda self, other: minus(other, self)
Expr.__truediv__, Expr.__rtruediv__ = method(over), lambda self, other: over(other, self)
Expr.__gt__ = method(greater)
Expr.__neg__ = lambda self: times(-1, self)

# Two rules keep expressions short: one times x, and zero plus x, are x. (Zero times x is *not*
# zero: x may be infinite or not a number. A framework that forgets this hides its user's
# mistakes.)


def simpler(fn, args):
    """A shorter expression for fn(*args), or None."""
    neutral = {plus: 0, times: 1}.get(fn)
    rest = [x for x in args if x.fn is not CONSTANT or x.args[0] != neutral]
    return rest[0] if len(rest) == 1 < len(args) else None


# Now the chain rule. `g` is the derivative of some final number by `root`; going through the
# expression from the root down to its names, every node hands on to its arguments what it has
# gathered, times its partials. The answer is again an expression. Where it needs the value of
# `root` itself, it says `out`.


def gradient(root, name):
    """The derivative of a final number by `name`, given the one by `root` as g."""
    gathered = {root: variable("g")}
    for e in reversed(below(root)):
        if e in gathered and e.fn.partials:
            out = variable("out") if e is root else e
            for arg, partial in zip(e.args, e.fn.partials(*e.args, out)):
                gathered[arg] = gathered.get(arg, 0) + gathered[e] * partial
    return gathered.get(variable(name), 0 * variable("g"))


def below(e):
    """The nodes of an expression, arguments before users."""
    found = {}

    def visit(e):
        if e not in found:
            for arg in e.args if e.fn not in (NAME, CONSTANT) else ():
                visit(arg)
            found[e] = None

    visit(e)
    return list(found)


VARIABLES = {}


def variable(name):
    """The expression that is just this name; there is one for each name."""
    return VARIABLES.setdefault(name, Expr(NAME, [name]))


x, y = variable("x"), variable("y")
print("tanh(x)  ", gradient(tanh(x), "x"))
print("x * y    ", gradient(x * y, "x"))
print("exp(x*y) ", gradient(exp(x * y), "y"))

# This prints
#
#     tanh(x)   (g * (1 - (out * out)))
#     x * y     (g * y)
#     exp(x*y)  ((g * out) * x)
#
# Read the free names: to go back through `tanh` we must keep its result, and not its argument; to
# go back through a product by x we must keep y. **The names in a derivative are the list of what
# backward keeps**, and nobody writes that list by hand.

# ## 2. Ops
#
# An op has a kernel, which computes on NumPy arrays, and a rule for each of its arguments, which
# turns the gradient of its result into the gradient of that argument. The parameters of a rule
# say what is to be kept.


class Op:
    """Something that is done to tensors: a kernel on arrays, and a rule by argument."""

    is_view = False

    def __init__(self, kernel, name=None):
        self.kernel, self.name, self.rules = kernel, name or kernel.__name__, {}
        params = inspect.signature(kernel).parameters.values()
        self.params = [p.name for p in params if p.kind is not p.KEYWORD_ONLY]

    def vjp(self, **rules):
        """States the rules (vector-Jacobian products), by the names of the arguments."""
        self.rules = rules

    def rule(self, param):
        """(function, what it wants besides g) for one argument."""
        return self.rules[param], list(inspect.signature(self.rules[param]).parameters)[1:]

    def __call__(self, *args, **options):
        return record(self, args, options)


# Most ops treat every element alike. Such a **pointwise** op is declared by its formula on
# numbers. The body runs once, on names; what comes out is an expression, and from it follow the
# kernel and the rules. A rule is a pointwise op itself, because the derivative of a formula is a
# formula: so it has rules too. (Its names get a mark, for it will have a `g` and an `out` of its
# own.)


class Pointwise(Op):
    """An op given by an expression in its parameters."""

    def __init__(self, name, params, expr):
        kernel = eval(f"lambda {', '.join(params)}: {expr}", vars(np).copy())
        super().__init__(kernel, name)
        self.expr = expr

    def rule(self, param):
        """The derivative by one argument, as an op made when it is first wanted."""
        if param not in self.rules:
            slope = gradient(self.expr, param)
            wanted = sorted({e.args[0] for e in below(slope) if e.fn is NAME} - {"g"})
            params = [f"{name}_" for name in ["g", *wanted]]
            self.rules[param] = Pointwise(f"{self.name}_by_{param}", params, marked(slope)), wanted
        return self.rules[param]


def marked(e):
    """The expression with a mark at every name."""
    if e.fn is NAME:
        return variable(f"{e.args[0]}_")
    return e if e.fn is CONSTANT else e.fn(*map(marked, e.args))


def pointwise(body):
    """Declares an op by its formula."""
    params = list(inspect.signature(body).parameters)
    return Pointwise(body.__name__, params, body(*map(variable, params)))


@pointwise
def add(x, y):
    return x + y


@pointwise
def sub(x, y):
    return x - y


@pointwise
def mul(x, y):
    return x * y


@pointwise
def relu(x):
    return maximum(x, 0)


@pointwise
def sigmoid(x):
    return 1 / (1 + exp(-x))


@pointwise
def softplus(x):
    return log(1 + exp(x))


# That was six ops with their derivatives. The others state both, side by side. `sum_to` adds up
# an array until it has a shape, `expand` repeats one: they are each other's derivative, as are
# `narrow`, which takes some rows, and `widen`, which puts them back among zeros.


@Op
def matmul(x, y):
    return x @ y


matmul.vjp(x=lambda g, y: matmul(g, t(y)), y=lambda g, x: matmul(t(x), g))


@Op
def sum_to(x, *, shape):
    x = x.sum(axis=tuple(range(x.ndim - len(shape))))
    return x.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True) if shape else x


@Op
def expand(x, *, shape):
    return np.broadcast_to(x, shape).copy()


sum_to.vjp(x=lambda g, x_shape: expand(g, shape=x_shape))
expand.vjp(x=lambda g, x_shape: sum_to(g, shape=x_shape))


@Op
def t(x):
    return x.T


@Op
def narrow(x, *, start, stop):
    return x[start:stop]


@Op
def widen(x, *, start, rows):
    wide = np.zeros((rows, *x.shape[1:]))
    wide[start : start + len(x)] = x
    return wide


t.is_view = narrow.is_view = True
t.vjp(x=lambda g: t(g))
narrow.vjp(x=lambda g, x_shape, start: widen(g, start=start, rows=x_shape[0]))
widen.vjp(x=lambda g, x_shape, start: narrow(g, start=start, stop=start + x_shape[0]))

# ## 3. The tape
#
# A tensor has an array `a` and a node `n`. There is no node where nobody asked for gradients; a
# `Leaf` where somebody did, and that is where the gradient will arrive; and a list where an op
# has made the tensor:
#
#     [number, op, nodes of the arguments, what the op keeps]
#
# That list is the whole tape. The numbers count down, so that a heap gives the newest node first:
# whoever used a tensor comes before whoever made it, and no node is visited before all of its
# gradient is there. No recursion, no sorting, no counting of users.


class Leaf:
    """Where a gradient arrives."""

    grad = None


class Tensor:
    """An array, its node, and its version (a box, which views share)."""

    def __init__(self, a, n=None, version=None):
        self.a, self.n, self.version = np.asarray(a, dtype=float), n, version or [0]

    def requires_grad_(self):
        self.n = Leaf()
        return self

    @property
    def grad(self):
        return self.n.grad

    def __getitem__(self, rows):
        return narrow(self, start=rows.start, stop=rows.stop)

    def sum(self):
        return sum_to(self, shape=())

    def backward(self, create_graph=False):
        backward(self, create_graph)


Tensor.__add__, Tensor.__sub__ = method(add), method(sub)
Tensor.__mul__, Tensor.__matmul__ = method(mul), method(matmul)

recording = True
numbers = itertools.count(0, -1)


def record(op, args, options):
    """Runs an op; where gradients are wanted, writes a node."""
    args = [arg if isinstance(arg, Tensor) else Tensor(arg) for arg in args]
    out = Tensor(op.kernel(*(arg.a for arg in args), **options))
    if op.is_view:
        out.version = args[0].version
    if recording and any(arg.n for arg in args):
        values = dict(zip(op.params, args)) | {"out": out}
        wanted = {name for p, arg in zip(op.params, args) if arg.n for name in op.rule(p)[1]}
        kept = {name: keep(values[name]) for name in wanted & set(values)}
        shapes = {f"{p}_shape": arg.a.shape for p, arg in zip(op.params, args)}
        out.n = [next(numbers), op, [arg.n for arg in args], kept, shapes | options]
    return out


def keep(tensor):
    """What a node keeps of a tensor: its array, and its version at this moment."""
    return tensor.a, tensor.version, tensor.version[0]


# Going backwards, what was kept becomes tensors again. An argument gets back the node it had, and
# the result gets the node we are at (a node that held its own tensor would keep itself alive for
# ever, so it holds the array).


def cotangents(node, g):
    """The gradient of each argument of a node that has one, given that of its result."""
    _, op, inputs, kept, others = node
    nodes = dict(zip(op.params, inputs)) | {"out": node}
    values = others | {name: unpack(op, name, nodes[name], *held) for name, held in kept.items()}
    for param, n in zip(op.params, inputs):
        if n is not None:
            rule, wanted = op.rule(param)
            yield n, fit(rule(g, *(values[name] for name in wanted)), others[f"{param}_shape"])


def unpack(op, name, node, a, version, at):
    """A kept array as a tensor. Raises RuntimeError where it is no longer what it was."""
    if version[0] != at:
        raise RuntimeError(f"{op.name} kept `{name}` for backward, and it was changed in place since then")
    return Tensor(a, node, version)


# One place, and only one, knows about broadcasting: an argument that was stretched has a gradient
# that is too large, and adding up what was repeated makes it fit.


def fit(g, shape):
    return g if g.a.shape == shape else sum_to(g, shape=shape)


# And this is the engine.


def backward(root, create_graph=False):
    """Adds the gradient of `root` to every leaf that it was made from."""
    global recording
    before, recording = recording, create_graph
    arrived, heap = {}, []
    deliver(root.n, Tensor(np.ones(root.a.shape)), arrived, heap)
    try:
        while heap:
            node = heapq.heappop(heap)
            for n, g in cotangents(node, arrived.pop(node[0])):
                deliver(n, g, arrived, heap)
    finally:
        recording = before


def deliver(n, g, arrived, heap):
    """Adds a gradient to what has arrived at a node; a new node goes onto the heap."""
    if isinstance(n, Leaf):
        n.grad = g if n.grad is None else n.grad + g
    elif n[0] in arrived:
        arrived[n[0]] = arrived[n[0]] + g
    else:
        arrived[n[0]] = g
        heapq.heappush(heap, n)


x = Tensor([[1.0, 2.0], [3.0, 4.0]]).requires_grad_()
w = Tensor([0.5, -1.0]).requires_grad_()
(x * w).sum().backward()
print("d/dw", w.grad.a)  # [4. 6.]: w was stretched over two rows, so their gradients are added up

# A chain of 20,000 ops is no harder than one of two:

x = Tensor(1.0).requires_grad_()
y = x
for _ in range(20_000):
    y = y + x
y.backward()
print("d/dx", x.grad.a)  # 20001.0

# ## 4. Views and versions
#
# `narrow` and `t` copy nothing: NumPy's slices share memory, and ours share the version as well.
# A method that changes a tensor in place is three lines: do it, write the new number into the old
# memory, and raise the version.


def add_(self, other):
    """self += other."""
    if recording and isinstance(self.n, Leaf):
        raise RuntimeError("add_: a leaf that requires grad cannot be changed in place while the tape runs")
    out = self + other
    self.a[...] = out.a
    self.n = out.n
    self.version[0] += 1
    return self


Tensor.add_ = add_

a = Tensor([[1.0], [2.0], [3.0]])
b = a[1:3]
b.add_(10)
print("seen through the other", a.a.ravel(), "version", a.version)  # [ 1. 12. 13.] version [1]

# The version is there for this mistake: `sigmoid` goes back through its result, which is
# overwritten here. Without the version the gradient would be wrong, and nobody would know.

x = Tensor([0.0, 1.0]).requires_grad_()
y = sigmoid(x)
y.add_(1)
try:
    y.sum().backward()
except RuntimeError as error:
    print("refused:", error)

# Nothing is refused that is right: `mul` by a constant keeps the constant, so its result may
# change.

x = Tensor([0.0, 1.0]).requires_grad_()
y = x * 3
y.add_(1)
y.sum().backward()
print("allowed:", x.grad.a)  # [3. 3.]

# (A write into a view of a tensor that is on the tape must also change the tape of that tensor.
# Rushlight does this, in `autograd/inplace.py`; the miniature stops short of it.)

# ## 5. Derivatives of derivatives
#
# The engine calls rules, rules call ops, and ops write the tape, if `recording` is on. So the
# derivative of a derivative costs nothing more than leaving it on.

x = Tensor(2.0).requires_grad_()
(x * x * x).backward(create_graph=True)
first, x.n.grad = x.grad, None
first.backward()
print("x³ at 2:", first.a, "and", x.grad.a)  # 3x² and 6x: both are 12

# How do we know that all of this is right? Against differences, for any function of one tensor,
# to the second order. A checker like this one found a mistake in the first version of this page.


def slopes(f, a):
    """The gradient of f(x).sum() at a, and the gradient of the sum of that one."""
    x = Tensor(a).requires_grad_()
    f(x).sum().backward(create_graph=True)
    once, x.n.grad = x.grad, None
    once.sum().backward()
    return once.a, x.grad.a


def check(f, a, step=1e-5):
    """Asserts that both gradients are what differences say."""
    once, twice = slopes(f, a)
    for i in np.ndindex(a.shape):
        shift = np.zeros(a.shape)
        shift[i] = step
        value = f(Tensor(a + shift)).sum().a - f(Tensor(a - shift)).sum().a
        slope = slopes(f, a + shift)[0].sum() - slopes(f, a - shift)[0].sum()
        assert math.isclose(once[i], value / (2 * step), rel_tol=1e-6, abs_tol=1e-7), (i, once)
        assert math.isclose(twice[i], slope / (2 * step), rel_tol=1e-6, abs_tol=1e-7), (i, twice)


some = np.random.default_rng(0).normal(size=(3, 3))
for f in (
    sigmoid,
    softplus,
    relu,
    lambda x: x * x - x,
    lambda x: x @ t(x) @ x,
    lambda x: sigmoid(x[0:2]) * x[1:3],
    lambda x: x * Tensor([[1.0], [2.0], [3.0]]) * x[0:1],
):
    check(f, some)
print("all gradients agree with differences, and theirs too")

# ## 6. A network
#
# Enough for a network that learns *exclusive or*: is exactly one of two numbers 1? A straight
# line cannot tell; a hidden layer can. An optimiser is a loop over the parameters, with the tape
# off.

inputs = Tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
truth = Tensor([[0], [1], [1], [0]])

draw = np.random.default_rng(1).normal
w1, b1 = Tensor(draw(size=(2, 8))).requires_grad_(), Tensor(np.zeros(8)).requires_grad_()
w2, b2 = Tensor(draw(size=(8, 1))).requires_grad_(), Tensor(np.zeros(1)).requires_grad_()


def network(x):
    return relu(x @ w1 + b1) @ w2 + b2


def loss_of(score):
    """Cross entropy of two classes, from the score before the sigmoid: log(1 + eˢ) - truth · s."""
    return (softplus(score) - truth * score).sum()


def step(parameters, lr):
    """Gradient descent: θ ← θ - lr · ∇θ."""
    global recording
    recording = False
    for p in parameters:
        p.a -= lr * p.grad.a
        p.version[0] += 1
        p.n.grad = None
    recording = True


for epoch in range(301):
    loss = loss_of(network(inputs))
    loss.backward()
    step([w1, b1, w2, b2], lr=0.1)
    if epoch % 100 == 0:
        print(f"step {epoch:3d}  loss {loss.a:.4f}")

answers = sigmoid(network(inputs)).a.ravel()
print("0^0, 0^1, 1^0, 1^1:", answers.round(2))

# ## What the real one adds
#
# Everything above is in Rushlight under the same names. What makes it larger:
#
# | here | in Rushlight | what is more |
# |---|---|---|
# | `Expr`, `gradient` | `scalar.py` | a hundred functions, complex numbers, shared subexpressions |
# | `Op`, `pointwise` | `ops/declare.py` | dtypes, shape rules, batching, documentation, tests |
# | kernels | `arrays/` | NumPy in blocks that stay in cache; arrays that have a shape and no numbers |
# | `record` | `autograd/codegen.py` | one straight function generated for each op |
# | `backward` | `autograd/engine.py` | hooks, several outputs; what was kept is freed on the way |
# | `version` | `autograd/inplace.py` | writes into views of what is on the tape |
# | `step` | `optim/` | optimisers that read like their papers |
