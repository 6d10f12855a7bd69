"""Importing this declares every op: the table of contents of the catalogue."""

from . import addmm as addmm
from . import along as along
from . import avg_pool as avg_pool
from . import conv as conv
from . import convert as convert
from . import extremes as extremes
from . import fill as fill
from . import fold as fold
from . import index as index
from . import linear as linear
from . import matmul as matmul
from . import max_pool as max_pool
from . import norms as norms
from . import pad as pad
from . import pointwise as pointwise
from . import reduce as reduce
from . import resample as resample
from . import scans as scans
from . import softmax as softmax
from . import sorting as sorting
from . import tensor_products as tensor_products
from . import variance as variance
from . import views as views
