"""Matrix products and convolutions: the shapes of notes/linear-algebra.md."""

from __future__ import annotations

from typing import NamedTuple

from .timing import Case


def gemm() -> list[Case]:
    """Products, m x k x n: large, small, skinny, transposed, batched."""
    sizes = [(64, 1000, 100), (64, 100, 10), (64, 64, 64), (256, 256, 256), (1024, 1024, 1024)]
    sizes += [(2048, 384, 1536), (1, 1024, 1024), (4, 1024, 1024)]
    bias = "x, w, b = normal(64, 1000), normal(100, 1000), normal(100)"
    return [
        *(_matmul(*size) for size in sizes),
        Case("matmul, 1000x64x100: x.t() @ g", 1.5, "x.t() @ g", "x, g = normal(64, 1000), normal(64, 100)"),
        Case("linear, 64x1000x100", 1.5, "F.linear(x, w, b)", bias),
        Case("bmm, 512 of 16x16x16", 1.5, "a @ b", "a, b = normal(512, 16, 16), normal(512, 16, 16)"),
    ]


def _matmul(m: int, k: int, n: int) -> Case:
    return Case(f"matmul, {m}x{k}x{n}", 1.5, "a @ b", f"a, b = normal({m}, {k}), normal({k}, {n})")


def halves() -> list[Case]:
    """Products of bfloat16: of signs, whose sums are exact, so that all orders of summing agree."""
    sizes = [(512, 512, 512), (1024, 1024, 1024), (128, 784, 512), (4096, 512, 512), (64, 256, 256)]
    sizes += [(1, 1024, 4096), (4, 1024, 4096), (16, 1024, 4096)]
    return [case for size in sizes for case in _halves(*size)]


def _halves(m: int, k: int, n: int) -> list[Case]:
    x, w, g = (f"normal({r}, {c}).sign().to(m.bfloat16)" for r, c in ((m, k), (n, k), (m, n)))
    given = f"x, w, g = {x}, {w}, {g}"
    name = f"bfloat16, {m}x{k}x{n}"
    forward = Case(f"linear {name}", 1.0, "F.linear(x, w).float()", given)
    if m < 64:
        return [forward]
    return [forward, Case(f"its dX {name}", 1.0, "(g @ w).float()", given),
            Case(f"its dW {name}", 1.0, "(g.t() @ x).float()", given)]  # fmt: skip


class Shape(NamedTuple):
    """A convolution: batch, channels in and out, height = width, kernel, stride."""

    n: int
    c: int
    o: int
    size: int
    kernel: int
    stride: int = 1

    @property
    def padding(self) -> int:
        """Half the kernel; LeNet's second has none."""
        return 0 if self.kernel == 5 else self.kernel // 2

    @property
    def winograd(self) -> bool:
        """Whether F(2,3) serves: 3x3, stride 1, many channels."""
        return self.kernel == 3 and self.stride == 1 and self.c % 16 == self.o % 16 == 0

    def __str__(self) -> str:
        stride = f" s{self.stride}" if self.stride > 1 else ""
        return f"{self.c}-{self.o} {self.kernel}x{self.kernel}{stride} @{self.size} N{self.n}"


CONVOLUTIONS = [
    *(Shape(32, 64, 64, 32, 3), Shape(32, 64, 128, 32, 3, 2), Shape(32, 128, 128, 16, 3)),
    *(Shape(32, 256, 256, 8, 3), Shape(32, 512, 512, 4, 3), Shape(32, 64, 128, 32, 1, 2)),
    *(Shape(32, 3, 64, 32, 3), Shape(64, 6, 16, 14, 5), Shape(8, 3, 64, 224, 7, 2)),
    *(Shape(8, 64, 256, 56, 1), Shape(8, 1024, 256, 14, 1)),
    *(Shape(8, 64, 64, 56, 3), Shape(8, 256, 256, 14, 3)),
]


def conv() -> list[Case]:
    """Forward, input gradient, weight gradient, NCHW."""
    return [case for shape in CONVOLUTIONS for case in _directions(shape, "")]


def channels_last() -> list[Case]:
    """The same in channels_last, the shapes of ResNet-18."""
    layout = ".to(memory_format=m.channels_last)"
    return [case for shape in CONVOLUTIONS[:6] for case in _directions(shape, layout)]


def _directions(s: Shape, layout: str) -> list[Case]:
    name = f"conv{' NHWC' if layout else ''} {s}"
    out = (s.size + 2 * s.padding - s.kernel) // s.stride + 1
    x = f"normal({s.n}, {s.c}, {s.size}, {s.size}){layout}"
    w = f"normal({s.o}, {s.c}, {s.kernel}, {s.kernel})"
    call = f"F.conv2d(x, w, None, {s.stride}, {s.padding})"
    grad = f"; y = {call}; g = normal({s.n}, {s.o}, {out}, {out}){layout}"
    forward = 1.6 if s.winograd and not layout else 1.0
    back = "grad(y, [{}], g, retain_graph=True)"
    return [
        Case(f"{name}: fwd", forward, call, f"x, w = {x}, {w}"),
        Case(f"{name}: dX", 1.0, back.format("x"), f"x, w = {x}.requires_grad_(), {w}{grad}"),
        Case(f"{name}: dW", 1.0, back.format("w"), f"x, w = {x}, {w}.requires_grad_(){grad}"),
    ]
