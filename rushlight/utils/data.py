"""`rushlight.utils.data` is `rushlight.data`: the very module, not a copy of its names."""

import sys

import rushlight.data as data

sys.modules[__name__] = data
