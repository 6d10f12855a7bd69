"""Which processors take checksums by an instruction; what they are is tested with the event files."""

import pytest

from rushlight.kernels import checksums, llvm
from rushlight.kernels.targets import NAMED

ARM = NAMED["aarch64"]


@pytest.mark.parametrize(
    "target, instruction",
    [
        (NAMED["avx2"], "llvm.x86.sse42.crc32.64.64"),
        (ARM._replace(features="+neon,+crc"), "llvm.aarch64.crc32cx"),
        (NAMED["baseline"], ""),
        (ARM, ""),
        (ARM._replace(features="-crc,+crypto"), ""),
    ],
    ids=["avx2", "arm with crc", "baseline", "arm", "arm without crc"],
)
def test_the_instruction_is_used_where_it_is_sure_to_be_there(target, instruction):
    text = llvm.text_of(checksums.checksums().make(target), target)
    assert (instruction in text) if instruction else (".crc32" not in text)
    assert len(llvm.assemble(text, target)) > 500
