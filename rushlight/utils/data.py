"""`rushlight.utils.data` is `rushlight.data`: the very module, not a copy of its names."""

import sys

from .. import data

sys.modules[__name__] = data
