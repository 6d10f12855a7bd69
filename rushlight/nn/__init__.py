"""Neural networks: `Module` and what is made of it. Layers are built here; they may use everything below L6.

A layer enters by one line in this file; the submodules named at its end are imported when first used.
"""

from ..lazy import lazy_names
from .containers import ModuleDict as ModuleDict
from .containers import ModuleList as ModuleList
from .containers import Sequential as Sequential
from .module import Module as Module
from .parameter import Buffer as Buffer
from .parameter import Parameter as Parameter
from .parameter_containers import ParameterDict as ParameterDict
from .parameter_containers import ParameterList as ParameterList

__getattr__, __dir__ = lazy_names(
    __name__, {"functional": ".functional", "init": ".init", "utils": ".utils"}, shown="torch.nn"
)
