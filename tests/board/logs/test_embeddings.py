"""The projector's files: as torch writes them, and as nobody should."""

import os
import struct

import numpy as np
import pytest

from rushlight.board.logs import embeddings
from rushlight.board.logs.embeddings import (
    BadEmbedding,
    Config,
    parse,
    read_configs,
    read_metadata,
    read_sprite,
    read_table,
    within,
)

CONFIG = """
# a comment { with braces }
model_checkpoint_path: "x.ckpt"
embeddings {
  tensor_name: "emb \\"one\\""
  metadata_path: "m.tsv"
  tensor_shape: 5 tensor_shape: 2
  sprite { image_path: 's.png' single_image_dim: 8 single_image_dim: 9 }
  tensor_path: "t.tsv"
}
embeddings < tensor_path: "second.tsv" unknown { deep { image_path: "" } } >
"""


def test_the_text_format():
    first, second = parse(CONFIG)
    assert first == Config('emb "one"', "t.tsv", "m.tsv", "s.png", [8, 9], [5, 2])
    assert second.tensor == "second.tsv" and second.sprite == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "}}}}",
        "embeddings",
        "embeddings {",
        "{{{{",
        '"' * 50,
        "embeddings { tensor_path: 3 }",
        "tensor_path: 'x'",
        "embeddings { single_image_dim: " + "9" * 5000 + "}",
    ],
)
def test_nonsense_is_no_config_but_no_error(text):
    assert all(config.tensor == "" and not config.sprite_size for config in parse(text))


def test_what_torch_writes(tmp_path):
    torch = pytest.importorskip("torch")
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    points = torch.randn(20, 5)
    with tensorboard.SummaryWriter(str(tmp_path)) as writer:
        writer.add_embedding(points, [f"a{i}" for i in range(20)], torch.rand(20, 3, 8, 8), 3, "emb")
        rows = [(f"b{i}", str(i)) for i in range(20)]
        writer.add_embedding(points, rows, tag="two", metadata_header=["x", "y"])
    first, second = read_configs(tmp_path)
    table = read_table(tmp_path, first)
    np.testing.assert_allclose(table.points, points.numpy(), rtol=1e-6)
    assert (table.count, table.unusable, first.sprite_size) == (20, 0, [8, 8])
    assert read_metadata(tmp_path, first, 20, table.rows) == (["label"], [[f"a{i}"] for i in range(20)])
    assert read_metadata(tmp_path, second, 20, np.array([3, 19])) == (
        ["x", "y"],
        [["b3", "3"], ["b19", "19"]],
    )
    assert read_sprite(tmp_path, first).startswith(b"\x89PNG")


@pytest.fixture
def run(tmp_path):
    """run(text): the vectors of a tensors.tsv, within a folder beside which a secret lies."""
    (tmp_path / "secret.tsv").write_text("1\t2\n")
    folder = tmp_path / "run"
    folder.mkdir()

    def read(text):
        (folder / "t.tsv").write_text(text)
        return read_table(folder, Config(tensor="t.tsv"))

    read.folder = folder
    return read


def test_paths_stay_within_the_run(run, tmp_path):
    os.symlink(tmp_path / "secret.tsv", run.folder / "link.tsv")
    os.symlink(tmp_path, run.folder / "up")
    os.symlink("loop", run.folder / "loop")
    os.mkfifo(run.folder / "pipe")
    (run.folder / "good.tsv").write_text("1\t2\n")
    bad = [
        "../secret.tsv",
        "link.tsv",
        "up/secret.tsv",
        "loop",
        "pipe",
        "",
        ".",
        "..",
        "x\0y",
        "~/secret.tsv",
        "C:\\x",
        "\\\\host\\x",
        str(run.folder / "good.tsv"),
        str(tmp_path / "secret.tsv"),
        "a" * 5000,
        "/dev/zero",
        "good.tsv/../../secret.tsv",
        "/proc/self/environ",
    ]
    for path in bad:
        with pytest.raises(BadEmbedding):
            within(run.folder, path, 1 << 20)
    assert within(run.folder, "./good.tsv", 1 << 20) == run.folder / "good.tsv"


def test_a_config_that_is_a_link_out(run, tmp_path):
    (tmp_path / "other.pbtxt").write_text(CONFIG)
    os.symlink(tmp_path / "other.pbtxt", run.folder / embeddings.CONFIG)
    with pytest.raises(BadEmbedding, match="leads out"):
        read_configs(run.folder)


def test_a_huge_table_is_refused_before_it_is_read(run):
    with (run.folder / "t.tsv").open("wb") as file:
        file.truncate(1 << 30)  # sparse: takes no room
    with pytest.raises(
        BadEmbedding, match="'t.tsv' has 1024 MB; at most 512 MB are read. Write fewer points"
    ):
        read_table(run.folder, Config(tensor="t.tsv"))


@pytest.mark.parametrize("text, message", [
    ("1\t2\n3\n", "line 2 has 1 numbers, the first line 2"),
    ("1\t2\n3\tx\n", "line 2: '3\\\\tx' ... is no row of numbers"),
    ("", "is empty"), ("\n\n", "is empty"), ("nan\tnan\n", "no point of it has numbers"),
    ("\t" * 70_000, "70001 dimensions"), ("<script>alert(1)</script>\n", "is no row of numbers"),
])  # fmt: skip
def test_bad_tables(run, text, message):
    if text.startswith("\t"):
        text = "1" + text.replace("\t", "\t1")
    with pytest.raises(BadEmbedding, match=message):
        run(text)


def test_points_without_numbers_are_left_out(run):
    table = run("1\t2\r\nnan\t3\n4\tinf\n5\t1e300\n")
    assert table.rows.tolist() == [0, 3] and table.unusable == 2
    assert np.isfinite(table.points).all()


def test_of_many_points_some_are_chosen(run, monkeypatch):
    monkeypatch.setattr(embeddings, "MOST", 5)
    table = run("\n".join(f"{i}\t0" for i in range(100)))
    assert (len(table.points), table.count) == (5, 100)
    np.testing.assert_array_equal(table.points[:, 0], table.rows)
    assert table.rows.tolist() == sorted(set(table.rows.tolist()))


def test_raw_numbers(run):
    (run.folder / "t.bytes").write_bytes(struct.pack("<6f", *range(6)))
    table = read_table(run.folder, Config(tensor="t.bytes", shape=[3, 2]))
    np.testing.assert_array_equal(table.points, np.arange(6).reshape(3, 2))
    for shape in ([], [3, 3], [1 << 40, 1 << 40], [0, 0]):
        with pytest.raises(BadEmbedding, match="doesn't hold"):
            read_table(run.folder, Config(tensor="t.bytes", shape=shape))


def test_metadata_of_ragged_rows(run):
    (run.folder / "m.tsv").write_text("name\tkind\nonly\none\ttwo\tthree\n")
    found = read_metadata(run.folder, Config(metadata="m.tsv"), 2, np.arange(2))
    assert found == (["name", "kind"], [["only", ""], ["one", "two"]])
    with pytest.raises(BadEmbedding, match="have 2 rows for 7 points"):
        read_metadata(run.folder, Config(metadata="m.tsv"), 7, np.arange(7))
    (run.folder / "m.tsv").write_bytes(b"\xff\xfe<b>\n" + b"x" * 10_000 + b"\n")
    bad, long = read_metadata(run.folder, Config(metadata="m.tsv"), 2, np.arange(2)).rows
    assert bad[0].endswith("<b>") and len(long[0]) == embeddings.LONGEST


@pytest.mark.parametrize("data", [b"", b"<svg onload='x'/>", b"\x89PNG\r\n\x1a\n" + b"\0" * 8 + b"\xff" * 8])
def test_pictures_must_be_a_png(run, data):
    (run.folder / "s.png").write_bytes(data)
    with pytest.raises(BadEmbedding, match="is no PNG"):
        read_sprite(run.folder, Config(sprite="s.png"))
