"""What a message is made of: shapes as PyTorch writes them, the nearest name, the advice given once."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable, Sequence

_PACKAGE = os.path.dirname(os.path.abspath(__file__))


class AdviceWarning(UserWarning):
    """A likely beginner's mistake; said once per line, switched off by `rushlight.advice(False)`."""


_advice_on = True
_advised: set[tuple[str, str, int]] = set()


def set_advice(on: bool) -> None:
    """Switch the once-only advice warnings on or off; switching on forgets what was said."""
    global _advice_on
    _advice_on = on
    _advised.clear()


def advice_on() -> bool:
    """Whether advice is given; what is costly to look for need not be looked for when it is not."""
    return _advice_on


def advise(topic: str, message: str) -> None:
    """Warn once per user line about a classic trap; `topic` names it in the set of things already said."""
    if not _advice_on:
        return
    filename, line = user_line()
    if (topic, filename, line) in _advised:
        return
    _advised.add((topic, filename, line))
    where = f"{filename}:{line}"
    text = f"{message} (at {where}; said once; torch.advice(False) switches such advice off)"
    warnings.warn_explicit(text, AdviceWarning, filename, line)


def user_line() -> tuple[str, int]:
    """File and line of the innermost frame outside Rushlight."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith((_PACKAGE, "<rushlight")):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def log(topic: str, message: str) -> None:
    """Say something to who asked for it: RUSHLIGHT_LOG names topics, with commas between."""
    if topic in os.environ.get("RUSHLIGHT_LOG", "").split(","):
        print(f"rushlight {topic}: {message}", file=sys.stderr)


def shape_text(shape: Sequence[int]) -> str:
    """A shape as it stands in messages: (64, 100)."""
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `name`, or None when nothing is close;
    of `linear` and `Linear`, the one in the same case.
    """
    import difflib  # only when something is missing

    folded: dict[str, list[str]] = {}
    for candidate in sorted(set(candidates)):
        folded.setdefault(candidate.lower(), []).append(candidate)
    found = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.7)
    return (
        max(folded[found[0]], key=lambda c: difflib.SequenceMatcher(None, c, name).ratio()) if found else None
    )


class MissingName(AttributeError):
    """An AttributeError whose hint is worked out only when it is read (hasattr() reads nothing)."""

    def __init__(self, owner: str, name: str, candidates: Iterable[str]) -> None:
        super().__init__(f"{owner} has no attribute {name!r}", name=name)
        self._owner, self._candidates = owner, candidates

    def __str__(self) -> str:
        close = nearest(str(self.name), (c for c in self._candidates if not c.startswith("_")))
        hint = f"; the nearest there is: {self._owner}.{close}" if close else ""
        return f"{self._owner} has no attribute {self.name!r} (Rushlight does not have it yet){hint}"

    def __reduce__(self) -> tuple[object, ...]:
        return AttributeError, (str(self),)


MissingName.__name__ = MissingName.__qualname__ = "AttributeError"  # what a traceback should call it
MissingName.__module__ = "builtins"


def missing(owner: str, name: str, candidates: Iterable[str]) -> AttributeError:
    """The AttributeError for `owner.name`, naming the nearest thing there is among `candidates`."""
    return MissingName(owner, name, candidates)


class LinAlgError(RuntimeError):
    """A matrix without what was asked of it: no inverse, no Cholesky factor,
    no convergence (torch.linalg.LinAlgError).
    """
