"""The Writer's calls by themselves: what is wrong is said at the call, what is written was given."""

import threading
from pathlib import Path

import numpy as np
import pytest

import rushlight as torch
from rushlight.board import Writer
from rushlight.board.events import messages, records
from rushlight.board.events.decoding import decode, decode_tensor
from rushlight.board.events.graphdefs import decode_graph
from rushlight.board.writer.file_writer import FileWriter
from rushlight.io import protobuf

from .calls import CALLS, onnx_model
from .peers import beside, differences, rushlight_reads

pytest.importorskip("PIL")
pytest.importorskip("matplotlib")


@pytest.fixture
def writer(tmp_path):
    with Writer(tmp_path) as made:
        yield made


def reread(writer):
    writer.flush()
    return rushlight_reads(Path(writer.get_logdir()))


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.make.__name__ + call.method)
def test_tensors_of_ours_are_written_as_arrays_are(call, tmp_path):
    for name, make in (("arrays", lambda x: x), ("tensors", torch.from_numpy)):
        with Writer(tmp_path / name) as one:
            call.make(one, make)
    arrays, tensors = rushlight_reads(tmp_path / "arrays"), rushlight_reads(tmp_path / "tensors")
    assert arrays or beside(tmp_path / "arrays")
    assert differences(arrays, tensors) == []
    assert (
        differences({("", ""): beside(tmp_path / "arrays")}, {("", ""): beside(tmp_path / "tensors")}) == []
    )


WRONG = {
    "two layouts": (lambda w: w.add_image("x", np.zeros((4, 4))), ValueError, "dataformats='HWC'"),
    "channels last": (lambda w: w.add_image("x", np.zeros((28, 28, 3))), ValueError, "28 channels"),
    "a letter twice": (lambda w: w.add_image("x", np.zeros((3, 4, 4)), dataformats="CHH"), ValueError, "CHH"),
    "no pixels": (lambda w: w.add_image("x", np.zeros((3, 0, 4))), ValueError, "some pixels"),
    "a batch in RGBA": (lambda w: w.add_images("x", np.zeros((2, 4, 5, 5))), ValueError, "4 channels"),
    "strings as pixels": (lambda w: w.add_image("x", np.array([["a"]]), dataformats="HW"), TypeError, "real"),
    "boxes": (
        lambda w: w.add_image_with_boxes("x", np.zeros((3, 4, 4)), np.zeros((2, 3))),
        ValueError,
        "n, 4",
    ),
    "no histogram": (lambda w: w.add_histogram("x", []), ValueError, "empty"),
    "nothing finite": (lambda w: w.add_histogram("x", np.full(3, np.nan)), ValueError, "NaN"),
    "bins": (lambda w: w.add_histogram("x", [1.0], bins="many"), ValueError, "'many'"),
    "falling edges": (lambda w: w.add_histogram("x", [1.0], bins=[2, 1]), ValueError, "never go down"),
    "complex": (lambda w: w.add_histogram("x", np.ones(2, np.complex64)), TypeError, "complex64"),
    "buckets": (
        lambda w: w.add_histogram_raw("x", 0, 1, 2, 3, 4, [1, 2], [1]),
        ValueError,
        "2 bucket_limits",
    ),
    "video": (lambda w: w.add_video("x", np.zeros((4, 3, 8, 8))), ValueError, "time, channels"),
    "stereo": (lambda w: w.add_audio("x", np.zeros((2, 100))), ValueError, r"\(2, 100\)"),
    "silence": (lambda w: w.add_audio("x", np.zeros(0)), ValueError, "samples"),
    "text": (lambda w: w.add_text("x", 3), TypeError, "str"),
    "labels": (lambda w: w.add_pr_curve("x", np.ones(3), np.ones(4)), ValueError, "3 labels and 4"),
    "weights": (
        lambda w: w.add_pr_curve("x", np.ones(3), np.ones(3), weights=np.ones(2)),
        ValueError,
        "2 weights",
    ),
    "layout": (lambda w: w.add_custom_scalars({"a": {"b": ["Pie", []]}}), ValueError, "Multiline"),
    "margin": (lambda w: w.add_custom_scalars_marginchart(["a", "b"]), ValueError, "three tags"),
    "mesh": (lambda w: w.add_mesh("x", np.zeros((4, 3))), ValueError, "batch, n, 3"),
    "hparam": (lambda w: w.add_hparams({"a": [1, 2]}, {}), ValueError, "'a' is a list"),
    "domain": (lambda w: w.add_hparams({"a": 1}, {}, {"b": [1]}), TypeError, "'b'"),
    "hparams": (lambda w: w.add_hparams([], {}), TypeError, "dict"),
    "embedding": (lambda w: w.add_embedding(np.zeros(3)), ValueError, "dimensions"),
    "metadata": (lambda w: w.add_embedding(np.zeros((3, 2)), ["a"]), ValueError, "1 rows"),
    "header": (
        lambda w: w.add_embedding(np.zeros((1, 2)), [["a"]], metadata_header=["a", "b"]),
        ValueError,
        "2",
    ),
    "sprite": (
        lambda w: w.add_embedding(np.zeros((3, 2)), label_img=np.zeros((2, 3, 4, 4))),
        ValueError,
        "2 pict",
    ),
    "object": (lambda w: w.add_tensor("x", np.array([object()])), TypeError, "object"),
    "tag": (lambda w: w.add_image(None, np.zeros((1, 4, 4))), TypeError, "tag"),
    "scalars": (lambda w: w.add_scalars("x", {"a": 1.0, "b": np.zeros(2)}), ValueError, "shape"),
}


@pytest.mark.parametrize("call, error, words", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_at_the_call(call, error, words, writer):
    with pytest.raises(error, match=words):
        call(writer)
    writer.add_scalar("after", 1.0)
    assert set(reread(writer)) == {(".", "after")}  # and nothing of it is written


def test_what_changes_after_the_call_is_not_written(tmp_path):
    """The thread makes bytes later, of copies."""
    given = {
        "image": np.full((3, 8, 8), 0.5, np.float32),
        "values": np.arange(1000.0),
        "sound": np.full(100, 0.5),
        "labels": np.ones(10),
        "vertices": np.full((1, 4, 3), 7.0),
    }
    kept = {name: x.copy() for name, x in given.items()}
    for name, arrays, change in (("changed", given, True), ("kept", kept, False)):
        with Writer(tmp_path / name) as w:
            w.add_image("image", arrays["image"], walltime=1)
            w.add_images("images", arrays["image"][None], walltime=1)
            w.add_image_with_boxes(
                "boxes", arrays["image"], arrays["vertices"][0, :, :1].repeat(4, 1), walltime=1
            )
            w.add_video("video", arrays["image"][None, None], walltime=1)
            w.add_histogram("histogram", arrays["values"], walltime=1)
            w.add_tensor("tensor", arrays["values"], walltime=1)
            w.add_audio("audio", arrays["sound"], walltime=1)
            w.add_pr_curve("curve", arrays["labels"], arrays["labels"], walltime=1)
            w.add_mesh("mesh", arrays["vertices"], walltime=1)
            w.add_embedding(arrays["vertices"][0])
            for x in arrays.values() if change else ():
                x[:] = 0
    assert len(rushlight_reads(tmp_path / "kept")) == 9
    assert differences(rushlight_reads(tmp_path / "kept"), rushlight_reads(tmp_path / "changed")) == []
    assert beside(tmp_path / "kept") == beside(tmp_path / "changed")


def test_nothing_is_encoded_in_the_call(writer, monkeypatch):
    from rushlight.board import png

    threads, encode = [], png.encode
    monkeypatch.setattr(png, "encode", lambda x: threads.append(threading.current_thread()) or encode(x))
    writer.add_image("x", np.zeros((3, 8, 8)))
    writer.flush()
    assert len(threads) == 1 and threads[0] is not threading.current_thread()


def test_a_histogram_leaves_out_what_is_not_finite(writer):
    writer.add_histogram("x", np.array([1.0, np.nan, 3.0, np.inf]))
    ((_, _, low, high, count, total, *_),) = reread(writer)[".", "x"]["histograms"]
    assert (low, high, count, total) == (1, 3, 2, 4)


def test_values_beyond_all_edges_make_an_empty_histogram(writer):
    writer.add_histogram("x", np.array([5.0]), bins=[0, 1, 2])
    ((*_, limits, counts),) = reread(writer)[".", "x"]["histograms"]
    assert counts.sum() == 0 and len(limits) == len(counts)


@pytest.mark.parametrize("dtype", sorted(messages.DTYPES))
def test_tensors_of_every_dtype(dtype, writer):
    import ml_dtypes

    kind = np.dtype(ml_dtypes.bfloat16) if dtype == "bfloat16" else np.dtype(dtype)
    values = np.array([[0, 1], [2, 3], [1, 0]]).astype(kind)
    writer.add_tensor("x", values)
    writer.add_tensor("none", values[:0])
    found = reread(writer)
    ((_, _, got),) = found[".", "x"]["tensors"]
    assert got.dtype == kind
    np.testing.assert_array_equal(got, values)
    assert found[".", "none"]["tensors"][0][2].shape == (0, 2)


def test_tensors_that_are_half_of_the_numbers():
    """TensorProto's half_val holds 16 bits of each number; PyTorch puts a float32's 32 there."""

    def proto(*bits):
        shape = protobuf.data(2, protobuf.uint(1, len(bits)))
        return protobuf.uint(1, 19) + protobuf.data(2, shape) + protobuf.uints(13, bits)

    assert decode_tensor(proto(0x3C00, 0xC000)).tolist() == [1.0, -2.0]
    assert decode_tensor(proto(0x3F800000, -0x40000000)).tolist() == [1.0, -2.0]


def test_purge_step_hides_what_a_crashed_run_left(tmp_path):
    with Writer(tmp_path) as first:
        for step in range(10):
            first.add_scalar("x", step, step)
    with Writer(tmp_path, purge_step=5) as second:
        second.add_scalar("x", -5, 5)
    found = rushlight_reads(tmp_path)[".", "x"]["scalars"]
    assert [(k, x) for k, _, x in found] == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, -5)]
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    reader = accumulator.EventAccumulator(str(tmp_path)).Reload()
    assert [(e.step, e.value) for e in reader.Scalars("x")] == [(k, x) for k, _, x in found]


def test_what_programs_reach_for(tmp_path):
    """file_writer, all_writers and their methods, as programs written for PyTorch use them."""
    writer = Writer(tmp_path, filename_suffix=".mine")
    assert isinstance(writer.file_writer, FileWriter) and writer.file_writer is writer._get_file_writer()
    assert writer.all_writers is not None and list(writer.all_writers) == [str(tmp_path)]
    value = protobuf.data(1, messages.scalar("raw", 2.0))
    writer.file_writer.add_summary(value, 3, walltime=9)
    writer.file_writer.add_event(messages.event(1.0, 2, messages.scalar("event", 4.0)), 5, walltime=8)
    writer.add_scalars("many", {"a": 1.0, "b": 2.0})
    assert len(writer.all_writers) == 3
    writer.close()
    assert writer.file_writer is None and writer.all_writers is None
    writer.close()
    writer.add_scalar("after", 1.0)
    writer.close()
    found = rushlight_reads(tmp_path)
    assert found[".", "raw"]["scalars"] == [(3, 9.0, 2.0)] and found[".", "event"]["scalars"] == [
        (5, 8.0, 4.0)
    ]
    assert set(found) == {
        (".", "raw"),
        (".", "event"),
        (".", "after"),
        ("many_a", "many"),
        ("many_b", "many"),
    }
    assert all(path.name.endswith(".mine") for path in tmp_path.glob("*tfevents*"))
    assert len(writer.default_bins) == 1549


def test_protobuf_messages_of_tensorboard(tmp_path):
    summary = pytest.importorskip("tensorboard.compat.proto.summary_pb2")
    with Writer(tmp_path) as writer:
        assert writer.file_writer is not None
        writer.file_writer.add_summary(
            summary.Summary(value=[summary.Summary.Value(tag="x", simple_value=3.0)]), torch.tensor(4)
        )
    assert [(k, x) for k, _, x in rushlight_reads(tmp_path)[".", "x"]["scalars"]] == [(4, 3.0)]


def test_onnx_graph(tmp_path, writer):
    path = tmp_path / "model.onnx"
    path.write_bytes(onnx_model())
    writer.add_onnx_graph(path)
    writer.flush()
    (event,) = [e for e in map(decode, records.records(event_file(writer))) if e.graph]
    nodes = {node.name: node for node in decode_graph(event.graph)}
    assert {name: node.op for name, node in nodes.items()} == {
        "x": "Placeholder", "w": "Parameter", "y": "Conv", "a": "Split", "z": "Relu"
    }  # fmt: skip
    assert nodes["x"].shapes == [(-1, 3, 8, 8)] and nodes["w"].shapes == [(4, 3, 3, 3)]
    assert nodes["y"].inputs == ["x", "w"] and nodes["z"].inputs == ["a:1"]
    assert nodes["y"].attributes == {"strides": "[2, 2]", "alpha": "0.5"}
    assert nodes["a"].attributes == {"axis": "-1"} and nodes["a"].shapes == [None, (1, 4, 4, 2)]
    assert all(node.dtypes[-1] == "float32" for node in nodes.values())
    assert "graph" in rushlight_reads(tmp_path)[".", ""]


def test_tensorboards_messages_of_an_onnx_graph(tmp_path, writer):
    graph_pb2 = pytest.importorskip("tensorboard.compat.proto.graph_pb2")
    (tmp_path / "model.onnx").write_bytes(onnx_model())
    writer.add_onnx_graph(tmp_path / "model.onnx")
    writer.flush()
    (event,) = [e for e in map(decode, records.records(event_file(writer))) if e.graph]
    nodes = {node.name: node for node in graph_pb2.GraphDef.FromString(event.graph).node}
    attributes = nodes["x"].attr
    (shape,), (dtype,) = attributes["_output_shapes"].list.shape, attributes["_output_dtypes"].list.type
    assert [dim.size for dim in shape.dim] == [-1, 3, 8, 8] and dtype == 1
    assert nodes["y"].op == "Conv" and list(nodes["y"].input) == ["x", "w"]
    assert list(nodes["z"].input) == ["a:1"] and nodes["y"].attr["strides"].s == b"[2, 2]"


@pytest.mark.parametrize("data", [b"", b"not a model", onnx_model()[:-3], b"\x3a\x05ab"])
def test_what_is_no_onnx(data, tmp_path, writer):
    (tmp_path / "model.onnx").write_bytes(data)
    with pytest.raises(ValueError, match="no ONNX model"):
        writer.add_onnx_graph(tmp_path / "model.onnx")


def event_file(writer):
    return writer.file_writer.sink.path.read_bytes()


def test_embeddings_keep_their_rows_apart(tmp_path):
    with Writer(tmp_path) as writer:
        writer.add_embedding(np.eye(2), ["two\nlines", 'quoted "a"'], tag='a "quote" \\')
    files = beside(tmp_path)
    (rows,) = [text for name, text in files.items() if name.endswith("metadata.tsv")]
    assert rows == 'two lines\nquoted "a"\n'
    text_format = pytest.importorskip("google.protobuf.text_format")
    config = pytest.importorskip("tensorboard.plugins.projector.projector_config_pb2")
    (one,) = text_format.Parse(files["projector_config.pbtxt"], config.ProjectorConfig()).embeddings
    assert one.tensor_name == 'a "quote" \\:00000' and (tmp_path / one.tensor_path).exists()
