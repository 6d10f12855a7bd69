"""The names of `torch.utils`: each is another room, under the name that PyTorch programs know it by."""

from ..lazy import lazy_names

_HOMES = {"data": ".data", "checkpoint": ".checkpoint", "tensorboard": ".tensorboard"}

__getattr__, __dir__ = lazy_names(__name__, _HOMES, shown="torch.utils")
