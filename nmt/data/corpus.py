"""Text files to lines and sentence pairs: strict UTF-8, split at `\\n` only, read as they are needed.

A `\\r` before the `\\n` and a byte-order mark at the start of a file are format, not text.
Every complaint is a DataError that names the file and the line.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO, NamedTuple

from nmt.errors import DataError

BOM = b"\xef\xbb\xbf"
_HALF = re.compile("[\ud800-\udfff]")
MAX_LINE = 1 << 26  # bytes: what has longer lines is no text
_OTHER_FORMATS = {
    b"\xff\xfe": "looks like UTF-16: iconv -f UTF-16 -t UTF-8",
    b"\xfe\xff": "looks like UTF-16: iconv -f UTF-16 -t UTF-8",
    b"\x1f\x8b": "looks packed: gunzip it first",
    b"BZh": "looks packed: bunzip2 it first",
    b"\xfd7zXZ": "looks packed: unxz it first",
    b"PK\x03\x04": "looks packed: unzip it first",
}


class Pair(NamedTuple):
    """A sentence in all source texts and in the target; the 0-based number of its line in the whole corpus; and what
    its document lies in: the 0-based number of its file, and the document's id where ids are given."""

    line: int
    sources: tuple[str, ...]
    target: str
    document: tuple[int, str] = (0, "")


def open_text(path: Path) -> BinaryIO:
    """The file's bytes. Raises: DataError when there is no such file, it is a folder, or may not be read."""
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file", _nearest(path)) from error
    except IsADirectoryError as error:
        raise DataError(f"{path}: is a folder, not a text file", "name a file in it") from error
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError as error:  # a NUL, or half a character
        raise DataError(f"{str(path)!r}: no file can have this name") from error


def unreadable(name: object, error: OSError) -> DataError:
    """What the operating system refuses to read."""
    return DataError(f"{name}: cannot be read: {error.strerror or error}")


def _nearest(path: Path) -> str:
    """What the user may have meant: the first folder that is missing, or the file with the nearest name."""
    missing = next((folder for folder in reversed(path.parents) if not folder.is_dir()), None)
    wanted = missing or path
    names: list[str] = []
    with suppress(OSError):
        names = [entry.name for entry in wanted.parent.iterdir()]
    alike = [name for name in names if Path(name).suffix == wanted.suffix]
    near = get_close_matches(wanted.name, alike, n=1) or get_close_matches(wanted.name, names, n=1, cutoff=0.8)
    if near:
        return f"did you mean {wanted.parent / near[0]}?"
    return f"the folder {missing} does not exist" if missing else f"look into the folder {path.parent}"


def raw_lines(file: BinaryIO, name: object) -> Iterator[bytes]:
    """Lines as bytes, without their ends and without the byte-order mark.

    Raises: DataError for a line of more than MAX_LINE bytes, and where the operating system refuses to go on.
    """
    try:
        for number, line in enumerate(iter(partial(file.readline, MAX_LINE + 1), b""), 1):
            if len(line) > MAX_LINE:
                raise DataError(f"{name}:{number}: a line of more than {MAX_LINE >> 20} MiB", "is it text?")
            text = line.removesuffix(b"\n").removesuffix(b"\r")
            yield text.removeprefix(BOM) if number == 1 else text
    except OSError as error:
        raise unreadable(name, error) from error


def strictly(line: bytes) -> str:
    """The text of UTF-8 bytes, or an error."""
    return line.decode("utf-8")


def with_halves(line: bytes) -> str:
    """The text of UTF-8 bytes; each byte that is none becomes half a character, which no text has (`is_text`)."""
    return line.decode("utf-8", "surrogateescape")


def is_text(line: str) -> bool:
    """Whether it has no half characters."""
    return not _HALF.search(line)


def readable(line: str) -> str:
    """The line with U+FFFD for each half character."""
    return _HALF.sub("\ufffd", line)


def read_lines(path: Path, decode: Callable[[bytes], str] = strictly) -> Iterator[str]:
    """Lines of a UTF-8 file. Raises: DataError for a file that cannot be read or a line that is not UTF-8."""
    with open_text(path) as file:
        yield from decoded(file, path, "`nmt data check --json` lists such lines, up to 10,000", decode)


def decoded(file: BinaryIO, name: object, hint: str, decode: Callable[[bytes], str] = strictly) -> Iterator[str]:
    """Lines of UTF-8 bytes. Raises: DataError as `raw_lines`, where the bytes are of another format, and, with the
    hint, for a line that `decode` refuses."""
    for number, line in enumerate(raw_lines(file, name), 1):
        other = other_format(line) if number == 1 else ""
        try:
            text = strictly(line) if other else decode(line)
        except UnicodeDecodeError as error:
            byte, column = line[error.start], len(line[: error.start].decode("utf-8")) + 1
            message = f"{name}:{number}: not valid UTF-8 (byte {byte:#04x} at column {column})"
            raise DataError(message, f"{name} {other}" if other else hint) from error
        if other:
            raise DataError(f"{name}:1: every second byte is NUL, as in UTF-16", f"{name} {other}")
        yield text


def other_format(first_line: bytes) -> str:
    """What a file looks like whose first line is no UTF-8 text, and what makes text of it; nothing of any other.

    UTF-16 without its mark, of Latin letters, has NUL for every second byte, which may all be UTF-8.
    """
    if 1 < len(first_line) <= 2 * first_line.count(b"\0") + 1:
        return f"looks like UTF-16: iconv -f UTF-16{'LE' if first_line[0] else 'BE'} -t UTF-8"
    known = next((words for start, words in _OTHER_FORMATS.items() if first_line.startswith(start)), "")
    return known if known and not is_text(with_halves(first_line)) else ""


def check_formats(paths: Sequence[Path]) -> None:
    """Raises: DataError as `read_lines` for a file whose first line is of another format: what is counted or compared
    of it says nothing."""
    for path in dict.fromkeys(paths):
        with open_text(path) as file:
            next(decoded(file, path, "", with_halves), "")


def read_rows(paths: Sequence[Path], decode: Callable[[bytes], str] = strictly) -> Iterator[tuple[str, ...]]:
    """The lines of files in step.

    Raises: DataError as `read_lines`, and at their end when the files differ in their number of lines.
    """
    counts = [0] * len(paths)
    for lines in zip_longest(*(read_lines(path, decode) for path in paths)):
        row = tuple(line for line in lines if line is not None)
        if len(row) == len(paths):
            yield row
        for place, line in enumerate(lines):
            counts[place] += line is not None
    check_equal(paths, counts)


def read_pairs(
    sources: Sequence[Sequence[Path]], targets: Sequence[Path], documents: Sequence[Path] = ()
) -> Iterator[Pair]:
    """Sentence pairs of files that go together, numbered through: the k-th file of each source text, the k-th target
    file and, if given, the k-th file of document ids.

    Raises: DataError as `read_rows`, and for files without a line.
    """
    first, width = 0, len(sources)
    for number, target in enumerate(targets):
        paths = [*(text[number] for text in sources), target, *documents[number : number + 1]]
        count = 0
        for row in read_rows(paths):
            yield Pair(first + count, row[:width], row[width], (number, "".join(row[width + 1 :])))
            count += 1
        check_counts(paths, [count] * len(paths))
        first += count


def check_equal(paths: Sequence[Path], counts: Sequence[int]) -> None:
    """Raises: DataError when the numbers of lines differ."""
    for path, count in zip(paths, counts, strict=True):
        if count != counts[0]:
            raise DataError(
                f"{paths[0]} has {counts[0]} lines and {path} has {count};"
                " line n of one belongs to line n of the other",
                f"`nmt data check --source {paths[0]} --target {path}` shows blank lines and odd lengths",
            )


def check_counts(paths: Sequence[Path], counts: Sequence[int]) -> None:
    """Raises: DataError when the numbers of lines differ or are zero."""
    check_equal(paths, counts)
    if counts[0] == 0:
        others = " and ".join(str(path) for path in dict.fromkeys(paths) if path != paths[0])
        message = f"{paths[0]}: empty" + (f", as is {others}" if others else "")
        raise DataError(message, "name files that have lines")


def is_blank(line: str) -> bool:
    """Whether a line has nothing visible."""
    return not line.strip()
