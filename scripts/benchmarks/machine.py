"""What the machine is, what it can do at best, and what a process has used of it."""

import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import torch

FLAGS = ("fma", "avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8")
KEPT = ("MALLOC_", "GLIBC_", "OMP_", "MKL_", "KMP_", "GOMP_", "DNNL_", "ONEDNN_", "LRU_", "LD_PRELOAD", "TORCH", "NMT_")
SHAPES = ((2048, 2048, 2048), (4096, 256, 1024), (4096, 1024, 256), (4096, 256, 8000))


def describe(threads: int, device: str) -> dict[str, Any]:
    """Processor, versions, commit and all variables of the environment that change speed."""
    info = _cpu_info()
    return {
        "machine": {
            "processor": info.get("model name", platform.processor()),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "flags": [flag for flag in FLAGS if flag in info.get("flags", "").split()],
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
            "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu",
        },
        "python": platform.python_version(),
        "torch": torch.__version__,
        "commit": commit(),
        "threads": threads,
        "environment": {name: value for name, value in sorted(os.environ.items()) if name.startswith(KEPT)},
    }


def _cpu_info() -> dict[str, str]:
    """The first processor's lines of /proc/cpuinfo, where there is one."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").split("\n\n")[0].splitlines() if path.exists() else []
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


@cache
def commit() -> str:
    """The commit of the working tree when this process first asks, with `+changes` where tracked files other than
    documents differ from it; `unknown` without git."""
    if shutil.which("git") is None:
        return "unknown"
    changes = ("status", "--porcelain", "--untracked-files=no", "--", ":!docs", ":!README.md")
    found = [
        subprocess.run(["git", *arguments], capture_output=True, text=True, check=False).stdout.strip()
        for arguments in (("rev-parse", "--short=12", "HEAD"), changes)
    ]
    return (found[0] or "unknown") + ("+changes" if found[1] else "")


def product_rates(threads: int, device: str, seconds: float = 0.1) -> dict[str, float]:
    """GFLOP/s of the fastest of SHAPES in float32 and bfloat16: m × k by k × n products into a kept result."""
    torch.set_num_threads(threads)
    rates = {}
    for dtype in (torch.float32, torch.bfloat16):
        rates[str(dtype).removeprefix("torch.")] = max(_product_rate(shape, dtype, device, seconds) for shape in SHAPES)
    return rates


def _product_rate(shape: tuple[int, int, int], dtype: torch.dtype, device: str, seconds: float) -> float:
    m, k, n = shape
    left, right = (torch.randn(*size).to(device, dtype) for size in ((m, k), (n, k)))
    result = torch.empty(m, n, dtype=dtype, device=device)

    def multiply() -> None:
        torch.mm(left, right.t(), out=result)
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)

    multiply()
    return 2 * m * k * n / median(_seconds(multiply, seconds) for _ in range(5)) / 1e9


def _seconds(work: Callable[[], None], at_least: float) -> float:
    """Mean seconds of a call, over as many calls as fill `at_least`."""
    calls, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < at_least or not calls:
        work()
        calls += 1
    return elapsed / calls


def peak_memory() -> int:
    """Bytes of the largest resident set of this process. (`ru_maxrss` would count its parent's, from before exec.)"""
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(_field(status, "VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def resident_memory() -> int:
    """Bytes of the present resident set (the largest so far where the system does not tell)."""
    status = Path("/proc/self/status")
    return 1024 * int(_field(status, "VmRSS")) if status.exists() else peak_memory()


def _field(status: Path, name: str) -> str:
    lines = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
    return lines[name].split()[0]
