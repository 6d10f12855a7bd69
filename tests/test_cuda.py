"""torch.cuda where there is no GPU: the answers and errors of a PyTorch built without CUDA."""

import pytest

import rushlight
from rushlight import cuda

QUIET = [
    "is_available()",
    "device_count()",
    "is_initialized()",
    "is_bf16_supported()",
    "empty_cache()",
    "manual_seed(0)",
    "manual_seed_all(0)",
    "seed_all()",
    "get_rng_state_all()",
    "memory_allocated()",
    "max_memory_allocated(0)",
    "memory_reserved()",
]
LOUD = [
    "init()",
    "current_device()",
    "synchronize()",
    "get_device_name(0)",
    "get_device_capability()",
    "get_device_properties(0)",
    "current_stream()",
]


@pytest.mark.parametrize("call", QUIET)
def test_answers_as_torch_without_cuda(call):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this torch has a GPU")
    ours, theirs = eval(f"cuda.{call}", {"cuda": cuda}), eval(f"cuda.{call}", {"cuda": torch.cuda})
    assert ours == theirs and type(ours) is type(theirs)


@pytest.mark.parametrize("call", LOUD)
def test_what_needs_a_gpu_says_so(call):
    name = call.partition("(")[0]
    with pytest.raises(AssertionError, match=rf"torch\.cuda\.{name}: Torch not compiled with CUDA enabled"):
        eval(f"cuda.{call}", {"cuda": cuda})


def test_the_usual_block():
    device = rushlight.device("cuda" if rushlight.cuda.is_available() else "cpu")
    assert rushlight.ones(2, device=device).device.type == "cpu"


def test_all_is_there():
    assert [name for name in cuda.__all__ if not hasattr(cuda, name)] == []
    with pytest.raises(AttributeError, match=r"torch\.cuda.*is_availible.*is_available"):
        cuda.is_availible  # noqa: B018
