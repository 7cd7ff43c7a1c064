"""A small catalog of public corpora, and `get`, which puts one of them into a folder.

Resumable: what was fetched stays in `.<folder>.partial` beside the folder, and a broken download goes on where it
stopped (HTTP Range). Verified: every file has its SHA-256 here, of the text when it travels packed. Whole or not at
all: nothing appears in the folder before every file is there and right.
"""

import gzip
import hashlib
import os
import zlib
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from nmt.data.corpus import open_text
from nmt.errors import DataError
from nmt.settings import did_you_mean
from nmt.storage.files import written_whole

ATTEMPTS = 3
TIMEOUT = 30.0
BLOCK = 1 << 16


class File(NamedTuple):
    """A text file by its name in the folder and the SHA-256 of its bytes."""

    name: str
    sha256: str


class Corpus(NamedTuple):
    """origin: the address below which the files lie, plain or with `.gz`; folder: where they go below `data/`."""

    title: str
    terms: str
    origin: str
    folder: str
    files: tuple[File, ...]


CATALOG = {
    "multi30k-en-de": Corpus(
        title="Multi30k task 1, English–German: 29,000 / 1,014 / 1,000 image descriptions (Elliott et al. 2016)",
        terms="for research and education only, under Flickr30k's terms; do not pass it on",
        origin="https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw",
        folder="multi30k",
        files=(
            File("train.en", "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6"),
            File("train.de", "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72"),
            File("val.en", "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227"),
            File("val.de", "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660"),
            File("test_2016_flickr.en", "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182"),
            File("test_2016_flickr.de", "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16"),
        ),
    )
}


class _NotThereError(DataError):
    """The origin has no file of that name."""


def get(
    name: str,
    origin: str | Path | None = None,
    destination: str | Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Put the corpus `name` into `destination` (data/<its folder>) and give that folder back.

    origin: a folder or an http(s) address that has the files, plain or with `.gz`; the public one when not given.
    The terms are said first, then a line a file. Raises: DataError; calling again goes on where it stopped.
    """
    corpus = _find(name)
    folder = Path(destination) if destination else Path("data") / corpus.folder
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder}: is a file, not a folder", "choose another folder with --to")
    say(f"{corpus.title}\nterms: {corpus.terms}")
    try:
        missing = [file for file in corpus.files if not _has(folder, file)]
        staging = folder.parent / f".{folder.name}.partial"
        for file in missing:
            staging.mkdir(parents=True, exist_ok=True)
            _fetch(file, str(origin or corpus.origin), staging)
            say(f"{file.name}: fetched and verified")
        if missing:
            _move(missing, staging, folder)
    except OSError as error:
        raise DataError(f"{error.filename or folder}: {error.strerror or error}") from error
    return folder


def _find(name: str) -> Corpus:
    if name not in CATALOG:
        raise DataError(f"no corpus {name!r} in the catalog", did_you_mean(name, CATALOG))
    return CATALOG[name]


def _has(folder: Path, file: File) -> bool:
    """Whether the file is in its place. Raises: DataError when another file has its name."""
    path = folder / file.name
    if not path.exists():
        return False
    if _sha256(path) != file.sha256:
        raise DataError(
            f"{path}: is there, and is not the catalog's file", "move it away, or choose another folder with --to"
        )
    return True


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open_text(path) as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _fetch(file: File, origin: str, staging: Path) -> None:
    """Bring a verified copy of the file to `staging`, unless an earlier call has."""
    complete = staging / file.name
    if complete.exists() and _sha256(complete) == file.sha256:
        return
    is_url = origin.startswith(("http://", "https://"))
    packed = _download(origin, file, staging) if is_url else _local(Path(origin), file)
    is_right = _unpack(packed, complete) and _sha256(complete) == file.sha256
    if is_url:
        packed.unlink()
    if not is_right:
        complete.unlink(missing_ok=True)
        raise DataError(
            f"{origin}: {file.name} is not the catalog's file (its SHA-256 should be {file.sha256[:12]}…)",
            "it was damaged on the way, or has changed; try again, or give a copy with --from",
        )


def _local(folder: Path, file: File) -> Path:
    """The file in a folder, plain or packed."""
    packed = folder / f"{file.name}.gz"
    return packed if packed.exists() and not (folder / file.name).exists() else folder / file.name


def _unpack(packed: Path, complete: Path) -> bool:
    """Copy a file, unpacking `.gz`; false when it is no whole gzip file."""
    with open_text(packed) as raw, written_whole(complete) as out:
        source = gzip.GzipFile(fileobj=raw) if ".gz" in packed.suffixes else raw
        try:
            _copy(source, out)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            return False
    return True


def _copy(source: BinaryIO | gzip.GzipFile | HTTPResponse, out: BinaryIO) -> int:
    """Copy to the end; the number of bytes."""
    copied = 0
    while block := source.read(BLOCK):
        copied += out.write(block)
    return copied


def _download(origin: str, file: File, staging: Path) -> Path:
    """The file as the server has it, packed when it has it so."""
    for ending in (".gz", ""):
        try:
            return _complete(f"{origin.rstrip('/')}/{file.name}{ending}", staging / f"{file.name}{ending}.part")
        except _NotThereError as error:
            missing = error
    raise missing


def _complete(url: str, part: Path) -> Path:
    """Download to `part`, from where it ends now. Raises: DataError; what has come stays in `part`."""
    for _ in range(ATTEMPTS):
        if _continue(url, part):
            return part
    size = part.stat().st_size if part.exists() else 0
    raise DataError(
        f"{url}: the connection broke after {size} bytes, {ATTEMPTS} times in a row",
        "give the same command again: it goes on from there",
    )


def _continue(url: str, part: Path) -> bool:
    """One request for what is missing; true when nothing is missing any more."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "nmt"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with urlopen(Request(url, headers=headers), timeout=TIMEOUT) as response:
            return _receive(response, part, have)
    except HTTPError as error:
        with error:
            return _refused(error, url, part, have)
    except URLError as error:
        raise DataError(f"{url}: cannot be reached ({error.reason})", "give a copy of the files with --from") from error
    except (HTTPException, ConnectionError, TimeoutError):
        return False


def _receive(response: HTTPResponse, part: Path, have: int) -> bool:
    """Write what comes; a server without Range sends all of it again. True when as much came as was announced."""
    goes_on = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
    announced = response.headers.get("Content-Length")
    with part.open("ab" if goes_on else "wb") as out:
        received = _copy(response, out)
    return announced is None or received == int(announced)


def _refused(error: HTTPError, url: str, part: Path, have: int) -> bool:
    """What an HTTP error means: 416, that nothing follows what we have; anything else is raised."""
    if error.code == 416:
        if error.headers.get("Content-Range") == f"bytes */{have}":
            return True
        part.unlink()
        return False
    kind = _NotThereError if error.code == 404 else DataError
    raise kind(f"{url}: the server answers {error.code} {error.reason}", "give another address or a folder with --from")


def _move(files: list[File], staging: Path, folder: Path) -> None:
    """Give the verified files their place: the folder in one step where it is new, else file by file."""
    names = [file.name for file in files]
    for left in staging.iterdir():
        if left.name not in names:
            left.unlink()
    if not folder.exists():
        staging.rename(folder)
        return
    for name in names:
        os.replace(staging / name, folder / name)
    staging.rmdir()
