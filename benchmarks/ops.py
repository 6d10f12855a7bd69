"""What one operation costs: 1 element and 64x100, recorded or not; and backward per node."""

from __future__ import annotations

from .timing import Case

CALLS = ["a + b", "a * b", "a - b", "a / b", "a * 2.0", "a + 1", "relu(a)"]
CALLS += ["a.exp()", "a.tanh()", "a.sigmoid()", "a.pow(2)", "a.sum()"]
IN_PLACE = ["a.add_(b)", "a.mul_(0.5)", "a.zero_()"]
VIEWS = ["a.view(-1)", "a.t()"]
BROADCAST = {
    "a + row": "row = normal(100)",
    "a + column": "column = normal(64, 1)",
    "row * a": "row = normal(100)",
}
NODES = ["x * 2.0", "m.relu(x)", "x + w", "x * w"]
CHAIN = 100


def forward() -> list[Case]:
    """Single calls."""
    return [
        case
        for shape, wanted in (((1, 1), 4.0), ((64, 100), 2.0))
        for recorded in (False, True)
        for case in _calls(shape, wanted, recorded)
    ]


def _calls(shape: tuple[int, ...], wanted: float, recorded: bool) -> list[Case]:
    label = "1 element" if shape == (1, 1) else "x".join(map(str, shape))
    label += ", recorded: " if recorded else ": "
    setup = f"relu = m.relu; a, b = {'leaf' if recorded else 'normal'}{shape}, normal{shape}"
    plain = CALLS if recorded else CALLS + IN_PLACE
    cases = [Case(label + call, wanted, call, setup) for call in plain]
    if shape == (64, 100):
        cases += [Case(label + call, wanted, call, f"{setup}; {also}") for call, also in BROADCAST.items()]
    return cases + [Case(label + call, 1.5, call, setup) for call in VIEWS]


def backward() -> list[Case]:
    """Backward through a chain of one kind of node, per node, on one element."""
    return [
        Case(
            f"1 element: backward of {node}",
            4.0,
            "y.backward(retain_graph=True)",
            f"x, w = leaf(1), leaf(1)\ny = x\nfor _ in range({CHAIN}): y = (lambda x: {node})(y)",
            CHAIN,
        )
        for node in NODES
    ]
