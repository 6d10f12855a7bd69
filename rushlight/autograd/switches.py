"""Words that all calls in machine code read: what makes a call go to Python, or a tensor need more than
usual.
"""

from __future__ import annotations

import numpy as np

PAUSED, WATCHED, BOXED = range(3)
words = np.zeros(3, np.int64)


def pause(step: int) -> None:
    """Send all calls to Python (step 1), until as many steps back (-1) were made: hooks see what is saved."""
    words[PAUSED] += step


def watch(on: bool) -> None:
    """Whether nodes are to be made by Python: anomaly mode notes the line of each."""
    words[WATCHED] = on


def give_boxes() -> None:
    """From now on ask for the box of every tensor that is made: inference mode has been used."""
    words[BOXED] = 1
