"""What text scraped from anywhere holds, and files that are no text: a value, or one error with file and line."""

import bz2
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nmt.data import corpus, prepare
from nmt.data.check import check
from nmt.data.corpus import read_lines, read_pairs
from nmt.data.digests import Unchanged, digest
from nmt.data.settings import DataSettings
from nmt.errors import DataError
from nmt.settings import members
from nmt.text.listed import Word
from nmt.text.tokenizers import TokenizerOptions, Tokenizers, save_tokenizers

WORDS = Word.Options(vocabulary_size=50)
ODD = {
    "NUL": "a\0b",
    "a byte-order mark in mid-file": "\ufeffa",
    "line separator": "a\u2028b",
    "paragraph separator": "a\u2029b",
    "next line": "a\u0085b",
    "carriage return": "a\rb",
    "zero-width": "a\u200bb\u200dc\u2060",
    "right-to-left marks": "a\u200fשלום\u202eb\u202c",
    "combining characters": "e\u0301o\u0308\u0323n\u0303",
    "emoji sequences": "👩‍👩‍👧‍👦 👍🏽 🇩🇪 🏴\U000e0067\U000e0062\U000e007f",
    "TAB": "a\tb",
    "no character": "\ufdd0\U0010ffff",
    "private use": "\ue581\ue5810",
    "special pieces": "<unk> </s> ▁",
}


def settings(directory: Path, source: bytes = b"a b\nc\n", target: bytes = b"x\ny z\n", **more: object) -> DataSettings:
    (directory / "a").write_bytes(source)
    (directory / "b").write_bytes(target)
    files = {"source": str(directory / "a"), "target": str(directory / "b")}
    return DataSettings.model_validate({"train": files, "valid": files, **more})


def made(data: DataSettings, directory: Path) -> prepare.Prepared:
    return prepare.prepare(data, WORDS, 1, directory / "cache")


def refusal(act: Callable[[], object]) -> DataError:
    with pytest.raises(DataError) as caught:
        act()
    return caught.value


# ---- characters


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_odd_characters_are_text_and_stay_on_their_line(odd: str, tmp_path: Path):
    (tmp_path / "a").write_text(f"x\n{odd}\ny\n", newline="")
    assert list(read_lines(tmp_path / "a")) == ["x", odd, "y"]


@pytest.mark.parametrize("name", members(TokenizerOptions))
def test_odd_characters_come_out_of_the_store_as_they_went_in(name: str, tmp_path: Path):
    lines = [line for line in ODD.values() if name != "word" or " ".join(line.split()) == line]
    text = "".join(f"x\n{line}\n" for line in lines).encode()
    options = members(TokenizerOptions)[name].model_validate({"vocabulary_size": 150})
    prepared = prepare.prepare(settings(tmp_path, text, text), options, 1, tmp_path / "cache")
    tokenizer = prepared.tokenizers.source
    assert prepared.valid_sources[1::2] == lines
    assert prepared.train.lines.tolist() == list(range(2 * len(lines)))
    assert [tokenizer.decode(tokenizer.encode(line)) for line in lines] == lines


@pytest.mark.parametrize("line", [b"a\xed\xa0\x80", b"\xed\xb0\x80", b"\xc0\x80", b"\xf5\x80\x80\x80", b"\xff"])
def test_surrogates_and_other_bytes_that_are_no_utf8_are_refused_with_file_and_line(line: bytes, tmp_path: Path):
    (tmp_path / "a").write_bytes(b"fine\n" + line + b"\n")
    assert refusal(lambda: list(read_lines(tmp_path / "a"))).message.startswith(f"{tmp_path / 'a'}:2: not valid UTF-8")


# ---- other formats


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_its_mark_is_refused_though_its_bytes_are_utf8(encoding: str, tmp_path: Path):
    (tmp_path / "a").write_bytes("Ein Satz.\nNoch einer.\n".encode(encoding))
    error = refusal(lambda: list(read_lines(tmp_path / "a")))
    assert error.message == f"{tmp_path / 'a'}:1: every second byte is NUL, as in UTF-16"


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("ä b\nc\n".encode("utf-16"), "looks like UTF-16: iconv -f UTF-16 -t UTF-8"),
        ("ä b\nc\n".encode("utf-16-le"), "looks like UTF-16: iconv -f UTF-16LE -t UTF-8"),
        ("a b\nc\n".encode("utf-16-be"), "looks like UTF-16: iconv -f UTF-16BE -t UTF-8"),
        (b"\x1f\x8b\x08\0\xff", "looks packed: gunzip it first"),
        (bz2.compress(b"a b\nc\n"), "looks packed: bunzip2 it first"),
        (b"PK\x03\x04\xff", "looks packed: unzip it first"),
    ],
    ids=["UTF-16", "UTF-16LE", "UTF-16BE", "gzip", "bzip2", "zip"],
)
def test_a_file_of_another_format_is_called_by_its_name_before_its_lines_are_counted(
    content: bytes, hint: str, tmp_path: Path
):
    data = settings(tmp_path, content)
    for act in (lambda: list(read_lines(tmp_path / "a")), lambda: made(data, tmp_path)):
        assert refusal(act).hint == f"{tmp_path / 'a'} {hint}"
    found = {finding.kind: finding.detail for finding in check([tmp_path / "a"], [tmp_path / "b"]).findings}
    assert found["invalid_utf8"] == hint


def test_a_line_without_end_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(corpus, "MAX_LINE", 1 << 20)
    assert refusal(lambda: list(read_lines(Path("/dev/zero")))).message == "/dev/zero:1: a line of more than 1 MiB"
    (tmp_path / "a").write_bytes(b"x\n" + b"y" * (1 << 20) + b"z\n")
    assert refusal(lambda: list(read_lines(tmp_path / "a"))).message.startswith(f"{tmp_path / 'a'}:2: a line of more")


# ---- time


@pytest.mark.parametrize("name", members(TokenizerOptions))
@pytest.mark.parametrize("text", ["ab", "a b ", "👩‍👧 "], ids=["one word", "words", "emoji"])
def test_the_time_of_a_long_line_grows_with_its_length(name: str, text: str, tmp_path: Path):
    options = members(TokenizerOptions)[name].model_validate({"vocabulary_size": 40})
    tokenizer = options.train(["a b ab 👩‍👧"] * 9, 1)

    def seconds(size: int) -> float:
        line, start = text * (size // len(text)), time.perf_counter()
        tokenizer.decode(tokenizer.encode(line))
        return time.perf_counter() - start

    seconds(1000)
    assert seconds(1 << 19) < 10 * seconds(1 << 17) + 0.2


# ---- files that are none


def test_a_pipe_is_refused_as_a_corpus_at_once(tmp_path: Path):
    data = settings(tmp_path)
    (tmp_path / "a").unlink()
    os.mkfifo(tmp_path / "a")
    error = refusal(lambda: made(data, tmp_path))
    assert error.message == f"{tmp_path / 'a'}: a pipe or a device, and text is read more than once"


def test_a_device_is_refused_as_a_corpus(tmp_path: Path):
    files = {"source": "/dev/zero", "target": "/dev/zero"}
    data = DataSettings.model_validate({"train": files, "valid": files})
    assert refusal(lambda: made(data, tmp_path)).message.startswith("/dev/zero: a pipe or a device")


def test_a_folder_is_refused_as_a_corpus(tmp_path: Path):
    files = {"source": str(tmp_path), "target": str(tmp_path)}
    data = DataSettings.model_validate({"train": files, "valid": files})
    assert refusal(lambda: made(data, tmp_path)).message == f"{tmp_path}: is a folder, not a text file"


@pytest.mark.parametrize("name", ["a\0b", "a\ud800", "a" * 5000, "no/" + "b" * 300])
def test_a_name_that_no_file_can_have_is_refused(name: str, tmp_path: Path):
    files = {"source": str(tmp_path / name), "target": str(tmp_path / name)}
    data = DataSettings.model_validate({"train": files, "valid": files})
    assert "a" in refusal(lambda: made(data, tmp_path)).message
    assert "a" in refusal(lambda: list(read_lines(tmp_path / name))).message


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that refuses to be read")
def test_a_file_that_fails_while_it_is_read_is_a_data_error():
    failing = Path("/proc/self/mem")
    assert refusal(lambda: list(read_lines(failing))).message == "/proc/self/mem: cannot be read: Input/output error"
    assert refusal(lambda: digest(failing)).message == "/proc/self/mem: cannot be read: Input/output error"


# ---- files that change


CHANGES = {
    "grows": lambda path: path.write_bytes(path.read_bytes() + b"d\n"),
    "shrinks": lambda path: path.write_bytes(b"a b\n"),
    "is written anew": lambda path: path.write_bytes(b"c\na b\n"),
    "is replaced": lambda path: (path.with_name("new").write_bytes(b"c\na b\n"), path.with_name("new").rename(path)),
    "is removed": lambda path: path.unlink(),
    "is no text any more": lambda path: path.write_bytes(b"\xff\n"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_file_that_changes_between_two_passes_is_named_and_nothing_kept(
    change: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def save(tokenizers: Tokenizers, directory: Path) -> None:
        change(tmp_path / "a")
        save_tokenizers(tokenizers, directory)

    monkeypatch.setattr(prepare, "save_tokenizers", save)
    error = refusal(lambda: made(settings(tmp_path), tmp_path))
    assert error.message == f"{tmp_path / 'a'}: has changed while it was read"
    assert [path.name for path in (tmp_path / "cache").iterdir() if path.is_dir()] == []


def test_an_error_that_no_change_explains_stays_as_it_is(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"\xff")
    with pytest.raises(DataError, match="not valid UTF-8"), Unchanged([tmp_path / "a"]):
        list(read_lines(tmp_path / "a"))


# ---- documents


def test_a_document_ends_with_its_file(tmp_path: Path):
    for name, text in {"a": "a\nb\n", "c": "c\nd\n", "y": "1\n2\n", "ids": "x\nx\n"}.items():
        (tmp_path / name).write_text(text)
    files = {key: [str(tmp_path / name) for name in names] for key, names in {"source": "ac", "target": "yy"}.items()}
    for ids in ({}, {"documents": [str(tmp_path / "ids")] * 2}):
        data = DataSettings.model_validate(
            {"train": {**files, **ids}, "valid": files, "context": {"sentences": 1}},
        )
        assert made(data, tmp_path).valid_sources == [("a", ""), ("b", "a"), ("c", ""), ("d", "c")]
        store = made(data, tmp_path).train
        assert [len(store.pair(number).sources[1]) for number in range(4)] == [1, 2, 1, 2]


def test_pairs_know_the_file_that_their_document_lies_in(tmp_path: Path):
    for name in ("a", "y", "ids"):
        (tmp_path / name).write_text("x\n")
    paths = [tmp_path / name for name in ("a", "y", "ids")]
    pairs = read_pairs([[paths[0]] * 2], [paths[1]] * 2, [paths[2]] * 2)
    assert [pair.document for pair in pairs] == [(0, "x"), (1, "x")]


def test_files_of_document_ids_are_checked_with_their_targets(tmp_path: Path):
    for name, text in {"a": "a\nb\n", "y": "1\n2\n", "ids": "x\n"}.items():
        (tmp_path / name).write_text(text)
    report = check([tmp_path / "a"], [tmp_path / "y"], [(tmp_path / "ids", tmp_path / "y")])
    (finding,) = report.findings
    assert (finding.kind, finding.file, finding.lines) == ("line_counts", str(tmp_path / "y"), [2])
    assert finding.detail == f"2 lines against 1 of {tmp_path / 'ids'}"
    assert report.files[1] == (str(tmp_path / "ids"), 1, str(tmp_path / "y"), 2)


# ---- what is kept of before


def test_only_corpora_that_are_prepared_otherwise_than_before_have_another_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    data, more = settings(tmp_path), {"context": {"sentences": 1}}
    twice = {key: [str(tmp_path / name)] * 2 for key, name in {"source": "a", "target": "b"}.items()}
    files = {"train": twice, "valid": twice, **more}
    before = made(data, tmp_path).content, made(settings(tmp_path, **more), tmp_path).content
    documents = made(DataSettings.model_validate(files), tmp_path).content
    monkeypatch.setattr(prepare, "_of_some", lambda *_: {})
    assert (made(data, tmp_path).content, made(settings(tmp_path, **more), tmp_path).content) == before
    assert made(DataSettings.model_validate(files), tmp_path).content != documents


def test_text_of_more_lines_than_subwords_are_learnt_from_has_another_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    before = made(settings(tmp_path), tmp_path).content
    monkeypatch.setattr(prepare, "SAMPLE_LINES", 3)
    assert made(settings(tmp_path), tmp_path).content != before
