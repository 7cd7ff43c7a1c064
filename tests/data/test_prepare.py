"""From text to tokenizers and stores: which pairs are kept, what the cache goes by, what it survives."""

import shutil
from pathlib import Path

import pytest

from nmt.data import prepare as module
from nmt.data.prepare import Counts, Prepared, prepare
from nmt.data.settings import DataSettings, TextFiles
from nmt.errors import DataError
from nmt.settings import members
from nmt.text.listed import Word
from nmt.text.tokenizers import TokenizerOptions
from nmt.text.vocabulary import EOS

WORDS = Word.Options(vocabulary_size=50)


def corpus(directory: Path, train: tuple[str, str], valid: tuple[str, str] = ("a\n", "x\n"), max_length: int = 128):
    directory.mkdir(exist_ok=True)
    for name, texts in (("train", train), ("valid", valid)):
        for side, text in zip(("en", "de"), texts, strict=True):
            (directory / f"{name}.{side}").write_bytes(text.encode())
    files = [TextFiles(source=f"{directory}/{name}.en", target=f"{directory}/{name}.de") for name in ("train", "valid")]
    return DataSettings(train=files[0], valid=files[1], max_length=max_length)


def texts(prepared: Prepared) -> list[tuple[str, str]]:
    """The pairs of the training store as text again."""
    found = []
    for number in range(len(prepared.train)):
        (source,), target, _ = prepared.train.pair(number)
        sides = list(zip(prepared.tokenizers, (source, target), strict=True))
        assert all(ids[-1] == EOS for _, ids in sides)
        found.append(tuple(side.decode(side.vocabulary.to_pieces(ids[:-1])) for side, ids in sides))
    return found


@pytest.mark.parametrize("name", members(TokenizerOptions))
@pytest.mark.parametrize("shared", [True, False])
def test_the_store_holds_the_text(name: str, shared: bool, tmp_path: Path):
    options = members(TokenizerOptions)[name].model_validate({"vocabulary_size": 100, "shared": shared})
    data = corpus(tmp_path / "text", ("the cat\nthe dog sees\n", "die Katze\nder Hund sieht\n"))
    prepared = prepare(data, options, 1, tmp_path / "cache")
    assert texts(prepared) == [("the cat", "die Katze"), ("the dog sees", "der Hund sieht")]


def test_pairs_with_a_blank_side_are_left_out_and_counted_and_shift_nothing(tmp_path: Path):
    data = corpus(tmp_path / "text", ("a\n\nb\nc\n \n d\n", "x\ny\n\u00a0\nz\n\nw\n"), ("a\n\nb\n", "x\ny\nz\n"))
    prepared = prepare(data, WORDS, 1, tmp_path / "cache")
    assert texts(prepared) == [("a", "x"), ("c", "z"), ("d", "w")]
    assert prepared.train.lines.tolist() == [0, 3, 5]
    assert prepared.report == (Counts(kept=3, blank=3, too_long=0), Counts(kept=2, blank=1, too_long=0))
    assert (prepared.valid_sources, prepared.valid_references) == (["a", "b"], ["x", "z"])


def test_pairs_longer_than_max_length_are_left_out_and_counted_end_of_sentence_included(tmp_path: Path):
    data = corpus(tmp_path / "text", ("a b\na b c\na\n", "x y\nx\nx y z\n"), ("a b c\na\n", "x\ny\n"), max_length=3)
    prepared = prepare(data, WORDS, 1, tmp_path / "cache")
    assert texts(prepared) == [("a b", "x y")]
    assert prepared.report == (Counts(kept=1, blank=0, too_long=2), Counts(kept=1, blank=0, too_long=1))
    assert prepared.valid_sources == ["a b c", "a"]


def test_several_files_are_one_corpus(tmp_path: Path):
    data = corpus(tmp_path / "text", ("a\n", "x\n"))
    lists = TextFiles(source=[data.train.source, data.valid.source], target=[data.train.target, data.valid.target])
    prepared = prepare(data.model_copy(update={"train": lists}), WORDS, 1, tmp_path / "cache")
    assert texts(prepared) == [("a", "x"), ("a", "x")]
    assert prepared.train.lines.tolist() == [0, 1]


def test_a_second_call_reads_the_cache_and_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data, said = corpus(tmp_path / "text", ("a b\n", "x y\n")), []
    first = prepare(data, WORDS, 1, tmp_path / "cache", said.append)
    monkeypatch.setattr(module, "_make", None)
    second = prepare(data, WORDS, 1, tmp_path / "cache", said.append)
    assert texts(second) == texts(first)
    assert second.report == first.report
    assert said == [
        "training the word tokenizer",
        "cutting the train text into pieces",
        "cutting the valid text into pieces",
    ]


def test_the_cache_goes_by_content_and_not_by_name(tmp_path: Path):
    cache = tmp_path / "cache"
    for folder in ("one", "two"):
        prepare(corpus(tmp_path / folder, ("a b\n", "x y\n")), WORDS, 1, cache)
    assert len(list(cache.iterdir())) == 1


def test_any_change_of_text_settings_or_seed_is_prepared_anew(tmp_path: Path):
    cache = tmp_path / "cache"
    first = corpus(tmp_path / "text", ("a b\n", "x y\n"))
    for options in (WORDS, WORDS.model_copy(update={"shared": False}), WORDS.model_copy(update={"lowercase": True})):
        prepare(first, options, 1, cache)
    prepare(first, WORDS, 2, cache)
    prepare(first.model_copy(update={"max_length": 9}), WORDS, 1, cache)
    prepare(corpus(tmp_path / "text", ("a b\n", "x z\n")), WORDS, 1, cache)
    prepare(corpus(tmp_path / "text", ("a b\n", "x z\n"), ("a\n", "z\n")), WORDS, 1, cache)
    assert len(list(cache.iterdir())) == 7


def test_swapping_the_sides_is_another_corpus(tmp_path: Path):
    cache = tmp_path / "cache"
    prepare(corpus(tmp_path / "text", ("a\n", "x\n"), ("b\n", "b\n")), WORDS, 1, cache)
    prepare(corpus(tmp_path / "text", ("x\n", "a\n"), ("b\n", "b\n")), WORDS, 1, cache)
    assert len(list(cache.iterdir())) == 2


def test_preparing_twice_writes_the_same_bytes(tmp_path: Path):
    data = corpus(tmp_path / "text", ("the cat\n" * 20, "die Katze\n" * 20))
    options = members(TokenizerOptions)["unigram"].model_validate({"vocabulary_size": 30})
    for cache in ("one", "two"):
        prepare(data, options, 1, tmp_path / cache)
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(files) == 11
    assert all((tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (("a\nb\n", "x\n"), "{0}.en has 2 lines and {0}.de has 1; line n of one belongs to line n of the other"),
        (("", ""), "{0}.en: empty, as is {0}.de"),
        (
            ("\n\n", "x\ny\n"),
            "{0}.en: no pair is left: 2 have a blank side, 0 are longer than data.max_length (4 pieces)",
        ),
        (
            ("a a a a\n", "x\n"),
            "{0}.en: no pair is left: 0 have a blank side, 1 are longer than data.max_length (4 pieces)",
        ),
    ],
)
def test_text_that_cannot_be_used_is_refused_and_leaves_nothing_behind(
    train: tuple[str, str], message: str, tmp_path: Path
):
    data = corpus(tmp_path / "text", train, max_length=4)
    with pytest.raises(DataError) as caught:
        prepare(data, WORDS, 1, tmp_path / "cache")
    assert caught.value.message == message.format(tmp_path / "text" / "train")
    assert not list((tmp_path).glob("cache/*"))


def test_invalid_utf8_is_refused_and_leaves_nothing_behind(tmp_path: Path):
    data = corpus(tmp_path / "text", ("a\nb\n", "x\ny\n"))
    (tmp_path / "text" / "train.de").write_bytes(b"x\n\xff\n")
    with pytest.raises(DataError, match=r"train\.de:2: not valid UTF-8 \(byte 0xff at column 1\)"):
        prepare(data, WORDS, 1, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_damaged_cache_is_a_data_error_that_names_what_to_remove(tmp_path: Path):
    data = corpus(tmp_path / "text", ("a\n", "x\n"))
    prepare(data, WORDS, 1, tmp_path / "cache")
    (directory,) = (tmp_path / "cache").iterdir()
    (directory / "report.json").write_text("{")
    with pytest.raises(DataError) as caught:
        prepare(data, WORDS, 1, tmp_path / "cache")
    assert caught.value.message.startswith(f"{directory / 'report.json'}: not prepared data")
    assert caught.value.hint == f"remove {directory}; it is made again"


@pytest.mark.parametrize("file", ["report.json", "tokenizer/shared.json", "train/lines.npy", "valid/lines.npy"])
def test_whatever_is_damaged_in_the_cache_the_hint_mends_it(file: str, tmp_path: Path):
    data = corpus(tmp_path / "text", ("a\n", "x\n"))
    prepare(data, WORDS, 1, tmp_path / "cache")
    (directory,) = (tmp_path / "cache").iterdir()
    (directory / file).unlink()
    with pytest.raises(DataError) as caught:
        prepare(data, WORDS, 1, tmp_path / "cache")
    assert caught.value.hint == f"remove {directory}; it is made again"
    shutil.rmtree(directory)
    assert texts(prepare(data, WORDS, 1, tmp_path / "cache")) == [("a", "x")]


def test_a_cache_that_cannot_be_written_is_a_data_error(tmp_path: Path):
    data = corpus(tmp_path / "text", ("a\n", "x\n"))
    (tmp_path / "runs").write_text("")
    with pytest.raises(DataError, match=r"runs/\.prepared/[0-9a-f]*: cannot be written \(Not a directory\)"):
        prepare(data, WORDS, 1, tmp_path / "runs" / ".prepared")


def test_a_disk_that_fills_while_preparing_is_a_data_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data = corpus(tmp_path / "text", ("a\n", "x\n"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_store", full)
    with pytest.raises(DataError, match=r"cannot be written \(No space left on device\)"):
        prepare(data, WORDS, 1, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_directory_of_an_interrupted_run_is_no_prepared_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    data = corpus(tmp_path / "text", ("a\n", "x\n"))

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "_store", interrupted)
        with pytest.raises(KeyboardInterrupt):
            prepare(data, WORDS, 1, tmp_path / "cache")
    assert texts(prepare(data, WORDS, 1, tmp_path / "cache")) == [("a", "x")]
