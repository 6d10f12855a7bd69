"""Importing this declares every op: the table of contents of the catalogue."""

from . import convert as convert
from . import matmul as matmul
from . import pointwise as pointwise
from . import reduce as reduce
from . import views as views
