"""The number of threads: what is asked for is what is told, and what NumPy's OpenBLAS gets."""

import subprocess
import sys

import pytest

import rushlight as torch
from rushlight import threads


def test_set_and_get():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("n", "error"), [(0, RuntimeError), (1.5, TypeError)])
def test_refused(n, error):
    with pytest.raises(error, match="set_num_threads expects"):
        torch.set_num_threads(n)


def test_openblas_is_told():
    if not threads._openblas():
        pytest.skip("this NumPy brings no OpenBLAS of its own")
    program = (
        "import rushlight as torch; from rushlight import threads; torch.set_num_threads(1); "
        "print([getattr(lib, 'scipy_openblas_get_num_threads64_')() for lib in threads._openblas()])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "[1]"
