"""Every file in `attacks/` is refused, quickly, without taking memory and without running anything."""

import io
import os
import pickle
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT)]
from stand_in import StandIn  # noqa: E402

from attacks import ATTACKS, CANARY, archives, code, memory  # noqa: E402
from attacks.building import archive, program  # noqa: E402
from rushlight.io import load, safe_globals, safetensors  # noqa: E402
from rushlight.io.adapter import use  # noqa: E402

REFUSALS = (pickle.UnpicklingError, RuntimeError, safetensors.SafetensorsError)


@pytest.fixture(autouse=True)
def stand_in():
    with use(StandIn()):
        yield


def read(attack, data):
    return load(io.BytesIO(data)) if attack.reader == "load" else safetensors.load_bytes(data)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_attack(attack):
    data = attack.make()
    assert not os.path.exists(CANARY)
    start = time.perf_counter()
    if attack.refused:
        with pytest.raises(REFUSALS) as caught:
            read(attack, data)
        assert len(str(caught.value)) > 20
        assert "NotImplementedError" not in repr(caught.value)
    else:
        read(attack, data)
    assert time.perf_counter() - start < 5
    assert not os.path.exists(CANARY)


LYING = [
    name
    for name in ATTACKS
    if any(word in name for word in ("claims", "bomb", "byte", "larger", "exabyte", "huge"))
]


@pytest.mark.parametrize("name", LYING)
def test_lies_about_size_take_no_memory(name):
    data = ATTACKS[name].make()
    tracemalloc.start()
    with pytest.raises(REFUSALS):
        read(ATTACKS[name], data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


def test_the_attacks_are_real():
    """Python's own unpickler falls for them: else the tests above would prove nothing."""
    try:
        for name in ("os_system", "builtins_eval", "numpy_object_array", "path_touch"):
            load(io.BytesIO(ATTACKS[name].make()), weights_only=False)
            assert os.path.exists(CANARY), name
            os.unlink(CANARY)
    finally:
        if os.path.exists(CANARY):
            os.unlink(CANARY)


def test_a_refused_name_is_named_and_the_way_out_is_told():
    with pytest.raises(
        pickle.UnpicklingError, match=r"`builtins\.eval`.*add_safe_globals\(\[eval\]\).*weights_only=False"
    ):
        load(io.BytesIO(code.builtins_eval()))
    with pytest.raises(pickle.UnpicklingError, match=r"`posix\.system`.*never allowed"):
        load(io.BytesIO(code.os_system()))


def test_safe_globals_cannot_allow_blocked_modules():
    with (
        safe_globals([os.system, (os.system, "os.system")]),
        pytest.raises(pickle.UnpicklingError, match="never"),
    ):
        load(io.BytesIO(code.os_system()))


def test_allowing_a_class_does_not_allow_its_neighbours():
    with safe_globals([os.PathLike]), pytest.raises(pickle.UnpicklingError, match="eval"):
        load(io.BytesIO(code.builtins_eval()))


def test_every_opcode_alone_is_refused_or_harmless():
    for opcode in range(256):
        data = program(bytes([opcode]), b"\0" * 8)
        try:
            found = load(io.BytesIO(data))
        except REFUSALS:
            continue
        assert type(found) in (type(None), int, str, bytes, bytearray, float, list, dict, tuple, bool, set)


def test_random_pickles_never_raise_anything_else():
    import random

    rng = random.Random(0)
    pieces = [bytes([c]) for c in b"()]}.NKtaeusR\x81b\x85\x86\x87\x88\x89q\x01h\x01Q\x8f\x90\x91"]
    pieces += [
        b"ccollections\nOrderedDict\n",
        b"ctorch._utils\n_rebuild_tensor_v2\n",
        b"X\x01\0\0\0a",
        b"K\x05",
    ]
    pieces += [b"cnumpy\ndtype\n", b"cnumpy\nndarray\n", b"c__builtin__\nset\n", b"ctorch\nFloatStorage\n"]
    loaded = 0
    for _ in range(3000):
        data = b"\x80\x02" + b"".join(rng.choices(pieces, k=rng.randrange(1, 25))) + b"."
        try:
            load(io.BytesIO(archive(data)))
            loaded += 1
        except REFUSALS:
            pass
    assert 0 < loaded < 3000


def test_the_harmless_ones_are_what_they_say():
    laughs = load(io.BytesIO(memory.billion_laughs_in_lists()))
    assert len(laughs) == 10
    assert laughs[0] is laughs[9]
    assert len(load(io.BytesIO(memory.deep_nesting()))) == 1


def test_good_archives_are_not_refused():
    assert load(io.BytesIO(archives.zipped(archives.GOOD))) is None


def test_command_line(capsys):
    from attacks.__main__ import main

    assert main() == 0
    assert f"{len(ATTACKS)} attacks, 0 got through" in capsys.readouterr().out
