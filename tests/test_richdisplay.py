"""The notebook display: well formed, escaped, bounded, and true to the values."""

import html.parser
import re

import ml_dtypes
import numpy as np
import pytest

from rushlight.richdisplay import COOL, WARM, ends, rich_html


class Reader(html.parser.HTMLParser):
    """Collects cells and checks that tags nest and that only harmless ones occur."""

    def __init__(self):
        super().__init__()
        self.open, self.cells, self.rows, self.text = [], [], 0, []

    def handle_starttag(self, tag, attrs):
        assert tag in {"div", "b", "table", "tr", "td"}
        assert [name for name, _ in attrs] in ([], ["style"])
        self.open.append(tag)
        self.rows += tag == "tr"
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)
        if self.open and self.open[-1] == "td":
            self.cells[-1] += data


def read(*args, **kwargs):
    reader = Reader()
    reader.feed(rich_html(*args, **kwargs))
    reader.close()
    assert reader.open == []
    return reader


def test_shows_facts_and_values():
    reader = read(np.array([[1.5, -2.0], [0.25, 3.0]], np.float32))
    assert reader.cells == ["1.5", "-2", "0.25", "3"]
    text = "".join(reader.text)
    for fact in ("shape (2, 2)", "dtype torch.float32", "device cpu", "min -2", "mean 0.6875", "max 3"):
        assert fact in text


def test_sign_chooses_the_hue_and_size_the_opacity():
    page = rich_html(np.array([2.0, -1.0, 0.0]))
    assert re.findall(r"rgba\(([\d,]+),([\d.]+)\)\">", page) == [
        (WARM, "0.65"),
        (COOL, "0.33"),
        (WARM, "0.00"),
    ]


def test_large_is_bounded():
    reader = read(np.zeros((3, 1000, 1000), np.float32))
    assert reader.rows == 9
    assert len(reader.cells) == 9 * 11
    assert reader.cells.count("…") == 11 + 8
    assert len(rich_html(np.zeros((2000, 2000)))) < 20_000
    assert len(rich_html(np.zeros((1,) * 60 + (2, 2)))) < 3_000


def test_ends():
    assert ends(3, 4) == [0, 1, 2]
    assert ends(10, 4) == [0, 1, None, 8, 9]


def test_everything_is_escaped():
    bad = '<script>alert("x")</script>'
    page = rich_html(np.ones(1), class_name=bad, grad_fn_name=bad, dtype_name=bad, device=bad)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 4


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint64", "float16", "complex64", ml_dtypes.bfloat16, ml_dtypes.complex32]
)
@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (5,), (2, 3), (2, 2, 3)])
def test_every_dtype_and_rank(dtype, shape):
    reader = read(np.ones(shape, dtype))
    assert len(reader.cells) == int(np.prod(shape[-2:]))


def test_not_finite_is_counted_and_left_out_of_the_statistics():
    text = "".join(read(np.array([np.nan, np.inf, 1.0, 3.0])).text)
    assert "mean 2" in text
    assert "not finite 2" in text
    assert "mean" not in "".join(read(np.array([np.nan])).text)


def test_int_extremes_do_not_overflow():
    reader = read(np.array([-(2**63), 2**63 - 1], np.int64))
    assert reader.cells == ["-9223372036854775808", "9223372036854775807"]


def test_meta_reads_no_values():
    reader = read(np.ones((2, 2)), device="meta")
    assert reader.cells == []
    assert "min" not in "".join(reader.text)
