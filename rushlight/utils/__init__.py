"""The names of `torch.utils`: each is another room, under the name that PyTorch programs know it by."""

from ..lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {"data": ".data"}, shown="torch.utils")
