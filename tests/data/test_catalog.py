"""`get` against a real HTTP server: resumed, verified, whole or not at all."""

import gzip
import hashlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from nmt.data import catalog
from nmt.data.catalog import CATALOG, Corpus, File, get
from nmt.errors import DataError

TEXTS = {
    name: b"".join(hashlib.sha256(f"{name} {number}".encode()).hexdigest().encode() + b"\n" for number in range(3000))
    for name in ("train.en", "train.de")
}
FILES = tuple(File(name, hashlib.sha256(text).hexdigest()) for name, text in TEXTS.items())


class Server(ThreadingHTTPServer):
    """Serves `content`; sends at most `cut` bytes an answer; knows Range or not; keeps a list of what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content: dict[str, bytes] = {}
        self.cut: int | None = None
        self.knows_range = True
        self.asked: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append((self.path, wanted))
        body = self.server.content.get(self.path.lstrip("/"))
        if body is None:
            self.send_error(404)
            return
        first = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.knows_range else 0
        if first and first >= len(body):
            self.answer(416, b"", f"bytes */{len(body)}")
        elif first:
            self.answer(206, body[first:], f"bytes {first}-{len(body) - 1}/{len(body)}")
        else:
            self.answer(200, body)

    def answer(self, status: int, body: bytes, content_range: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        self.wfile.write(body[: self.server.cut])
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def corpus(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CATALOG, "toy", Corpus("Toy text", "yours to use", server.url, "toy", FILES))
    server.content = {f"{name}.gz": gzip.compress(text, mtime=0) for name, text in TEXTS.items()}


def held(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def refused(**arguments: object) -> DataError:
    with pytest.raises(DataError) as caught:
        get("toy", **arguments)
    return caught.value


def test_files_come_unpacked_from_the_public_address(tmp_path: Path):
    said: list[str] = []
    assert get("toy", destination=tmp_path / "text", say=said.append) == tmp_path / "text"
    assert held(tmp_path / "text") == TEXTS
    assert [path.name for path in tmp_path.iterdir()] == ["text"]
    assert said == [
        "Toy text\nterms: yours to use",
        "train.en: fetched and verified",
        "train.de: fetched and verified",
    ]


def test_the_folder_of_the_catalog_is_below_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert get("toy") == Path("data/toy")
    assert held(tmp_path / "data" / "toy") == TEXTS


def test_another_address_may_have_the_files_plain(server: Server, tmp_path: Path):
    server.content = {f"mirror/{name}": text for name, text in TEXTS.items()}
    get("toy", f"{server.url}/mirror/", tmp_path / "text")
    assert held(tmp_path / "text") == TEXTS


@pytest.mark.parametrize("packed", [True, False])
def test_a_folder_has_the_files_plain_or_packed(packed: bool, server: Server, tmp_path: Path):
    (tmp_path / "copy").mkdir()
    for name, text in TEXTS.items():
        path = tmp_path / "copy" / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(text) if packed else text)
    before = held(tmp_path / "copy")
    get("toy", tmp_path / "copy", tmp_path / "text")
    assert held(tmp_path / "text") == TEXTS
    assert held(tmp_path / "copy") == before
    assert server.asked == []


def test_a_broken_connection_is_taken_up_where_it_broke(server: Server, tmp_path: Path):
    server.cut = max(map(len, server.content.values())) // 2 + 1
    get("toy", destination=tmp_path / "text")
    assert held(tmp_path / "text") == TEXTS
    assert server.asked[:2] == [("/train.en.gz", None), ("/train.en.gz", f"bytes={server.cut}-")]


def test_a_connection_that_keeps_breaking_is_an_error_and_the_next_call_goes_on(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(catalog, "ATTEMPTS", 2)
    server.cut = 100
    error = refused(destination=tmp_path / "text")
    url = f"{server.url}/train.en.gz"
    assert error.message == f"{url}: the connection broke after 200 bytes, 2 times in a row"
    assert error.hint == "give the same command again: it goes on from there"
    assert not (tmp_path / "text").exists()
    server.cut = None
    get("toy", destination=tmp_path / "text")
    assert held(tmp_path / "text") == TEXTS
    assert server.asked[2] == ("/train.en.gz", "bytes=200-")


def test_a_server_without_range_sends_all_of_it_again(server: Server, tmp_path: Path):
    server.knows_range, server.cut = False, 100
    refused(destination=tmp_path / "text")
    server.cut = None
    get("toy", destination=tmp_path / "text")
    assert held(tmp_path / "text") == TEXTS


def test_a_download_that_was_complete_already_is_not_repeated(server: Server, tmp_path: Path):
    partial = tmp_path / ".text.partial"
    partial.mkdir()
    (partial / "train.en.gz.part").write_bytes(server.content["train.en.gz"])
    get("toy", destination=tmp_path / "text")
    assert held(tmp_path / "text") == TEXTS


def test_a_part_longer_than_the_file_is_begun_anew(server: Server, tmp_path: Path):
    partial = tmp_path / ".text.partial"
    partial.mkdir()
    (partial / "train.en.gz.part").write_bytes(b"x" * 10_000_000)
    get("toy", destination=tmp_path / "text")
    assert held(tmp_path / "text") == TEXTS


def test_files_verified_by_an_earlier_call_are_not_fetched_again(server: Server, tmp_path: Path):
    german = server.content.pop("train.de.gz")
    refused(destination=tmp_path / "text")
    server.content["train.de.gz"], server.asked = german, []
    get("toy", destination=tmp_path / "text")
    assert held(tmp_path / "text") == TEXTS
    assert [path for path, _ in server.asked] == ["/train.de.gz"]


@pytest.mark.parametrize("damage", ["other text", "no gzip", "half a gzip", "a wrong byte"])
def test_damaged_content_is_refused_and_nothing_appears(damage: str, server: Server, tmp_path: Path):
    good = server.content["train.de.gz"]
    server.content["train.de.gz"] = {
        "other text": gzip.compress(b"drei\n"),
        "no gzip": b"<html>not here</html>",
        "half a gzip": good[: len(good) // 2],
        "a wrong byte": good[:50] + bytes([good[50] ^ 1]) + good[51:],
    }[damage]
    error = refused(destination=tmp_path / "text")
    expected = FILES[1].sha256[:12]
    assert error.message == f"{server.url}: train.de is not the catalog's file (its SHA-256 should be {expected}…)"
    assert not (tmp_path / "text").exists()
    server.content["train.de.gz"] = good
    get("toy", destination=tmp_path / "text")
    assert held(tmp_path / "text") == TEXTS


def test_a_file_the_server_lacks_is_an_error(server: Server, tmp_path: Path):
    del server.content["train.de.gz"]
    error = refused(destination=tmp_path / "text")
    assert error.message == f"{server.url}/train.de: the server answers 404 Not Found"
    assert not (tmp_path / "text").exists()


def test_a_server_that_is_not_there_is_an_error(tmp_path: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    error = refused(origin=url, destination=tmp_path / "text")
    assert error.message.startswith(f"{url}/train.en.gz: cannot be reached (")
    assert error.hint == "give a copy of the files with --from"


def test_a_folder_without_the_files_is_an_error(tmp_path: Path):
    error = refused(origin=tmp_path, destination=tmp_path / "text")
    assert error.message == f"{tmp_path / 'train.en'}: no such file"


def test_a_complete_folder_is_left_as_it_is(server: Server, tmp_path: Path):
    get("toy", destination=tmp_path / "text")
    server.asked = []
    get("toy", destination=tmp_path / "text")
    assert server.asked == []
    assert held(tmp_path / "text") == TEXTS


def test_what_is_missing_is_added_and_other_files_stay(tmp_path: Path):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "notes").write_bytes(b"mine")
    (tmp_path / "text" / "train.en").write_bytes(TEXTS["train.en"])
    get("toy", destination=tmp_path / "text")
    assert held(tmp_path / "text") == {**TEXTS, "notes": b"mine"}
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


def test_a_file_of_yours_is_never_overwritten(tmp_path: Path):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "train.de").write_bytes(b"mine")
    error = refused(destination=tmp_path / "text")
    assert error.message == f"{tmp_path / 'text' / 'train.de'}: is there, and is not the catalog's file"
    assert held(tmp_path / "text") == {"train.de": b"mine"}


def test_a_file_cannot_be_the_folder(tmp_path: Path):
    (tmp_path / "text").write_bytes(b"mine")
    assert refused(destination=tmp_path / "text").message == f"{tmp_path / 'text'}: is a file, not a folder"


def test_an_unknown_corpus_names_the_nearest(tmp_path: Path):
    with pytest.raises(DataError) as caught:
        get("multi30k", destination=tmp_path)
    assert caught.value.message == "no corpus 'multi30k' in the catalog"
    assert "did you mean 'multi30k-en-de'?" in caught.value.hint


def test_the_checksums_of_multi30k_are_those_of_the_shared_copy(tmp_path: Path):
    shared = Path(__file__).parents[3] / "shared" / "data" / "multi30k-en-de"
    if not shared.is_dir():
        pytest.skip(f"needs the corpus folder {shared}, which is not there")
    get("multi30k-en-de", shared, tmp_path / "multi30k")
    assert held(tmp_path / "multi30k") == held(shared)
