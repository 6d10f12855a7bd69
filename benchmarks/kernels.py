"""Pointwise chains, row kernels, reductions, copies: the shapes of notes/codegen.md; and optimisers."""

from __future__ import annotations

from .timing import Case


def rows() -> list[Case]:
    """Pointwise, softmax, normalisation, cross-entropy, sums and copies."""
    return [
        *(_bias(64, 100), _bias(4096, 4096)),
        Case("gelu tanh, 1M", 1.5, "F.gelu(x, approximate='tanh')", "x = normal(1 << 20)"),
        Case("gelu erf, 1M", 1.1, "F.gelu(x)", "x = normal(1 << 20)"),
        *(_softmax(8192, 1024), _softmax(64, 10)),
        *_layer_norm(8192, 768),
        *(_cross_entropy(4096, 1000), _cross_entropy(64, 10)),
        *(_sum("all", "", 1.1), _sum("axis 1", "1", 1.1), _sum("axis 0", "0", 1.5)),
        Case("transpose copy, 4096x4096", 1.5, "x.t().contiguous()", "x = normal(4096, 4096)"),
        _permute((32, 128, 12, 64), (0, 2, 1, 3)),
        _permute((64, 64, 32, 32), (0, 2, 3, 1)),
    ]


def _bias(n: int, k: int) -> Case:
    return Case(f"relu(x + b), {n}x{k}", 1.5, "m.relu(x + b)", f"x, b = normal({n}, {k}), normal({k})")


def _softmax(n: int, k: int) -> Case:
    return Case(f"softmax, {n}x{k}", 1.5, "F.softmax(x, 1)", f"x = normal({n}, {k})")


def _layer_norm(n: int, k: int) -> list[Case]:
    data = f"x, w, b = (leaf({n}, {k}), leaf({k}), leaf({k}))\n"
    call = f"F.layer_norm(x, ({k},), w, b)"
    again = "grad(y, [x, w, b], g, retain_graph=True)"
    return [
        Case(f"layer_norm, {n}x{k}: forward", 1.1, call, data.replace("leaf", "normal")),
        Case(f"layer_norm, {n}x{k}: backward", 1.1, again, f"{data}g = normal({n}, {k}); y = {call}"),
    ]


def _cross_entropy(n: int, k: int) -> Case:
    data = f"x, y = leaf({n}, {k}), classes({n}, below={k})"
    return Case(f"cross_entropy, {n}x{k}: both ways", 1.5, "grad(F.cross_entropy(x, y), [x])", data)


def _sum(name: str, dim: str, wanted: float) -> Case:
    return Case(f"sum, 4096x4096: {name}", wanted, f"x.sum({dim})", "x = normal(4096, 4096).abs()")


def _permute(shape: tuple[int, ...], order: tuple[int, ...]) -> Case:
    name = f"permute{order} copy, {'x'.join(map(str, shape))}"
    return Case(name.replace(", ", ",", 3), 1.5, f"x.permute{order}.contiguous()", f"x = normal{shape}")


def optimizers() -> list[Case]:
    """A step over 50 tensors, half of them vectors, against torch's fused one; and 1M parameters."""
    cases = []
    for name in ("Adam", "AdamW"):
        for n, wanted in ((32, 10.0), (256, 1.5)):
            shapes = f"[({n}, {n}), ({n},)] * 25"
            cases.append(_step(f"{name}, 25 of {n}x{n} and 25 of {n}", wanted, name, shapes))
    return [*cases, _step("Adam, 1M parameters", 1.5, "Adam", "[(1024, 1024)]")]


def _step(title: str, wanted: float, name: str, shapes: str) -> Case:
    setup = f"""
parameters = [leaf(*shape) for shape in {shapes}]
for p in parameters: p.grad = normal(*p.shape)
optimizer = m.optim.{name}(parameters, **fused)
first = parameters[0]
"""
    return Case(title, wanted, "optimizer.step()", setup, result="first")
