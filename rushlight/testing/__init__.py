"""torch.testing: assertions that tensors are close, and tensors of random numbers to test with."""

from ..lazy import at, lazy_names

_HOMES = {**at(".closeness", ("assert_close",)), **at(".making", ("make_tensor",))}

__getattr__, __dir__ = lazy_names(__name__, _HOMES, shown="torch.testing")
