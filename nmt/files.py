"""Files that appear whole or not at all: write beside, flush to the disk, rename."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from nmt.errors import DataError


@contextmanager
def written_whole(path: Path | str) -> Iterator[BinaryIO]:
    """A binary file that becomes `path` when the block ends, and leaves nothing behind when the block fails.

    Missing folders are made; an older file of that name stays as it is until the new one is complete.
    Raises: DataError when the operating system refuses the folder or the file.
    """
    target = Path(path)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(beside, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"{target}: cannot be written ({reason})"
        raise DataError(message, "Is there room, and is the folder yours?") from error
    finally:
        with suppress(OSError):
            beside.unlink()
