"""Control flow that a compiled function keeps: cond, while_loop, scan, associative_scan.

They are called as PyTorch calls them; its users import them from here too.
"""

from .associative_scan import associative_scan as associative_scan
from .cond import cond as cond
from .scan import scan as scan
from .while_loop import while_loop as while_loop
