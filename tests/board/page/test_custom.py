"""The view of custom scalars."""

import numpy as np
import pytest

from rushlight.io import protobuf


def layout(*charts):
    made = b"".join(protobuf.data(2, protobuf.text(1, title) + content) for title, content in charts)
    return np.array(protobuf.data(2, protobuf.text(1, "Mine") + made), object)


def multiline(*tags):
    return protobuf.data(2, b"".join(protobuf.text(1, tag) for tag in tags))


def margin(value, lower, upper):
    series = protobuf.text(1, value) + protobuf.text(2, lower) + protobuf.text(3, upper)
    return protobuf.data(3, protobuf.data(1, series))


def test_lines_and_margins(show, write, make):
    from rushlight.board.events.messages import scalar

    content = layout(("lines", multiline("loss/.*")), ("band", margin("a", "a/low", "a/high")))
    write(
        "run",
        (0, make.tensor("custom_scalars__config__", "custom_scalars", content)),
        *(
            (
                k,
                scalar("loss/x", k),
                scalar("loss/y", 2 * k),
                scalar("a", k),
                scalar("a/low", k - 1),
                scalar("a/high", k + 1),
            )
            for k in range(5)
        ),
    )
    page = show("#view=custom")
    page.get_by_role("button", name="Mine 2").wait_for()
    page.locator("article[data-chart=lines] .legend").get_by_text("loss/y").wait_for()
    assert page.locator("article[data-chart=lines] .legend tr").count() == 2
    page.wait_for_selector("article[data-chart=band] canvas")
    write("run", (5, scalar("loss/x", 77.0)))
    page.locator("article[data-chart=lines] .legend").get_by_text("77").wait_for()


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("loss/.*", ["loss/a", "loss/b"]),
        ("loss/a", ["loss/a"]),
        ("a|loss", ["a"]),
        ("(", []),
        ("(a+)+$", []),
        ("a" * 300, []),
        ("(.*)*x", []),
        ("a{1,}b{1,}c*d*e*", []),
    ],
)
def test_expressions_from_logs(show, write, pattern, matches):
    page = show()
    script = """async pattern => { const { tagTest } = await import('/page/views/custom.js');
      return ['loss/a', 'loss/b', 'a', 'a'.repeat(400) + '!'].filter(tagTest(pattern)); }"""
    assert page.evaluate(script, pattern) == matches


def test_a_malformed_layout_is_named(show, write, make):
    write("run", (0, make.tensor("custom_scalars__config__", "custom_scalars", np.zeros(3))))
    page = show("#view=custom")
    page.get_by_text("run: malformed").wait_for()
