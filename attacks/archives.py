"""Zip archives that lie."""
# ruff: noqa: D103  (each name says what the attack tries)

import struct
import zipfile

from attacks import attack
from attacks.building import archive, zipped

GOOD = {"archive/data.pkl": b"\x80\x02N.", "archive/version": b"3\n"}


@attack()
def zip_slip() -> bytes:
    return zipped({**GOOD, "archive/../../../../tmp/evil": b"x"})


@attack()
def zip_slip_absolute() -> bytes:
    return zipped({**GOOD, "/etc/cron.d/evil": b"x"})


@attack()
def zip_slip_backslashes() -> bytes:
    return zipped({**GOOD, "archive/..\\..\\evil": b"x"})


@attack()
def record_outside_the_folder() -> bytes:
    return zipped({**GOOD, "other/data.pkl": b"\x80\x02K\x01."})


@attack()
def two_records_of_one_name() -> bytes:
    """Two readers could see two different files."""
    data = zipped({**GOOD, "archive/data.pkk": b"\x80\x02K\x01."})
    return data.replace(b"archive/data.pkk", b"archive/data.pkl")


@attack()
def zip_bomb() -> bytes:
    """A hundred megabytes of zeros in a hundred kilobytes."""
    return zipped({**GOOD, "archive/data/0": bytes(100_000_000)}, zipfile.ZIP_DEFLATED)


@attack()
def compressed_pickle() -> bytes:
    return zipped(GOOD, zipfile.ZIP_DEFLATED)


def central(data: bytes, record: bytes) -> int:
    """Return where the central directory's entry of a record begins."""
    return data.rindex(record) - 46


def patched(data: bytes, at: int, form: str, *values: int) -> bytes:
    """Return the bytes with numbers written over them."""
    out = bytearray(data)
    struct.pack_into(form, out, at, *values)
    return bytes(out)


@attack()
def record_that_claims_four_gigabytes() -> bytes:
    data = archive(b"\x80\x02N.", {"0": b"1234"})
    return patched(data, central(data, b"archive/data/0") + 20, "<II", 0xFFFFFFF0, 0xFFFFFFF0)


@attack()
def record_that_claims_exabytes_in_zip64() -> bytes:
    """A zip64 field with a size of 2^62, in place of the comment-free last entry's name padding."""
    name, extra = b"archive/data.pkl", struct.pack("<HHQQ", 1, 16, 1 << 62, 1 << 62)
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 45, 0, 0, 0, 0, 0, 4, 4, len(name), 0) + name + b"\x80\x02N."
    entry = struct.pack(
        "<4s6H3I5H2I", b"PK\1\2", 45, 45, 0, 0, 0, 0, 0, *[0xFFFFFFFF] * 2, len(name), 20, 0, 0, 0, 0, 0
    )
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(entry + name + extra), len(local), 0)
    return local + entry + name + extra + end


@attack()
def overlapping_records() -> bytes:
    """Many directory entries for the same bytes: the file is small, what it claims is not."""
    data = archive(b"\x80\x02N.", {"0": bytes(1000), "1": bytes(1000)})
    first = struct.unpack_from("<I", data, central(data, b"archive/data/0") + 42)[0]
    same_header = data.replace(b"archive/data/1", b"archive/data/0", 1)  # the local header's own name
    return patched(same_header, central(same_header, b"archive/data/1") + 42, "<I", first)


@attack()
def two_names_for_the_same_bytes() -> bytes:
    data = archive(b"\x80\x02N.", {"0": bytes(1000), "1": bytes(1000)})
    second = struct.unpack_from("<I", data, central(data, b"archive/data/1") + 42)[0]
    return patched(data, second + 26, "<HH", len(b"archive/data/1"), 0xFFF0)


@attack()
def directory_and_header_disagree() -> bytes:
    data = archive(b"\x80\x02N.", {"0": b"1234"})
    return data.replace(b"archive/data/0", b"archive/data/9", 1)


@attack()
def wrong_checksum() -> bytes:
    return archive(b"\x80\x02N.").replace(b"\x80\x02N.", b"\x80\x02\x88.", 1)


@attack()
def bytes_cut_out_of_the_middle() -> bytes:
    """Every offset in the directory is then too large by one."""
    return archive(b"\x80\x02N.").replace(b"\x80\x02N.", b"\x80\x02N", 1)


@attack()
def encrypted_record() -> bytes:
    data = archive(b"\x80\x02N.")
    return patched(data, central(data, b"archive/data.pkl") + 8, "<H", 1)


@attack()
def header_outside_the_file() -> bytes:
    data = archive(b"\x80\x02N.")
    return patched(data, central(data, b"archive/data.pkl") + 42, "<I", 0x7FFFFFFF)


@attack()
def sixty_thousand_claimed_entries() -> bytes:
    data = archive(b"\x80\x02N.")
    return patched(data, len(data) - 22 + 8, "<HHI", 60000, 60000, 0x7FFFFFFF)


@attack()
def no_records() -> bytes:
    return b"PK\3\4" + zipped({})
