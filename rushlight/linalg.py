"""torch.linalg: the ops declared under that name."""

from .bind import functions_under
from .errors import LinAlgError as LinAlgError
from .lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {}, lambda: functions_under("linalg"), shown="torch.linalg")
