"""torch.nn.functional: the ops declared under that name, and a few plain Python functions over them."""

from ..bind import functions_under
from ..lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__, {}, lambda: functions_under("nn.functional"), shown="torch.nn.functional"
)
