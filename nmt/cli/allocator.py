"""Memory, set up for tensors before the first of them is made.

glibc hands large blocks back to the system when they are freed, and takes them anew in pages of 4 KiB: a training
step or a search then spends much of its time on clearing pages and on finding them again. Kept blocks in huge pages
of 2 MiB have neither cost. glibc reads its settings once, when a program starts, so the program is started again.

oneDNN, which multiplies bfloat16 matrices for torch, keeps the compiled kernels of the last 1,024 shapes, and torch's
binding to it as many again. A training meets new shapes all the time: they came to hold more than the model.
"""

import os
import sys
from collections.abc import Sequence

COMPUTING = {"train", "translate", "evaluate", "align"}
TUNABLES = ":".join(
    (
        "glibc.malloc.hugetlb=1",  # ask for huge pages, which the kernel gives where it may
        "glibc.malloc.mmap_threshold=33554432",  # blocks up to 32 MiB, the most it takes, come from kept memory,
        "glibc.malloc.trim_threshold=268435456",  # of which 256 MiB may stay while it is free;
        "glibc.malloc.arena_max=1",  # threads have no heaps of their own, which would be handed back at each step
    )
)
KERNELS = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "32", "LRU_CACHE_CAPACITY": "8"}
SETTINGS = {"GLIBC_TUNABLES": TUNABLES, **KERNELS}


def start_tuned(arguments: Sequence[str]) -> None:
    """Start this program again with SETTINGS, before a command that computes; else do nothing.

    What is set already is the user's own word; where GLIBC_TUNABLES is, or where there is no glibc, this program goes
    on with the rest.
    """
    if not arguments or arguments[0] not in COMPUTING or {"-h", "--help"} & set(arguments):
        return
    os.environ.update({name: value for name, value in KERNELS.items() if name not in os.environ})
    if sys.executable and "GLIBC_TUNABLES" not in os.environ and _is_glibc():
        os.execve(
            sys.executable,
            [sys.executable, *sys.orig_argv[1:]],
            {**os.environ, "GLIBC_TUNABLES": TUNABLES},
        )


def _is_glibc() -> bool:
    try:
        return sys.platform == "linux" and (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (ValueError, OSError):
        return False
