"""Functions of functions: grad, vjp, jvp, vmap, Jacobians; modules called with other parameters.

Called by users.
"""

from ..lazy import at, lazy_names

_HOMES = {
    **at(".gradients", ("grad", "grad_and_value", "vjp", "jvp", "jacrev", "jacfwd", "hessian")),
    **at(".vmapping", ("vmap",)),
    **at(".modules", ("functional_call", "stack_module_state")),
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES, shown="torch.func")
