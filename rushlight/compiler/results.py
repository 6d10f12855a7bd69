"""Results of compiled calls: how each is had from the arguments, and from the memory a call has made."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import wrap
from .graph import Place
from .plan import array_at


class Constant:
    """A value that every call returns as it is."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def of(self, leaves: list[Any], made: list[Any]) -> Any:
        """The result of a call with these arguments and memory."""
        return self.value


class Number:
    """A number that is found from the arguments' numbers."""

    def __init__(self, formula: Any) -> None:
        self.formula = formula

    def of(self, leaves: list[Any], made: list[Any]) -> Any:
        """The result of a call with these arguments and memory."""
        return self.formula(leaves)


class Outside:
    """A new tensor over memory that was there before."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def of(self, leaves: list[Any], made: list[Any]) -> Any:
        """The result of a call with these arguments and memory."""
        return wrap(self.array)


class Argument:
    """One of the arguments."""

    def __init__(self, k: int) -> None:
        self.k = k

    def of(self, leaves: list[Any], made: list[Any]) -> Any:
        """The result of a call with these arguments and memory."""
        return leaves[self.k]


class View:
    """A view of an argument."""

    def __init__(self, k: int, given: Place, place: Place) -> None:
        self.k, self.given, self.place = k, given, place

    def of(self, leaves: list[Any], made: list[Any]) -> Any:
        """The result of a call with these arguments and memory."""
        a = leaves[self.k]._a
        start = a.__array_interface__["data"][0] + self.place.offset - self.given.offset
        return wrap(array_at(start, self.place, a))


class Made:
    """An array in memory that the call made."""

    def __init__(self, k: int, whole: Place, place: Place) -> None:
        self.k, self.place = k, place
        self.is_whole = whole[1:] == place[1:]
        dense = whole.contiguous and place.contiguous
        self.is_reshaped = dense and whole.dtype == place.dtype and whole.size == place.size

    def of(self, leaves: list[Any], made: list[Any]) -> Any:
        """The result of a call with these arguments and memory."""
        a, place = made[self.k], self.place
        if self.is_whole:
            return wrap(a)
        if self.is_reshaped:
            return wrap(a.reshape(place.shape))
        return wrap(array_at(a.__array_interface__["data"][0] + place.offset, place, a))
