"""The C library's allocator, set for tensors before the first of them is made.

glibc hands large blocks back to the system when they are freed, and takes them anew in pages of 4 KiB: a training
step or a search then spends much of its time on clearing pages and on finding them again. Kept blocks in huge pages
of 2 MiB have neither cost. glibc reads its settings once, when a program starts, so the program is started again.
"""

import os
import sys
from collections.abc import Sequence

COMPUTING = {"train", "translate", "evaluate", "align"}
TUNABLES = ":".join(
    (
        "glibc.malloc.hugetlb=1",  # ask for huge pages, which the kernel gives where it may
        "glibc.malloc.mmap_threshold=33554432",  # blocks up to 32 MiB come from memory that is kept,
        "glibc.malloc.trim_threshold=1073741824",  # of which 1 GiB may stay while it is free
    )
)


def start_tuned(arguments: Sequence[str]) -> None:
    """Start this program again with TUNABLES, before a command that computes; else do nothing.

    Nothing is done either where GLIBC_TUNABLES is set already, the user's own word, or where there is no glibc.
    """
    computes = bool(arguments) and arguments[0] in COMPUTING and not {"-h", "--help"} & set(arguments)
    if computes and sys.executable and "GLIBC_TUNABLES" not in os.environ and _is_glibc():
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
