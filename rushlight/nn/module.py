"""`Module`: what every layer and every model is."""

from .calling import Calling


class Module(Calling):
    """The base of all layers and models: assign Parameters, Buffers and Modules in `__init__`, define
    `forward`.

    What is assigned is found again by `parameters()`, `state_dict()`, `to()`, `train()` and so on, here and
    in all modules below. Source: PyTorch's `torch.nn.Module`, which it follows in names, order, errors and
    printing.
    """

    dump_patches: bool = False
