"""`Writer`: torch.utils.tensorboard's SummaryWriter, call for call."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ...io import protobuf
from ..events import messages
from ..events.graphdefs import GraphNode, encode_graph
from . import curves, embedding, histograms, hparams, images, meshes, text
from .audio import audio
from .file_writer import FileWriter, now
from .layout import custom_scalars
from .onnx_graph import onnx_nodes
from .sink import Job, Message
from .values import Values, name, number, whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Step = int | None


class Writer:
    """Writes what a training run shows into `log_dir`, for `rushlight board` and TensorBoard to read.

    log_dir: the run's folder; by default runs/<month><day>_<time>_<host><comment>. purge_step: entries from
    this step on that an earlier, crashed run left are hidden. max_queue and flush_secs are accepted for
    programs written for PyTorch: entries are in the file within 50 ms anyway.

    Every call copies what it is given and returns; a thread encodes and writes. No call waits for the disk,
    and none raises because of it. What is wrong with the arguments (a shape, a layout) is raised at the call,
    as ValueError or TypeError. Tensors may be Rushlight's, NumPy's or PyTorch's.

    Common to all: tag, a name with slashes for groups; global_step, by default 0; walltime, seconds since
    1970, by default now.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: float = 120,
        filename_suffix: str = "",
    ) -> None:
        now = datetime.now().strftime("%b%d_%H-%M-%S")
        self.log_dir = str(log_dir or Path("runs", f"{now}_{socket.gethostname()}{comment}"))
        self.purge_step, self.max_queue, self.flush_secs = purge_step, max_queue, flush_secs
        self.filename_suffix = filename_suffix
        self.file_writer: FileWriter | None = None
        self.all_writers: dict[str, FileWriter] | None = None
        self._said: set[str] = set()  # of what has been warned
        self._embeddings = ""  # projector_config.pbtxt so far
        self._get_file_writer()

    def _get_file_writer(self) -> FileWriter:
        """The writer of the run's own file; a new one after close()."""
        if self.file_writer is None or self.all_writers is None:
            self.file_writer = self._file_writer(self.log_dir)
            self.all_writers = {self.log_dir: self.file_writer}
            self._put = self.file_writer.sink.put  # what add_scalar calls, at once
            if self.purge_step is not None:
                start = messages.session_start(time.time(), whole(self.purge_step))
                self._put(Job(lambda: start))
                self.purge_step = None
        return self.file_writer

    def _file_writer(self, folder: str) -> FileWriter:
        return FileWriter(folder, self.max_queue, self.flush_secs, self.filename_suffix, self._said)

    def _reopened_put(self, message: Message) -> None:
        """Takes the place of put after close()."""
        self._get_file_writer().sink.put(message)

    def _add(self, values: Values, step: Step, walltime: float | None) -> None:
        self._get_file_writer().add_values(values, step, walltime)

    def _put_graph(self, nodes: list[GraphNode]) -> None:
        data = messages.graph_event(time.time(), encode_graph(nodes))
        self._get_file_writer().sink.put_job(Job(lambda: data, len(data)))

    # -- numbers -----------------------------------------------------------------------------------------

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: Step = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """One number: a float, or a tensor or array of one element.

        It is written as float32; with new_style, as a tensor, which double_precision makes a float64.
        """
        x = scalar_value if scalar_value.__class__ is float else number(scalar_value)
        step: Any = global_step if global_step.__class__ is int else whole(global_step)
        if tag.__class__ is not str:
            tag = str(name(tag))
        if new_style:
            self._add(text.new_scalar(tag, x, double_precision), step, walltime)
            return
        self._put((tag, x, step, time.time() if walltime is None else walltime))

    def add_graph(
        self, model: Any, input_to_model: Any = None, verbose: bool = False, use_strict_trace: bool = True
    ) -> None:
        """The graph of model(input_to_model): its ops by module, with shapes and the lines they come from.

        The model is called once, in evaluation and without gradients. input_to_model: a tensor, or a tuple of
        arguments. verbose: print the ops as well. use_strict_trace is accepted for programs written for
        PyTorch. Raises what the model raises.
        """
        from .graphs import graph_of

        if input_to_model is None:
            raise ValueError(
                "add_graph needs input_to_model, a tensor or tuple that the model is called with"
            )
        nodes = graph_of(model, input_to_model)
        if verbose:
            print("\n".join(f"{node.name} = {node.op}({', '.join(node.inputs)})" for node in nodes))
        self._put_graph(nodes)

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: Mapping[str, Any],
        global_step: Step = None,
        walltime: float | None = None,
    ) -> None:
        """Several numbers in one chart: each key gets a run of its own, <run>/<main_tag>_<key>."""
        self._get_file_writer()
        wall, step, writers = now(walltime), whole(global_step), self.all_writers
        assert writers is not None
        numbers = {key: number(x) for key, x in tag_scalar_dict.items()}
        for key, x in numbers.items():
            folder = f"{self.log_dir}/{name(main_tag).replace('/', '_')}_{key}"
            if folder not in writers:
                writers[folder] = self._file_writer(folder)
            writers[folder].sink.put((main_tag, x, step, wall))

    def add_tensor(
        self, tag: str, tensor: Any, global_step: Step = None, walltime: float | None = None
    ) -> None:
        """A tensor of any shape and dtype, all of it."""
        self._add(text.tensor(name(tag), tensor), global_step, walltime)

    # -- distributions -----------------------------------------------------------------------------------

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: Step = None,
        bins: Any = "tensorflow",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """The distribution of values of any shape; NaN and infinite ones are left out.

        bins: "tensorflow" (edges that grow by a tenth), a number, edges, or one of np.histogram's methods
        ("auto", "fd", ...). max_bins: neighbours are put together until about so many are left. Raises
        ValueError if no value is finite.
        """
        self._add(histograms.histogram(name(tag), values, bins, max_bins), global_step, walltime)

    def add_histogram_raw(
        self,
        tag: str,
        min: float,
        max: float,
        num: float,
        sum: float,
        sum_squares: float,
        bucket_limits: Any,
        bucket_counts: Any,
        global_step: Step = None,
        walltime: float | None = None,
    ) -> None:
        """A histogram whose buckets are known: the upper limit of each, and how many values are in it."""
        moments = (number(min), number(max), number(num), number(sum), number(sum_squares))
        self._add(histograms.raw(name(tag), moments, bucket_limits, bucket_counts), global_step, walltime)

    # -- pictures and sound ------------------------------------------------------------------------------

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: Step = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """A picture of 1, 3 or 4 channels: uint8, or numbers 0 .. 1.

        dataformats: what its dimensions are: CHW, HWC, HW ..., or NCHW, NHWC ... for a batch.
        """
        self._add(images.image(name(tag), img_tensor, dataformats), global_step, walltime)

    def add_images(
        self,
        tag: str,
        img_tensor: Any,
        global_step: Step = None,
        walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:
        """A batch of pictures as one, eight in a row."""
        self._add(images.image(name(tag), img_tensor, dataformats), global_step, walltime)

    def add_image_with_boxes(
        self,
        tag: str,
        img_tensor: Any,
        box_tensor: Any,
        global_step: Step = None,
        walltime: float | None = None,
        rescale: float = 1,
        dataformats: str = "CHW",
        labels: str | Sequence[str] | None = None,
    ) -> None:
        """A picture with boxes [n, (left, top, right, bottom)] in pixels, and a label of each.

        Labels of another number than the boxes' are left out, as in PyTorch.
        """
        values = images.with_boxes(name(tag), img_tensor, box_tensor, dataformats, rescale, labels)
        self._add(values, global_step, walltime)

    def add_figure(
        self,
        tag: str,
        figure: Figure | list[Figure],
        global_step: Step = None,
        close: bool = True,
        walltime: float | None = None,
    ) -> None:
        """A matplotlib figure, or a list of equally large ones as one picture; close: close them then."""
        pixels = images.figures(figure, close)
        self._add(images.image(name(tag), pixels, "NHWC"[4 - pixels.ndim :]), global_step, walltime)

    def add_video(
        self,
        tag: str,
        vid_tensor: Any,
        global_step: Step = None,
        fps: float = 4,
        walltime: float | None = None,
    ) -> None:
        """Videos [batch, time, channels, height, width], uint8 or 0 .. 1, as one animated GIF."""
        self._add(images.video(name(tag), vid_tensor, fps), global_step, walltime)

    def add_audio(
        self,
        tag: str,
        snd_tensor: Any,
        global_step: Step = None,
        sample_rate: int = 44100,
        walltime: float | None = None,
    ) -> None:
        """Sound of one channel, [length] or [1, length], in -1 .. 1; what lies beyond is clipped."""
        self._add(audio(name(tag), snd_tensor, sample_rate), global_step, walltime)

    # -- text, curves, charts, meshes --------------------------------------------------------------------

    def add_text(
        self, tag: str, text_string: str, global_step: Step = None, walltime: float | None = None
    ) -> None:
        """A text in Markdown."""
        self._add(text.text(name(tag), text_string), global_step, walltime)

    def add_pr_curve(
        self,
        tag: str,
        labels: Any,
        predictions: Any,
        global_step: Step = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Precision against recall at up to 127 thresholds; labels are 0 or 1, predictions 0 .. 1."""
        values = curves.pr_curve(name(tag), labels, predictions, num_thresholds, weights)
        self._add(values, global_step, walltime)

    def add_pr_curve_raw(
        self,
        tag: str,
        true_positive_counts: Any,
        false_positive_counts: Any,
        true_negative_counts: Any,
        false_negative_counts: Any,
        precision: Any,
        recall: Any,
        global_step: Step = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """The same from what is known for each threshold. weights has no effect, as in PyTorch."""
        positive = (true_positive_counts, false_positive_counts)
        rows = (*positive, true_negative_counts, false_negative_counts, precision, recall)
        self._add(curves.pr_curve_raw(name(tag), rows, num_thresholds), global_step, walltime)

    def add_custom_scalars(self, layout: Mapping[str, Mapping[str, Sequence[Any]]]) -> None:
        """Charts of several tags: {category: {title: ["Multiline", [tag or regular expression, ...]]}}.

        Or ["Margin", [value, lower, upper]] for a line within a band. Once for a run is enough.
        """
        self._add(custom_scalars(layout), None, None)

    def add_custom_scalars_multilinechart(
        self, tags: Sequence[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """One chart of several tags."""
        self.add_custom_scalars({category: {title: ["Multiline", tags]}})

    def add_custom_scalars_marginchart(
        self, tags: Sequence[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """One chart of a tag within a band: [value, lower, upper]."""
        self.add_custom_scalars({category: {title: ["Margin", tags]}})

    def add_mesh(
        self,
        tag: str,
        vertices: Any,
        colors: Any = None,
        faces: Any = None,
        config_dict: dict[str, Any] | None = None,
        global_step: Step = None,
        walltime: float | None = None,
    ) -> None:
        """Points or triangles in space.

        vertices [batch, n, 3]; colors, of each 0 .. 255; faces [batch, m, 3], three vertices' numbers;
        config_dict: settings of three.js for TensorBoard's page.
        """
        self._add(meshes.mesh(name(tag), vertices, colors, faces, config_dict), global_step, walltime)

    # -- whole runs --------------------------------------------------------------------------------------

    def add_hparams(
        self,
        hparam_dict: Mapping[str, Any],
        metric_dict: Mapping[str, Any],
        hparam_domain_discrete: Mapping[str, Sequence[Any]] | None = None,
        run_name: str | None = None,
        global_step: Step = None,
    ) -> None:
        """Hyperparameters and the metrics reached with them, as a run below this one.

        run_name: its name; by default the time. hparam_domain_discrete: the values it may have.
        Raises TypeError or ValueError for values that are no numbers, strings or tensors of one element.
        """
        values = hparams.hparams(hparam_dict, metric_dict, hparam_domain_discrete)
        metrics = {name(key): number(x) for key, x in metric_dict.items()}
        writer = self._file_writer(os.path.join(self.log_dir, run_name or str(time.time())))
        for value in values:
            writer.add_summary(protobuf.data(1, value), global_step)
        for key, x in metrics.items():
            writer.sink.put((key, x, whole(global_step), time.time()))

    def add_onnx_graph(self, prototxt: str | os.PathLike[str]) -> None:
        """The graph of an ONNX file, given by its path. Raises ValueError for what is none."""
        self._put_graph(onnx_nodes(prototxt))

    def add_embedding(
        self,
        mat: Any,
        metadata: Sequence[Any] | None = None,
        label_img: Any = None,
        global_step: Step = None,
        tag: str = "default",
        metadata_header: Sequence[str] | None = None,
    ) -> None:
        """Vectors [points, dimensions] for the projector, as files in the run's folder.

        metadata: a label of each point, or a row of them under metadata_header. label_img: a picture of each,
        [points, channels, height, width].
        """
        points, step = embedding.points(mat, metadata, label_img, metadata_header), whole(global_step)
        folder = f"{step:05d}/{embedding.encoded(name(tag))}"
        self._embeddings = config = self._embeddings + embedding.info(points, tag, step, folder)
        run, size = Path(self.log_dir), points.vectors.nbytes
        self._get_file_writer().sink.put_job(Job(lambda: embedding.files(points, run, folder, config), size))

    # -- the file ----------------------------------------------------------------------------------------

    @property
    def default_bins(self) -> list[float]:
        """The edges of bins="tensorflow"."""
        return histograms.default_edges().tolist()

    def get_logdir(self) -> str:
        """The run's folder."""
        return self.log_dir

    def flush(self) -> None:
        """Return when everything added so far is in the files."""
        for writer in list((self.all_writers or {}).values()):
            writer.flush()

    def close(self) -> None:
        """Write what waits. A writer that is written to after that goes on in a new file.

        It waits 10 s for a disk that doesn't answer.
        """
        writers, self._put = list((self.all_writers or {}).values()), self._reopened_put
        self.file_writer = self.all_writers = None
        answers = True
        for writer in writers:
            answers = writer.sink.close(None if answers else 0)

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
