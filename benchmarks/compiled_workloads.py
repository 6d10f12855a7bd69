"""The rows of issue 4's table: a program, the ratio wanted of it, and the count for its floor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from . import compiled_counts as counts
from . import compiled_models as plain
from . import compiled_models_images as images
from . import compiled_models_sequences as sequences
from .compiled_models import Program
from .floors import Part


class Workload(NamedTuple):
    """A row to be."""

    title: str
    wanted: float  # the least ratio of torch eager's time to ours compiled
    make: Callable[[Any], Program]
    parts: Callable[[], list[Part]]
    agree: float = 1e-3  # of the largest value: float32 sums in another order stay far below


TRAINED = {
    "seed": Workload("two-layer net, autograd (seed's)", 3, plain.seed_autograd, lambda: counts.seed(0)),
    "adam": Workload("two-layer net, nn + Adam", 4, plain.seed_adam, lambda: counts.seed(2)),
    "mlp": Workload("MLP 784-512-512-10, batch 128", 2.4, plain.mlp, counts.mlp),
    "lenet": Workload("LeNet 28x28, batch 64", 4, images.lenet, counts.lenet),
    "resnet18": Workload("ResNet-18 32x32, batch 32", 1.6, images.resnet18, counts.resnet18),
    "mobile": Workload("depthwise net 32x32, batch 32", 3, images.mobile, counts.mobile),
    "gpt": Workload("GPT 6 layers d 384 T 256, batch 4", 2.3, sequences.gpt, counts.gpt),
    "lstm": Workload("LSTM LM 2x200, bptt 35, batch 20", 2.4, sequences.lstm, counts.lstm),
    # compiled, its noise is of another stream
    "vae": Workload("VAE 784-400-20, batch 128", 3.5, plain.vae, counts.vae, agree=1e-2),
    "dcgan": Workload("DCGAN 32x32, batch 32", 1.8, images.dcgan, counts.dcgan),
    "gcn": Workload("GCN by index_add, Cora's size", 5, plain.gcn, counts.gcn),
    "deep": Workload("MLP, 20 layers of 32, batch 8", 15, plain.deep_mlp, counts.deep_mlp),
}
ANSWERS = {
    "mlp_answer": Workload("MLP, one answer", 3, plain.mlp_answer, counts.mlp_answer),
    "resnet18_answer": Workload("ResNet-18, one answer", 1.8, images.resnet18_answer, counts.resnet18_answer),
    "gpt_token": Workload("GPT, one token, KV cache", 4, sequences.gpt_token, counts.gpt_token),
}
WORKLOADS = TRAINED | ANSWERS


def alike(workload: Workload, torch: Any, *others: Any) -> list[Program]:
    """The program on torch and on others, each beginning with torch's weights."""
    programs = []
    for m in (torch, *others):
        m.manual_seed(0)
        programs.append(workload.make(m))
    first, *rest = programs
    for m, program in zip(others, rest):
        with m.no_grad():
            for key, tensor in program.state.items():
                tensor.copy_(m.from_numpy(first.state[key].detach().numpy()))
    return programs
