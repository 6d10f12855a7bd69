"""Checkpoints whose tensors reach outside their storage, or claim sizes they do not have."""
# ruff: noqa: D103  (each name says what the attack tries)

from attacks import attack
from attacks.building import archive, call, name, program, rebuilt, storage, tensor, value

V3 = name("torch._utils", "_rebuild_tensor_v3")


@attack()
def tensor_larger_than_its_storage() -> bytes:
    return tensor(0, (5,), (1,), False, None)


@attack()
def tensor_with_an_offset_outside() -> bytes:
    return tensor(4, (1,), (1,), False, None)


@attack()
def tensor_with_a_negative_offset() -> bytes:
    return tensor(-1, (1,), (1,), False, None)


@attack()
def tensor_with_a_stride_outside() -> bytes:
    return tensor(0, (2,), (4,), False, None)


@attack()
def tensor_with_a_negative_stride() -> bytes:
    return tensor(3, (2,), (-4,), False, None)


@attack()
def tensor_with_a_negative_size() -> bytes:
    return tensor(0, (-1,), (1,), False, None)


@attack()
def stride_that_overflows_64_bits() -> bytes:
    return tensor(0, (3,), (1 << 63,), False, None)


@attack()
def product_that_overflows_64_bits() -> bytes:
    return tensor(0, (1 << 32, 1 << 32), (0, 0), False, None)


@attack()
def empty_tensor_of_impossible_size() -> bytes:
    return tensor(0, (0, 1 << 62, 1 << 62), (1, 1, 1), False, None)


@attack()
def a_thousand_dimensions() -> bytes:
    return tensor(0, (1,) * 1000, (1,) * 1000, False, None)


@attack()
def sizes_that_are_no_integers() -> bytes:
    return tensor(0, (2.0,), (1,), False, None)


@attack()
def sizes_and_strides_of_different_length() -> bytes:
    return tensor(0, (2, 2), (1,), False, None)


@attack()
def storage_that_claims_an_exabyte() -> bytes:
    return tensor(0, (1,), (1,), False, None, over=storage(1 << 60))


@attack()
def storage_with_a_negative_count() -> bytes:
    return tensor(0, (1,), (1,), False, None, over=storage(-1))


@attack()
def one_storage_claimed_at_two_sizes() -> bytes:
    """Same record, first as 4 floats, then as 4 doubles."""
    first = rebuilt(storage(4), 0, (4,), (1,), False, None)
    wide = storage(4, kind="DoubleStorage")
    second = rebuilt(wide, 0, (4,), (1,), False, None)
    return archive(b"\x80\x02" + first + second + b"\x86.", {"0": bytes(16)})


@attack()
def tensor_over_a_list() -> bytes:
    return tensor(0, (1,), (1,), False, None, over=value([1, 2, 3]))


@attack()
def tensor_over_a_tensor() -> bytes:
    inner = rebuilt(storage(4), 0, (4,), (1,), False, None)
    return tensor(0, (1,), (1,), False, None, over=inner)


@attack()
def dtype_that_is_a_string() -> bytes:
    args = storage(4), *map(value, (0, (1,), (1,), False, None, "float32"))
    return archive(b"\x80\x02" + call(V3, *args) + b".", {"0": bytes(16)})


@attack()
def dtype_wider_than_the_untyped_storage() -> bytes:
    args = storage(4, kind="ByteStorage"), *map(value, (0, (4,), (1,), False, None)), name("torch", "float64")
    return archive(b"\x80\x02" + call(V3, *args) + b".", {"0": bytes(4)})


@attack()
def meta_tensor_of_impossible_size() -> bytes:
    func = name("torch._utils", "_rebuild_meta_tensor_no_storage")
    return program(call(func, name("torch", "float32"), value((1 << 62, 4)), value((4, 1)), value(False)))


@attack()
def parameter_over_a_string() -> bytes:
    return program(call(name("torch._utils", "_rebuild_parameter"), value("x"), value(True), value(None)))


@attack()
def size_of_negative_numbers() -> bytes:
    return program(call(name("torch", "Size"), value((-1,))))
