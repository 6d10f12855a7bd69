"""What a process started by a program under `rushlight run` finds as `torch`: it steps aside for Rushlight.

A spawned DataLoader worker imports the program anew, in an interpreter where no hook was installed yet.
"""

import sys

import rushlight
from rushlight.cli import torch_names

sys.modules[__name__] = rushlight
torch_names.install()
torch_names.explain_missing_names()
