"""The API reference: every op is on its page, and a docstring comes through as it was meant."""

import inspect

from docs._ext import reference


def test_every_op_has_its_entry():
    pages = reference.op_pages()
    from rushlight.ops.declare import registry

    text = "\n".join(pages.values())
    assert len(registry) > 20
    missing = [op.name for op in registry.values() if f"\n## {op.names[0]}\n" not in text]
    assert missing == []
    assert text.count("\n## ") == len(registry)


def test_every_page_is_written_and_old_ones_go(tmp_path):
    (tmp_path / "ops").mkdir()
    (tmp_path / "ops" / "gone.md").write_text("an op of yesterday")
    reference.write(tmp_path)
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("*/*.md")}
    assert "ops/gone.md" not in written
    assert {f"modules/{page}.md" for page, _, _ in reference.PAGES} < written
    entry = "### Linear\n\n```python\nnn.Linear(in_features, out_features"
    assert entry in (tmp_path / "modules" / "nn.md").read_text()


def test_prose_keeps_code_and_makes_the_rest_plain():
    assert reference.prose("x*y*z of `a*b*c`") == r"x\*y\*z of `a*b*c`"
    assert reference.prose("Text.\n\n>>> f(1)\n2\n\nMore.") == "Text.\n\n```pycon\n>>> f(1)\n2\n```\n\nMore."
    assert reference.prose("It is\n\n    y = x / z\n\nwhere") == "It is\n\n```text\ny = x / z\n```\n\nwhere"


class Base:
    def step(self, closure=None):
        """One step of a*b."""

    def undescribed(self): ...


class Derived(Base):
    def own(self, *, lr: float = 1e-3):
        """Its own.

        More.
        """


def test_methods_are_listed_once():
    assert reference.methods(Base, {Base, Derived}) == "\n\n- `step(closure=None)`: One step of a\\*b."
    assert reference.methods(Derived, {Base, Derived}) == "\n\n- `own(*, lr=0.001)`: Its own."
    assert "step" in reference.methods(Derived, {Derived})
    assert reference.methods(len, set()) == ""


def test_signatures_are_as_a_caller_reads_them():
    def add(input: list[int], other: float, /, *, alpha: int = 1, kind: type = float) -> float: ...

    assert reference.plain(inspect.signature(add)) == "(input, other, /, *, alpha=1, kind=float)"
