"""Copies between any two strided arrays: what is dense along nothing, has many dimensions, or is small."""

from __future__ import annotations

from functools import cache

from .copies import ELEMENTS
from .ir import Module
from .launch import Kernel, entry
from .targets import Target
from .types import i64


@cache
def strided(size: int, dims: int) -> Kernel:
    """y[...] = x[...] of elements of `size` bytes; an item is a row along the last of `dims` dimensions.

    `numbers` are the sizes, then the strides of x, then those of y, in elements.
    """
    return Kernel(("copy strided", size, dims), lambda target: _make(size, dims, target))


def _make(size: int, dims: int, target: Target) -> Module:
    m = Module()
    element = ELEMENTS[size]
    f, lo, hi, _, (x, y, numbers) = entry(m, x=element.pointer, y=element.pointer, numbers=i64.pointer)
    sizes, sources, targets = ([numbers[part * dims + d] for d in range(dims)] for part in range(3))
    for row in f.range(lo, hi):
        source, place, left = f.const(i64, 0), f.const(i64, 0), row
        for d in reversed(range(dims - 1)):
            at, left = left % sizes[d], left // sizes[d]
            source, place = source + at * sources[d], place + at * targets[d]
        given, taken = x.at(source), y.at(place)
        for j in f.range(0, sizes[-1]):
            taken[j * targets[-1]] = given[j * sources[-1]]
    f.ret()
    return m


@cache
def filled(size: int) -> Kernel:
    """y[lo:hi] = the element of `size` bytes whose bits stand in `word`."""
    return Kernel(("fill", size), lambda target: _fill(size, target))


def _fill(size: int, target: Target) -> Module:
    m = Module()
    element = ELEMENTS[size]
    f, lo, hi, _, (y, word) = entry(m, y=element.pointer, word=i64)
    value, lanes = word.to(element) if size < 8 else word, target.lanes(element)
    whole = lo + ((hi - lo) & -lanes)
    wide = value.splat(lanes)
    for i in f.range(lo, whole, lanes):
        y.store(wide, i)
    for i in f.range(whole, hi):
        y[i] = value
    f.ret()
    return m
