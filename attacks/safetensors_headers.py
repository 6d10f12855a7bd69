"""safetensors files whose headers lie."""
# ruff: noqa: D103  (each name says what the attack tries)

import json
from typing import Any

from attacks import attack

GOOD = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def framed(text: bytes, data: bytes = bytes(8), length: int | None = None) -> bytes:
    """Return a file with this header."""
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def tensors(data: bytes = bytes(8), **entries: Any) -> bytes:
    """Return a file with these entries."""
    return framed(json.dumps(entries).encode(), data)


@attack("safetensors")
def header_length_of_exabytes() -> bytes:
    return framed(b"{}", length=1 << 63)


@attack("safetensors")
def header_length_past_the_end() -> bytes:
    return framed(b"{}", length=1000)


@attack("safetensors")
def header_length_that_is_too_short() -> bytes:
    return framed(json.dumps({"a": GOOD}).encode(), length=10)


@attack("safetensors")
def header_that_is_a_pickle() -> bytes:
    return framed(b"\x80\x02cos\nsystem\n")


@attack("safetensors")
def header_that_is_a_list() -> bytes:
    return framed(b"[]")


@attack("safetensors")
def header_that_is_no_utf8() -> bytes:
    return framed(b'{"\xff": 1}')


@attack("safetensors")
def header_nested_a_million_times() -> bytes:
    return framed(b'{"a":' + b"[" * 1_000_000)


@attack("safetensors")
def header_with_a_number_of_a_million_digits() -> bytes:
    return framed(b'{"a":' + b"9" * 1_000_000 + b"}")


@attack("safetensors")
def header_with_nan() -> bytes:
    return framed(b'{"a": NaN}')


@attack("safetensors")
def key_twice() -> bytes:
    """Two readers could load two different tensors."""
    entry = json.dumps(GOOD).encode()
    return framed(b'{"a":' + entry + b',"a":' + entry + b"}")


@attack("safetensors")
def key_twice_inside_an_entry() -> bytes:
    return framed(b'{"a":{"dtype":"F32","dtype":"F64","shape":[2],"data_offsets":[0,8]}}')


@attack("safetensors")
def overlapping_tensors() -> bytes:
    return tensors(a=GOOD, b=GOOD)


@attack("safetensors")
def partly_overlapping_tensors() -> bytes:
    return tensors(bytes(12), a=GOOD, b=GOOD | {"data_offsets": [4, 12]})


@attack("safetensors")
def bytes_hidden_before() -> bytes:
    return tensors(bytes(12), a=GOOD | {"data_offsets": [4, 12]})


@attack("safetensors")
def bytes_hidden_behind() -> bytes:
    return tensors(b"\0" * 8 + b"payload", a=GOOD)


@attack("safetensors")
def offsets_outside_the_file() -> bytes:
    return tensors(a=GOOD | {"shape": [1 << 40], "data_offsets": [0, 1 << 42]})


@attack("safetensors")
def offsets_backwards() -> bytes:
    return tensors(a=GOOD | {"data_offsets": [8, 0]})


@attack("safetensors")
def negative_offsets() -> bytes:
    return tensors(a=GOOD | {"data_offsets": [-8, 0]})


@attack("safetensors")
def shape_product_that_wraps_to_two() -> bytes:
    """(2^63 + 1) · 2 is 2 in 64 bits."""
    return tensors(a=GOOD | {"shape": [(1 << 63) + 1, 2]})


@attack("safetensors")
def empty_shape_product_of_impossible_size() -> bytes:
    return tensors(b"", a=GOOD | {"shape": [0, 1 << 62, 1 << 62], "data_offsets": [0, 0]})


@attack("safetensors")
def shape_of_floats() -> bytes:
    return tensors(a=GOOD | {"shape": [2.0]})


@attack("safetensors")
def shape_of_bools() -> bytes:
    return tensors(bytes(4), a={"dtype": "F32", "shape": [True], "data_offsets": [0, 4]})


@attack("safetensors")
def shape_of_a_thousand_dimensions() -> bytes:
    return tensors(a=GOOD | {"shape": [1] * 1000 + [2]})


@attack("safetensors")
def dtype_object() -> bytes:
    return tensors(a=GOOD | {"dtype": "O"})


@attack("safetensors")
def dtype_that_is_a_list() -> bytes:
    return tensors(a=GOOD | {"dtype": ["F32"]})


@attack("safetensors")
def entry_with_more_keys() -> bytes:
    return tensors(a=GOOD | {"__reduce__": "os.system"})


@attack("safetensors")
def metadata_that_is_no_text() -> bytes:
    return tensors(a=GOOD, __metadata__={"a": {"b": 1}})


@attack("safetensors")
def metadata_that_is_a_list() -> bytes:
    return tensors(a=GOOD, __metadata__=[1])
