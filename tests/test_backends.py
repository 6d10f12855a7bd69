"""torch.backends: settings are kept, nothing claims to be available."""

import importlib

import pytest

import rushlight
from rushlight import backends

MODULES = ["cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp", "opt_einsum"]
SETTINGS = """
    cudnn.enabled cudnn.benchmark cudnn.deterministic cudnn.allow_tf32 cudnn.benchmark_limit
    cudnn.conv.fp32_precision cuda.matmul.allow_tf32 cuda.matmul.fp32_precision fp32_precision
    cuda.matmul.allow_fp16_reduced_precision_reduction mkldnn.enabled mkldnn.deterministic mkldnn.allow_tf32
""".split()
ANSWERS = """
    cudnn.is_available cudnn.version mps.is_available mps.is_built cuda.is_built cuda.flash_sdp_enabled
    cuda.is_flash_attention_available cuda.math_sdp_enabled cuda.mem_efficient_sdp_enabled
    cuda.cudnn_sdp_enabled
""".split()


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_start_as_in_torch_and_may_be_set(name, monkeypatch):
    *path, last = name.split(".")
    owner = eval(".".join(["backends", *path]))
    torch = pytest.importorskip("torch")
    assert getattr(owner, last) == eval(f"torch.backends.{name}", {"torch": torch})
    monkeypatch.setattr(owner, last, "changed")
    assert eval(f"backends.{name}") == "changed"


@pytest.mark.parametrize("call", ANSWERS)
def test_answers_as_torch_without_accelerators(call):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("this torch has an accelerator")
    assert eval(f"backends.{call}()") == eval(f"torch.backends.{call}()", {"torch": torch})


@pytest.mark.parametrize("name", MODULES)
def test_modules_import_by_their_path_and_by_attribute(name):
    module = importlib.import_module(f"rushlight.backends.{name}")
    assert getattr(rushlight.backends, name) is module
    assert name == "cpu" or not getattr(module, "is_available", lambda: False)()


def test_cudnn_flags_hold_within_the_context_only():
    cudnn = backends.cudnn
    with cudnn.flags(enabled=False, benchmark=True, allow_tf32=False):
        assert (cudnn.enabled, cudnn.benchmark, cudnn.allow_tf32) == (False, True, False)
    assert (cudnn.enabled, cudnn.benchmark, cudnn.allow_tf32) == (True, False, True)
    with pytest.raises(ValueError), cudnn.flags():
        raise ValueError
    assert cudnn.enabled is True


def test_cudnn_set_flags_gives_what_was():
    cudnn = backends.cudnn
    before = cudnn.set_flags(_benchmark=True)
    assert before == (True, False, None, False, True) and cudnn.benchmark is True and cudnn.enabled is True
    cudnn.set_flags(*before)
    assert cudnn.benchmark is False


def test_mkldnn_flags():
    with backends.mkldnn.flags(enabled=False):
        assert not backends.mkldnn.enabled
    assert backends.mkldnn.enabled


def test_kernels_of_attention_are_kept():
    cuda = backends.cuda
    with cuda.sdp_kernel(enable_flash=False, enable_cudnn=False):
        enabled = cuda.flash_sdp_enabled(), cuda.math_sdp_enabled(), cuda.cudnn_sdp_enabled()
        assert enabled == (False, True, False)
        cuda.enable_math_sdp(False)
        assert not cuda.math_sdp_enabled()
    assert cuda.flash_sdp_enabled() and cuda.math_sdp_enabled() and cuda.mem_efficient_sdp_enabled()


def test_an_unknown_library_is_an_error():
    with pytest.raises(AttributeError, match="cudnn"):
        backends.cudn  # noqa: B018


def test_cpu_capability_is_what_kernels_are_written_for(monkeypatch):
    cpu = backends.cpu
    for name, answer in (("avx512", "AVX512"), ("avx2", "AVX2"), ("baseline", "DEFAULT")):
        monkeypatch.setattr(cpu.targets, "host", lambda name=name: cpu.targets.NAMED[name])
        monkeypatch.setattr(cpu.native, "on", lambda: True)
        assert cpu.get_cpu_capability() == answer
    monkeypatch.setattr(cpu.native, "on", lambda: False)
    assert cpu.get_cpu_capability() == "DEFAULT"
