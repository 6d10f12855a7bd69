"""torch.nn.functional: the ops declared under that name, and a few plain Python functions over them."""

from ..bind import functions_under
from ..lazy import at, lazy_names

_HOMES = at(
    f"{__package__}.functional_attention",
    ("multi_head_attention_forward", "_canonical_mask", "_none_or_dtype"),
)

__getattr__, __dir__ = lazy_names(
    __name__, _HOMES, lambda: functions_under("nn.functional"), shown="torch.nn.functional"
)
