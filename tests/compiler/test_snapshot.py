"""The code that compilation comes to for some fixed steps, as digests: a refactor must leave it as it is.

Where a change of generated code is wanted, look at what the failing test says has changed, and renew the
snapshot with

    python -m tests.compiler.test_snapshot

It holds one line for each node of the plan: the ops in it, how its loops are launched, and a digest of the
LLVM IR of its kernels, written for the processor named below. Of what has launches of its own (products) only
the op is noted: those kernels are chosen for the machine at hand.
"""

import hashlib
from pathlib import Path
from typing import Any

import rushlight as rl
from rushlight.compiler.compiled import compile
from rushlight.compiler.graph import Elements, Host
from rushlight.compiler.lower import lowered
from rushlight.kernels.targets import NAMED, writing

SNAPSHOT = Path(__file__).with_name("snapshot.txt")
PROCESSOR = "avx2"


def seed_step() -> Any:
    """The tutorial's two-layer net: squared error, gradient step."""
    x, y = rl.randn(64, 1000), rl.randn(64, 10)
    w1, w2 = rl.randn(1000, 100, requires_grad=True), rl.randn(100, 10, requires_grad=True)

    def step():
        loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
        loss.backward()
        with rl.no_grad():
            for w in (w1, w2):
                w.sub_(1e-6 * w.grad)
                w.grad = None
        return loss

    return step


def norm_mlp() -> Any:
    """LayerNorm, two linear layers with GELU between, cross-entropy, Adam."""
    x, y = rl.randn(32, 48), rl.randint(0, 10, (32,))
    model = rl.nn.Sequential(rl.nn.LayerNorm(48), rl.nn.Linear(48, 64), rl.nn.GELU(), rl.nn.Linear(64, 10))
    optimizer = rl.optim.Adam(model.parameters())

    def step():
        optimizer.zero_grad()
        loss = rl.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def elements() -> Any:
    """Pointwise programs on several types and layouts, with reductions."""
    x, y = rl.randn(40, 50), rl.randn(50)

    def step():
        halves = (x.half() * 2).tanh()
        rows = (x * y).amax(-1, keepdim=True)
        columns = rl.where(x > 0, x, rows).mean(0)
        return halves, columns, (x.t() + 1).sigmoid(), (x * 10).int() % 3

    return step


STEPS = {f.__name__: f for f in (seed_step, norm_mlp, elements)}


def snapshot(name: str) -> list[str]:
    """What a step compiles to, a line for each node."""
    compiled = compile(STEPS[name]())
    compiled()
    return [f"{name} {k:3} {_node(node)}" for k, node in enumerate(compiled.graph.graph.nodes)]


def _node(node: Any) -> str:
    if not isinstance(node.body, Elements):
        return node.op
    launches = lowered(node)
    if isinstance(launches, Host):
        return f"{node.op} by NumPy"
    return f"{node.op} " + " ".join(f"[{p.total}/{p.grain} {_digest(p)}]" for p in launches)


def _digest(launch: Any) -> str:
    """Of the code, and of the table of sizes and strides that it reads."""
    target = NAMED[PROCESSOR]
    with writing(target):
        text = str(launch.kernel.make(target))
    table = launch.slots[0]
    return hashlib.sha1(text.encode() + table.tobytes()).hexdigest()[:12]


def test_generated_code_is_as_it_was():
    found = [line for name in STEPS for line in snapshot(name)]
    wanted = SNAPSHOT.read_text(encoding="utf-8").splitlines()
    changed = sorted({*found} ^ {*wanted})
    assert found == wanted, "\n".join([f"see the docstring of {__file__}:", *changed])


def test_every_process_writes_the_same():
    """No digest depends on an id, a hash or the order of a set."""
    assert snapshot("elements") == snapshot("elements")


if __name__ == "__main__":
    SNAPSHOT.write_text("".join(f"{line}\n" for name in STEPS for line in snapshot(name)), encoding="utf-8")
