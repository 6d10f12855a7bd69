"""Pickles that try to take all memory, all time, or the whole stack."""
# ruff: noqa: D103  (each name says what the attack tries)

import pickle
import struct

from attacks import attack
from attacks.building import archive, call, name, program, text, value

PUT, GET = b"q\x00", b"h\x00"


@attack()
def bytearray_of_a_terabyte() -> bytes:
    return program(call(name("__builtin__", "bytearray"), value(10**12)))


@attack()
def bytes_of_a_terabyte() -> bytes:
    return program(call(name("__builtin__", "bytes"), value(10**12)))


@attack(refused=False)
def billion_laughs_in_lists() -> bytes:
    """Forty lists, each holding the one before ten times: small, as long as nobody walks through it."""
    return program(value("lol"), (PUT + b"](" + GET * 10 + b"e") * 40)


@attack()
def billion_laughs_as_a_key() -> bytes:
    """The same in tuples, as a dict key: hashing walks through it."""
    return program(b"}", value("lol"), (PUT + b"(" + GET * 10 + b"t") * 40, b"K\x01s")


@attack()
def billion_laughs_in_a_set() -> bytes:
    return program(
        call(name("__builtin__", "set"), b"](", value("lol"), (PUT + b"(" + GET * 10 + b"t") * 40, b"e")
    )


@attack()
def billion_laughs_in_a_frozenset() -> bytes:
    return archive(
        b"\x80\x04(" + value("lol") + (PUT + b"(" + GET * 10 + b"t") * 40 + pickle.FROZENSET + b"."
    )


@attack()
def deep_tuple_as_a_key() -> bytes:
    """Hashing recurses in C without a limit: this one would end the process."""
    return program(b"}", b")" + b"\x85" * 200_000, b"K\x01s")


@attack()
def deep_tuple_as_a_counter_key() -> bytes:
    return program(call(name("collections", "Counter"), b"(", b")" + b"\x85" * 100_000, b"t"))


@attack(refused=False)
def deep_nesting() -> bytes:
    """A list in a list, two hundred thousand times: loads without recursion."""
    return program(b"]" * 200_000 + b"a" * 199_999)


@attack()
def marks_without_end() -> bytes:
    return program(b"(" * 100_000)


@attack()
def string_that_claims_four_gigabytes() -> bytes:
    return program(pickle.BINUNICODE + b"\xff\xff\xff\xff" + b"x")


@attack()
def string_that_claims_exabytes() -> bytes:
    return program(pickle.BINUNICODE8 + struct.pack("<Q", 1 << 62))


@attack()
def number_of_negative_length() -> bytes:
    return program(pickle.LONG4 + struct.pack("<i", -1))


@attack()
def memo_that_was_never_written() -> bytes:
    return program(pickle.LONG_BINGET + b"\xff\xff\xff\xff")


@attack()
def empty_stack() -> bytes:
    return program(pickle.REDUCE)


@attack()
def empty_pickle() -> bytes:
    return archive(b"")


@attack()
def no_stop() -> bytes:
    return archive(b"\x80\x02]")


@attack()
def append_to_a_tuple() -> bytes:
    return program(b")", value(1), b"a")


@attack()
def items_of_a_list() -> bytes:
    return program(b"]", value(0), value(1), b"s")


@attack()
def a_dict_as_a_key() -> bytes:
    return program(b"}", b"}", value(1), b"s")


@attack()
def numpy_array_larger_than_its_bytes() -> bytes:
    dtype = call(name("numpy", "dtype"), value("f8"), value(False), value(True))
    array = call(
        name("numpy.core.multiarray", "_reconstruct"), name("numpy", "ndarray"), value((0,)), value(b"b")
    )
    state = b"(" + value(1) + value((1 << 40,)) + dtype + value(False) + value(b"") + b"t"
    return program(array, state, pickle.BUILD)


@attack()
def numpy_array_of_text_with_a_huge_item() -> bytes:
    dtype = call(name("numpy", "dtype"), value("S4"), value(False), value(True))
    return program(dtype, value((3, "|", None, None, None, 1 << 30, 1, 0)), pickle.BUILD)


@attack()
def unknown_protocol() -> bytes:
    return archive(b"\x80\x63N.")


@attack()
def text_opcodes_of_protocol_0() -> bytes:
    return archive(b"I" + b"9" * 5000 + b"\n.")


@attack()
def device_from_nonsense() -> bytes:
    return program(call(name("torch", "device"), text("evil:0")))
