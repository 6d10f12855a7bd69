"""torch.masked: the ops declared under that name."""

from .bind import functions_under
from .lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {}, lambda: functions_under("masked"), shown="torch.masked")
