"""Every call of SummaryWriter once or more, with the same arguments for every writer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rushlight.io import protobuf

WALL = 1700000000.5


class Call(NamedTuple):
    """A method called. `make(tensor)` does it, `tensor` being what makes the writer's tensors of arrays."""

    method: str
    make: Callable[[Any, Callable[[np.ndarray], Any]], None]
    note: str = ""


def some(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def bytes_of(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)


def scalars(w, t):
    for step in range(20):
        w.add_scalar("loss/train", float(np.sin(step)), step, WALL + step)
    w.add_scalar("no step", 3)
    w.add_scalar("array", some(1), 2, WALL)
    w.add_scalar("tensor", t(some(1, 1)), t(np.array(7)), WALL)
    w.add_scalar("not finite", float("nan"), 0, WALL)
    w.add_scalar("not finite", float("inf"), 1, WALL)


def new_style(w, t):
    w.add_scalar("new", 1 / 3, 4, WALL, new_style=True)
    w.add_scalar("double", 1 / 3, 4, WALL, new_style=True, double_precision=True)


def several(w, t):
    for step in range(3):
        w.add_scalars("run/14h", {"x": step * 0.5, "y": t(some(1)), "z": 3}, step, WALL)


def tensors(w, t):
    for dtype in ("float32", "float64", "int8", "int16", "int32", "int64", "bool"):
        w.add_tensor(f"t/{dtype}", t((some(2, 3) * 5).astype(dtype)), 1, WALL)


def histograms(w, t):
    values = np.random.default_rng(3).standard_normal(1000).astype(np.float32)
    for step in range(3):
        w.add_histogram("weights", values * (step + 1), step, walltime=WALL)
    w.add_histogram("weights of a tensor", t(values.reshape(10, 100)), 1, walltime=WALL)
    w.add_histogram("coarse", values, 1, max_bins=40, walltime=WALL)
    w.add_histogram("auto", values, 1, "auto", WALL)
    w.add_histogram("fd", values, 1, bins="fd", walltime=WALL, max_bins=7)
    w.add_histogram("edges", values, 1, bins=[-1.0, -0.5, 0.0, 3.0], walltime=WALL)
    w.add_histogram("ten", np.arange(100), 1, bins=10, walltime=WALL)
    w.add_histogram("zeros", np.zeros(7), 1, walltime=WALL)
    w.add_histogram("truths", values > 0, 1, walltime=WALL)
    w.add_histogram("one", np.array([2.5]), 1, walltime=WALL)


def raw_histogram(w, t):
    w.add_histogram_raw("weights/raw", 0.0, 9.5, 6, 20.0, 90.0, [1, 5, 10], [1, 2, 3], 1, WALL)


def image(w, t):
    w.add_image("chw", some(3, 9, 7), 1, WALL)
    w.add_image("hwc", bytes_of(9, 7, 3), 1, WALL, dataformats="HWC")
    w.add_image("hw", some(30, 21), 1, WALL, dataformats="HW")
    w.add_image("wh", bytes_of(30, 21), 1, WALL, dataformats="WH")
    w.add_image("rgba", bytes_of(4, 8, 8), 1, WALL)
    w.add_image("gray", t(some(1, 8, 8)), 1, WALL)
    w.add_image("beyond", (some(3, 8, 8) - 0.5) * 3, 1, WALL)
    smooth = np.linspace(0, 1, 90 * 120 * 3, dtype=np.float32).reshape(90, 120, 3)
    w.add_image("smooth", smooth, 1, WALL, dataformats="HWC")
    w.add_image("batch", some(3, 3, 4, 5), 2, WALL, dataformats="NCHW")


def images(w, t):
    w.add_images("nchw", bytes_of(11, 3, 4, 6), 1, WALL)
    w.add_images("nhwc", some(3, 4, 6, 1), 1, WALL, dataformats="NHWC")
    w.add_images("batch of a tensor", t(some(8, 1, 5, 5)), 1, WALL)


def image_with_boxes(w, t):
    boxes = np.array([[4, 5, 20, 15], [10, 12, 38, 28]])
    w.add_image_with_boxes("boxes", np.ones((3, 30, 40), np.float32), boxes, 1, WALL)
    w.add_image_with_boxes("half", some(3, 30, 40), boxes, 1, WALL, rescale=0.5)
    w.add_image_with_boxes("twice", bytes_of(30, 40, 3), boxes, 1, WALL, rescale=2, dataformats="HWC")


def figure(w, t):
    from matplotlib.figure import Figure

    def drawn(k):
        one = Figure(figsize=(2, 1), dpi=50)
        one.add_subplot().plot([0, k, 1])
        return one

    w.add_figure("figure", drawn(1), 1, False, WALL)
    w.add_figure("figures", [drawn(1), drawn(2)], 1, False, WALL)


def video(w, t):
    w.add_video("video", bytes_of(3, 4, 3, 6, 5), 1, 10, WALL)


def audio(w, t):
    sound = np.sin(np.arange(4000) / 10).astype(np.float32) * 0.9
    w.add_audio("sound", sound, 1, 8000, WALL)
    w.add_audio("row", t(sound[None]), 1, walltime=WALL)


def text(w, t):
    w.add_text("words", "# A *title*\n\n<b>and</b> ünïcode", 1, WALL)
    w.add_text("words", "", 2, WALL)


def pr_curve(w, t):
    labels = np.random.default_rng(5).integers(0, 2, 100)
    w.add_pr_curve("curve", labels, some(100), 1, walltime=WALL)
    w.add_pr_curve("few", t(labels), t(some(100)), 1, num_thresholds=10, walltime=WALL)
    w.add_pr_curve("weighted", labels, some(100), 1, 500, some(100, seed=2), WALL)


def pr_curve_raw(w, t):
    rows = [np.array(x, np.float32) for x in ([75, 64], [150, 105], [0, 45], [0, 11], [0.3, 0.4], [1, 0.8])]
    w.add_pr_curve_raw("curve/raw", *rows, 1, 2, walltime=WALL)


LAYOUT = {
    "Taiwan": {"twse": ["Multiline", ["twse/0050", "twse/2330"]]},
    "USA": {"dow": ["Margin", ["dow/aaa", "dow/bbb", "dow/ccc"]], "nasdaq": ["Multiline", ["nasdaq/.*"]]},
}


def mesh(w, t):
    config = {"camera": {"cls": "PerspectiveCamera", "fov": 75}}
    colors, faces = bytes_of(1, 4, 3), np.array([[[0, 1, 2], [1, 2, 3]]])
    w.add_mesh("full", t(some(1, 4, 3)), t(colors), t(faces), config, 1, WALL)
    w.add_mesh("points", t(some(2, 9, 3)), global_step=2, walltime=WALL)


def hparams(w, t):
    values = {
        "lr": 0.1,
        "batch": 32,
        "optimizer": "adam",
        "deep": True,
        "none": None,
        "size": t(np.array([3.0])),
    }
    domains = {"optimizer": ["adam", "sgd"], "batch": [16, 32]}
    metrics = {"hparam/accuracy": 0.9, "hparam/loss": 1}
    w.add_hparams(values, metrics, domains, "one", 3)
    w.add_hparams({"lr": 0.2}, metrics, run_name="two")


def plain_hparams(w, t):
    """As tensorboardX takes them."""
    w.add_hparams({"lr": 0.1, "optimizer": "adam"}, {"hparam/accuracy": 0.9}, "one", 3)


def embedding(w, t):
    labels, pictures = [f"p {k}" for k in range(10)], some(10, 3, 4, 6)
    w.add_embedding(some(10, 5), labels, t(pictures), 3, "a/b%c")
    rows = [[k, f"name {k}"] for k in range(10)]
    w.add_embedding(t(some(10, 5)), rows, metadata_header=["number", "name"])


def plain_embedding(w, t):
    """As tensorboardX takes it: its pictures are squares."""
    w.add_embedding(some(9, 5), [f"p {k}" for k in range(9)], t(some(9, 3, 4, 4)), 3, "a")


def onnx_model() -> bytes:
    """A model of a convolution and a split, whose second half is the result: onnx.proto's ModelProto."""

    def value(name: str, *sizes: int | str) -> bytes:
        dims = [protobuf.text(2, n) if isinstance(n, str) else protobuf.uint(1, n) for n in sizes]
        shape = b"".join(protobuf.data(1, dim) for dim in dims)
        kind = protobuf.data(1, protobuf.uint(1, 1) + protobuf.data(2, shape))
        return protobuf.text(1, name) + protobuf.data(2, kind)

    def node(op: str, inputs: list[str], outputs: list[str], *attributes: bytes) -> bytes:
        named = [protobuf.text(k, name) for k, names in ((1, inputs), (2, outputs)) for name in names]
        tail = b"".join(protobuf.data(5, attribute) for attribute in attributes)
        return b"".join(named) + protobuf.text(3, op.lower()) + protobuf.text(4, op) + tail

    strides = protobuf.text(1, "strides") + protobuf.uint(8, 2) + protobuf.uint(8, 2) + protobuf.uint(20, 7)
    alpha = protobuf.text(1, "alpha") + protobuf.single(2, 0.5) + protobuf.uint(20, 1)
    axis = protobuf.text(1, "axis") + protobuf.uint(3, -1) + protobuf.uint(20, 2)
    weight = protobuf.uints(1, [4, 3, 3, 3]) + protobuf.uint(2, 1) + protobuf.text(8, "w")
    nodes = node("Conv", ["x", "w", ""], ["y"], strides, alpha), node("Split", ["y"], ["a", "b"], axis)
    nodes += (node("Relu", ["b"], ["z"]),)
    graph = b"".join(protobuf.data(1, part) for part in nodes) + protobuf.text(2, "main")
    graph += protobuf.data(5, weight + protobuf.data(9, bytes(4 * 108)))
    graph += protobuf.data(11, value("x", "batch", 3, 8, 8)) + protobuf.data(11, value("w", 4, 3, 3, 3))
    graph += protobuf.data(12, value("z", 1, 4, 4, 2)) + protobuf.data(13, value("y", 1, 4, 4, 4))
    graph += protobuf.data(13, value("b", 1, 4, 4, 2))
    return protobuf.uint(1, 10) + protobuf.data(7, graph)


CALLS = [
    Call("add_scalar", scalars),
    Call("add_scalar", new_style, "new_style, double_precision"),
    Call("add_scalars", several),
    Call("add_tensor", tensors),
    Call("add_histogram", histograms),
    Call("add_histogram_raw", raw_histogram),
    Call("add_image", image),
    Call("add_images", images),
    Call("add_image_with_boxes", image_with_boxes),
    Call("add_figure", figure),
    Call("add_video", video),
    Call("add_audio", audio),
    Call("add_text", text),
    Call("add_pr_curve", pr_curve),
    Call("add_pr_curve_raw", pr_curve_raw),
    Call("add_custom_scalars", lambda w, t: w.add_custom_scalars(LAYOUT)),
    Call(
        "add_custom_scalars_multilinechart",
        lambda w, t: w.add_custom_scalars_multilinechart(["a", "b"], "c", "t"),
    ),
    Call(
        "add_custom_scalars_marginchart",
        lambda w, t: w.add_custom_scalars_marginchart(["a", "b", "c"]),
    ),
    Call("add_mesh", mesh),
    Call("add_hparams", hparams),
    Call("add_embedding", embedding),
]
