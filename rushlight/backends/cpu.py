"""torch.backends.cpu: what the processor can do."""

from ..kernels import native, targets


def get_cpu_capability() -> str:
    """The vector instructions that kernels are written for: "AVX512", "AVX2", or "DEFAULT" for any other."""
    target = targets.host() if native.on() else targets.NAMED["baseline"]
    return {512: "AVX512", 256: "AVX2"}.get(target.bits, "DEFAULT")
