"""add_graph: the ops of a model by module, with shapes, lines and what they read."""

import time

import pytest

import rushlight as torch
import rushlight.nn.functional as F
from rushlight import nn
from rushlight.board import Writer
from rushlight.board.events import records
from rushlight.board.events.decoding import decode
from rushlight.board.events.graphdefs import decode_graph
from rushlight.board.writer.graphs import graph_of

from .calls import onnx_model


class Block(nn.Module):
    """A residual block."""

    def __init__(self):
        super().__init__()
        self.norm, self.fc = nn.BatchNorm1d(8), nn.Linear(8, 8)

    def forward(self, x):
        return x + torch.relu(self.fc(self.norm(x)))


class Net(nn.Module):
    """Two blocks, a view, and a write in place."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Block(), Block())
        self.leave = nn.Linear(4, 3, bias=False)

    def forward(self, x):
        x = self.blocks(x).reshape(-1, 4)
        x[:, 0] = 5
        return self.leave(x), x


def named(model, inputs):
    return {node.name: node for node in graph_of(model, inputs)}


def test_ops_are_named_by_module_with_shapes_and_lines():
    nodes = named(Net(), torch.ones(3, 8))
    linear = nodes["Net/blocks/0/fc/linear"]
    assert linear.inputs[1:] == ["Net/blocks/0/fc/weight", "Net/blocks/0/fc/bias"]
    assert linear.shapes == [(3, 8)] and linear.dtypes == ["float32"]
    assert linear.attributes["_modules"] == "Net/Sequential/Block/Linear"
    assert linear.attributes["_source"].rpartition(":")[0].endswith("test_graphs.py")
    assert linear.attributes["_source_text"] == "return x + torch.relu(self.fc(self.norm(x)))"
    assert nodes["Net/blocks/0/fc/weight"].op == "Parameter"
    assert nodes["Net/blocks/1/norm/running_var"].op == "Buffer"
    assert nodes["x"].op == "Placeholder" and nodes["x"].shapes == [(3, 8)]
    assert nodes["Net/blocks/0/add"].inputs == ["x", "Net/blocks/0/relu"]


def test_views_and_writes_in_place_are_in_the_flow():
    nodes = named(Net(), torch.ones(3, 8))
    (view,) = [n for n in nodes.values() if n.op == "reshape" and n.name.startswith("Net/reshape")]
    written = nodes["Net/copy"]
    assert view.shapes == [(6, 4)] and view.attributes["view"] == "x.reshape((6, 4))"
    assert written.op == "copy_" and "Net/blocks/1/add" in written.inputs
    assert nodes["Net/leave/linear"].inputs == [view.name, "Net/leave/weight"] and view.inputs == ["Net/copy"]
    assert nodes["output_1"].inputs == [view.name]


def test_every_input_is_a_node_before_it():
    seen = set()
    for node in graph_of(Net(), torch.ones(3, 8)):
        assert {name.split(":")[0] for name in node.inputs} <= seen and node.name not in seen
        seen.add(node.name)


def test_a_look_leaves_the_model_as_it_was():
    net = Net()
    net.blocks[1].eval()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    graph_of(net, (torch.ones(3, 8) * 3,))
    assert net.training and net.blocks[0].training and not net.blocks[1].fc.training
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())


def test_branches_and_loops_hold_their_ops():
    def f(x):
        y = torch.cond(x.sum() > 0, lambda x: x * 2, lambda x: x.exp() + 1, (x,))
        _, z = torch._higher_order_ops.while_loop(
            lambda i, v: i < 3, lambda i, v: (i + 1, v * 1.5), (torch.tensor(0), y)
        )
        return z.sqrt()

    nodes = named(f, torch.ones(4))
    assert nodes["f/cond/true/mul"].inputs == ["x"] and nodes["f/cond/false/exp"].inputs == ["x"]
    assert {"f/cond/true/copy", "f/cond/false/copy"} <= {*nodes["f/cond/cond"].inputs}
    loop = nodes["f/while_loop/while_loop"]
    assert nodes["f/while_loop/body/mul"].attributes["other"] == "1.5" and len(loop.shapes) == 2
    assert any("while_loop/body" in name for name in loop.inputs)
    assert nodes["f/sqrt"].inputs == ["f/while_loop/while_loop:1"]


def test_arguments_of_ops_are_attributes():
    nodes = named(lambda x: F.max_pool2d(x.softmax(-1), 2), torch.ones(1, 1, 4, 4))
    (softmax,) = [n for n in nodes.values() if n.op == "softmax"]
    assert softmax.attributes["dim"] == "-1"


def test_compiled_and_shared_modules():
    shared = nn.Linear(4, 4)
    net = torch.compile(nn.Sequential(shared, nn.ReLU(), shared))
    nodes = named(net, torch.ones(1, 4))
    first, second = (nodes[f"Sequential/0/linear{k}"] for k in ("", "_1"))
    assert first.inputs[1:] == second.inputs[1:] == ["Sequential/0/weight", "Sequential/0/bias"]


def test_the_writer_writes_it(tmp_path, capsys):
    with Writer(tmp_path) as writer:
        writer.add_graph(Net(), torch.ones(3, 8), verbose=True)
    (path,) = tmp_path.iterdir()
    graphs = [g for m in records.records(path.read_bytes()) if (g := decode(m).graph) is not None]
    assert decode_graph(graphs[0]) == graph_of(Net(), torch.ones(3, 8))
    assert "Net/blocks/0/relu = relu(Net/blocks/0/fc/linear)" in capsys.readouterr().out


def test_errors_are_the_models(tmp_path):
    with Writer(tmp_path) as writer:
        with pytest.raises(ValueError, match="input_to_model"):
            writer.add_graph(Net())
        with pytest.raises(RuntimeError):
            writer.add_graph(Net(), torch.ones(3, 7))


def test_tensorboard_opens_it(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with Writer(tmp_path) as writer:
        writer.add_graph(Net(), torch.ones(3, 8))
    graph = accumulator.EventAccumulator(str(tmp_path)).Reload().Graph()
    nodes = {node.name: node for node in graph.node}
    shape = nodes["Net/blocks/1/fc/linear"].attr["_output_shapes"].list.shape[0]
    assert [dim.size for dim in shape.dim] == [3, 8]


@pytest.mark.filterwarnings("ignore")  # of TensorBoard's own libraries
def test_tensorboards_graph_plugin_serves_it(tmp_path):
    """The real plugin, over HTTP as its page asks it."""
    pytest.importorskip("tensorboard")
    werkzeug = pytest.importorskip("werkzeug.test")
    import argparse

    from tensorboard.backend import application
    from tensorboard.backend.event_processing import data_ingester
    from tensorboard.plugins.base_plugin import TBContext
    from tensorboard.plugins.core.core_plugin import CorePluginLoader
    from tensorboard.plugins.graph.graphs_plugin import GraphsPlugin

    (tmp_path / "model.onnx").write_bytes(onnx_model())
    with Writer(tmp_path / "run") as writer:
        writer.add_graph(Net(), torch.ones(3, 8))
    with Writer(tmp_path / "onnx") as writer:
        writer.add_onnx_graph(tmp_path / "model.onnx")
    parser = argparse.ArgumentParser()
    CorePluginLoader().define_flags(parser)
    flags = parser.parse_args(["--logdir", str(tmp_path)])
    CorePluginLoader().fix_flags(flags)
    flags.generic_data, flags.samples_per_plugin, flags.reload_interval = "auto", {}, 0
    ingester = data_ingester.LocalDataIngester(flags)
    ingester.start()
    plugin = GraphsPlugin(TBContext(data_provider=ingester.data_provider, flags=flags))
    app = application.TensorBoardWSGI([plugin], data_provider=ingester.data_provider)
    client, deadline = werkzeug.Client(app), time.monotonic() + 10
    while len(client.get("/data/plugin/graphs/info").json) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert client.get("/data/plugin/graphs/info").json["run"]["run_graph"]
    for run, name in (("run", "Net/blocks/0/fc/linear"), ("onnx", "y")):
        text = client.get(f"/data/plugin/graphs/graph?run={run}&conceptual=false").get_data(as_text=True)
        assert f'name: "{name}"' in text


class Asking(nn.Module):
    """Python looks at numbers, and results are nested."""

    def forward(self, x):
        return {"a": x * 2, "b": [x, (x + 1,)]} if x.sum().item() > 0 else x - 1


MODELS = {
    "lstm": (nn.LSTM(4, 5, 2, bidirectional=True), torch.ones(3, 2, 4)),
    "transformer": (nn.Transformer(8, 2, 1, 1, 16), (torch.ones(3, 2, 8), torch.ones(3, 2, 8))),
    "conv": (nn.Sequential(nn.ConvTranspose2d(2, 3, 3), nn.InstanceNorm2d(3)), torch.ones(1, 2, 5, 5)),
    "embedding": (nn.Embedding(5, 3), torch.tensor([1, 2])),
    "identity": (nn.Identity(), torch.ones(2)),
    "numbers": (Asking(), torch.ones(2)),
    "scan": (lambda x: torch._higher_order_ops.scan(lambda c, v: (c + v, c * v), x[0], x), torch.ones(4, 3)),
}


@pytest.mark.parametrize("model, inputs", MODELS.values(), ids=MODELS.keys())
def test_models_of_all_kinds_are_whole_graphs(model, inputs):
    seen = set()
    for node in graph_of(model, inputs):
        assert {name.split(":")[0] for name in node.inputs} <= seen and node.name not in seen
        assert node.inputs or node.op in ("Placeholder", "Parameter", "Buffer", "Const", "LoopState")
        assert len(node.shapes) == len(node.dtypes)
        seen.add(node.name)
    assert any(name.startswith("output") for name in seen)


def test_a_loop_that_asks_for_numbers_shows_the_way_that_was_taken():
    assert {node.op for node in named(Asking(), torch.ones(2)).values()} >= {"mul", "add"}
    assert "sub" in {node.op for node in named(Asking(), -torch.ones(2)).values()}
