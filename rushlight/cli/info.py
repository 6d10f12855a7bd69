"""`rushlight info`: what a bug report should say about the machine."""

import argparse
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from ..kernels import allocator, cache, native, targets
from ..version import __version__

CORE = ("numpy", "llvmlite", "ml_dtypes")
# The vector instructions that kernels are generated for, best first.
VECTORS = ("avx512f", "avx2", "avx", "sse4.2", "sve2", "sve", "neon", "simd128")


def main(arguments: list[str]) -> int:
    """Prints versions, processor, threads, and what is compiled."""
    argparse.ArgumentParser("rushlight info", description=main.__doc__).parse_args(arguments)
    for name, value in facts().items():
        print(f"{name:10} {value}")
    return 0


def facts() -> dict[str, str]:
    """The lines of the report, by name."""
    name, vectors = processor()
    return {
        "rushlight": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        **{package: installed_version(package) for package in CORE},
        "system": platform.platform(),
        "processor": name,
        "vectors": vectors,
        "cores": f"{usable_cores()} of {os.cpu_count()} usable",
        "native": native_code(),
        "cache": str(cache.folder() or "none"),
        "allocator": memory_kept(),
    }


def installed_version(package: str) -> str:
    """A package's version, or that it is absent."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def processor() -> tuple[str, str]:
    """The processor's name and vector instructions, as LLVM sees them."""
    try:
        from llvmlite import binding
    except ImportError:
        return platform.machine(), "unknown without llvmlite"
    features = binding.get_host_cpu_features()
    found = [name for name in VECTORS if features.get(name)]
    return f"{binding.get_host_cpu_name()} ({platform.machine()})", " ".join(found) or "none known"


def native_code() -> str:
    """Whether kernels run as machine code, and of what processor."""
    if native.on():
        target = targets.host()
        return f"on, for {target.cpu} with vectors of {target.bits} bits"
    return "off: RUSHLIGHT_JIT=0" if os.environ.get("RUSHLIGHT_JIT") == "0" else "off: all runs on NumPy"


def memory_kept() -> str:
    """Who allocates tensors."""
    found = allocator.current()
    if found is None:
        return "NumPy's own"
    return f"keeps at most {found.counters()['limit'] >> 20} MB for reuse"


def usable_cores() -> int:
    """The cores this process may run on, which a container may have made fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
