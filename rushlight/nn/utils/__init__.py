"""Tools for modules and their parameters: clipping, flattening, reparametrization, sequences."""

from ...lazy import lazy_names

_TOOLS: dict[str, str] = {}
_HOMES = {
    **{name: f".{name}" for name in ("rnn",)},
    **{name: f".{home}:{name}" for home, names in _TOOLS.items() for name in names.split()},
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES, shown="torch.nn.utils")
