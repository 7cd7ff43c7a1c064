"""Every tokenizer of the union: how it joins what it cut, which words its pieces belong to, its files."""

import io
from pathlib import Path

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.errors import ConfigError, DataError
from nmt.settings import Settings, members
from nmt.text.subwords import Bpe, Unigram, draw
from nmt.text.tokenizers import (
    Tokenizer,
    TokenizerOptions,
    Tokenizers,
    load_tokenizers,
    save_tokenizers,
    train_tokenizers,
)
from nmt.text.vocabulary import SPECIALS, UNKNOWN

ENGLISH = ["The dog sees the cat .", "A tab\there, two  spaces there .", "The cat sleeps ▁ and <unk> dreams ."] * 5
GERMAN = ["Der Hund sieht die Katze .", "Die Katze schläft .", "Größe und Maß ."] * 5
OPTIONS = members(TokenizerOptions)
GIVES_BACK = ("unigram", "bpe", "char")


def trained(name: str, shared: bool = True, **keys: object) -> Tokenizers:
    options = OPTIONS[name].model_validate({"vocabulary_size": 120, "shared": shared, **keys})
    return train_tokenizers(options, ENGLISH, GERMAN, seed=1)


@pytest.fixture(scope="module")
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return trained(request.param).source


hazards = st.text(st.sampled_from("ab ▁\t\0\r<>/\\sunkpad\ue5810124  \u2028日ß⁇"), max_size=30)
lines = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])) | hazards


def test_the_tokenizers_are_the_four_of_the_card():
    assert list(OPTIONS) == ["unigram", "bpe", "word", "char"]


@pytest.mark.parametrize("tokenizer", GIVES_BACK, indirect=True)
@given(line=lines)
@settings(max_examples=150, deadline=None)
def test_decoding_gives_every_line_back(tokenizer: Tokenizer, line: str):
    assert tokenizer.decode(tokenizer.encode(line)) == line


@pytest.mark.parametrize("tokenizer", ["word"], indirect=True)
@given(line=lines)
@settings(max_examples=150, deadline=None)
def test_the_word_tokenizer_gives_words_back_with_one_space_between_them(tokenizer: Tokenizer, line: str):
    assert tokenizer.decode(tokenizer.encode(line)) == " ".join(line.split())


@pytest.mark.parametrize("tokenizer", OPTIONS, indirect=True)
@given(line=lines)
@settings(max_examples=150, deadline=None)
def test_no_text_becomes_a_special_piece(tokenizer: Tokenizer, line: str):
    assert not set(tokenizer.encode(line)) & set(SPECIALS)


@pytest.mark.parametrize("tokenizer", GIVES_BACK, indirect=True)
@given(line=st.text(st.sampled_from("abt  日\u2028\u00a0\u3000"), max_size=30))
@settings(max_examples=150, deadline=None)
def test_a_piece_belongs_to_the_word_of_its_first_visible_character(tokenizer: Tokenizer, line: str):
    pieces = tokenizer.encode(line)
    for place, number in enumerate(tokenizer.words(pieces)):
        before, text = (tokenizer.decode(pieces[:end]) for end in (place, place + 1))
        visible = text[len(before) :].lstrip()[:1]
        if visible:
            blanks = len(text) - len(before) - len(text[len(before) :].lstrip())
            assert number == len((text[: len(before) + blanks] + visible).split()) - 1


@pytest.mark.parametrize("tokenizer", OPTIONS, indirect=True)
@given(line=lines)
@settings(max_examples=150, deadline=None)
def test_word_numbers_rise_and_stay_within_the_line(tokenizer: Tokenizer, line: str):
    numbers = tokenizer.words(tokenizer.encode(line))
    assert numbers == sorted(numbers)
    assert not numbers or numbers[-1] <= max(0, len(line.split()) - 1)


@pytest.mark.parametrize("tokenizer", GIVES_BACK, indirect=True)
def test_a_tab_parts_words_and_blanks_belong_to_the_word_after_them(tokenizer: Tokenizer):
    first, second = tokenizer.encode("a"), tokenizer.encode("a\t b")
    numbers = tokenizer.words(second)
    assert numbers[: len(first)] == [0] * len(first)
    assert set(numbers[len(first) :]) == {1}


def test_the_words_of_words_are_counted():
    assert trained("word").source.words(["the", "cat", "<unk>"]) == [0, 1, 2]


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("shared", [True, False])
def test_loaded_tokenizers_cut_as_the_saved_ones_did(name: str, shared: bool, tmp_path: Path):
    tokenizers = trained(name, shared)
    save_tokenizers(tokenizers, tmp_path)
    loaded = load_tokenizers(tmp_path)
    assert (loaded.source is loaded.target) == shared
    for before, after in zip(tokenizers, loaded, strict=True):
        assert after.vocabulary.pieces == before.vocabulary.pieces
        assert [after.encode(line) for line in ENGLISH + GERMAN] == [before.encode(line) for line in ENGLISH + GERMAN]


@pytest.mark.parametrize("name", OPTIONS)
def test_training_twice_gives_the_same_files(name: str, tmp_path: Path):
    for directory in ("once", "twice"):
        save_tokenizers(trained(name, shared=False), tmp_path / directory)
    files = sorted(path.name for path in (tmp_path / "once").iterdir())
    assert [(tmp_path / "once" / file).read_bytes() for file in files] == [
        (tmp_path / "twice" / file).read_bytes() for file in files
    ]


@pytest.mark.parametrize("name", OPTIONS)
def test_a_shared_vocabulary_knows_the_letters_of_both_sides(name: str):
    shared, separate = trained(name), trained(name, shared=False)
    assert UNKNOWN not in shared.source.vocabulary.ids(shared.source.encode("Die Katze schläft ."))
    assert UNKNOWN in separate.source.vocabulary.ids(separate.source.encode("Größe"))


@pytest.mark.parametrize("name", OPTIONS)
def test_every_vocabulary_begins_with_the_special_pieces(name: str):
    assert trained(name).source.vocabulary.pieces[:4] == ("<pad>", "<unk>", "<s>", "</s>")


@pytest.mark.parametrize("tokenizer", OPTIONS, indirect=True)
def test_an_unknown_piece_is_decoded_as_a_sign_and_the_other_special_pieces_as_nothing(tokenizer: Tokenizer):
    assert tokenizer.decode(["<s>", *tokenizer.encode("cat"), "</s>", "<pad>"]) == "cat"
    assert tokenizer.decode(["<unk>"]) == "⁇"


@pytest.mark.parametrize("name", OPTIONS)
def test_lowercase_lowers_the_text_before_it_is_cut(name: str):
    tokenizer = trained(name, lowercase=True).source
    assert tokenizer.decode(tokenizer.encode("The CAT")) == "the cat"


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize(("rule", "expected"), [("nfkc", "The fi A1"), ("nfkc_cf", "the fi a1")])
def test_normalization_is_nfkc_with_case_folding_on_demand(name: str, rule: str, expected: str):
    tokenizer = trained(name, normalization=rule).source
    assert tokenizer.decode(tokenizer.encode("The  ﬁ Ａ１")) == expected


@pytest.mark.parametrize("name", OPTIONS)
def test_an_empty_line_has_no_pieces(name: str):
    tokenizer = trained(name).source
    assert tokenizer.encode("") == []
    assert tokenizer.decode([]) == ""
    assert tokenizer.words([]) == []


@pytest.mark.parametrize("kind", [Unigram, Bpe])
def test_pieces_are_those_of_sentencepiece_with_the_same_settings(kind: type[Unigram] | type[Bpe]):
    model, name = io.BytesIO(), kind.Options().name
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(GERMAN), model_writer=model, model_type=name, vocab_size=60, hard_vocab_limit=False,
        pad_id=0, unk_id=1, bos_id=2, eos_id=3, normalization_rule_name="identity", num_threads=1, minloglevel=2,
        character_coverage=0.9995, remove_extra_whitespaces=False,
    )  # fmt: skip
    ours = kind.Options(vocabulary_size=60).train(GERMAN, seed=1)
    theirs = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    assert [ours.encode(line) for line in GERMAN] == [theirs.encode(line, out_type=str) for line in GERMAN]


@pytest.mark.parametrize("kind", [Unigram, Bpe])
def test_a_vocabulary_smaller_than_the_alphabet_says_how_many_it_takes(kind: type[Unigram] | type[Bpe]):
    with pytest.raises(ConfigError) as caught:
        kind.Options(vocabulary_size=10).train(["abcdefgh"], seed=1)
    assert caught.value.message == (
        "tokenizer.vocabulary_size: 10 is less than the 13 characters and special pieces of the training text"
    )


@pytest.mark.parametrize("kind", [Unigram, Bpe])
def test_text_of_blank_lines_cannot_train_sentencepiece(kind: type[Unigram] | type[Bpe]):
    with pytest.raises(DataError, match=r"^the training text of the tokenizer is empty$"):
        kind.Options().train(["", ""], seed=1)


@pytest.mark.parametrize("kind", [Unigram, Bpe])
def test_a_line_of_a_million_characters_is_learned_from_and_given_back(kind: type[Unigram] | type[Bpe]):
    line = "word " * 200_000
    tokenizer = kind.Options(vocabulary_size=50).train([line], seed=1)
    assert tokenizer.decode(tokenizer.encode(line)) == line
    assert UNKNOWN not in tokenizer.vocabulary.ids(tokenizer.encode("word word"))


def test_words_rank_by_frequency_then_by_alphabet():
    options: Settings = OPTIONS["word"].model_validate({"vocabulary_size": 7})
    word = train_tokenizers(options, ["b a c", "c b", "c d"], [], seed=1).source
    assert word.vocabulary.pieces[4:] == ("c", "b", "a")


def test_a_space_is_visible_among_characters():
    assert trained("char").source.encode("a b▁") == ["a", "▁", "b", "▁▁"]


def test_a_word_that_looks_like_a_special_piece_is_marked():
    word = trained("word").source
    assert word.encode("see <unk> \\<s>") == ["see", "\\<unk>", "\\\\<s>"]
    assert word.decode(["see", "\\<unk>", "\\\\<s>"]) == "see <unk> \\<s>"


def test_drawing_keeps_a_short_text_whole_and_draws_without_repeating():
    text = [str(number) for number in range(1000)]
    assert draw(iter(text), 1000, seed=1) == text
    drawn = draw(iter(text), 100, seed=1)
    assert len(set(drawn)) == 100
    assert drawn == draw(iter(text), 100, seed=1) != draw(iter(text), 100, seed=2)


def test_a_missing_tokenizer_is_a_data_error(tmp_path: Path):
    with pytest.raises(DataError, match=r"source\.json: no such file$"):
        load_tokenizers(tmp_path)


@pytest.mark.parametrize("text", ["{", "{}", '{"options": {"name": "nonsense"}}', '{"options": {"name": "word"}}'])
def test_a_damaged_tokenizer_is_a_data_error(text: str, tmp_path: Path):
    (tmp_path / "shared.json").write_text(text)
    with pytest.raises(DataError, match=r"shared\.json: not a tokenizer of this program"):
        load_tokenizers(tmp_path)


def test_a_truncated_model_is_a_data_error(tmp_path: Path):
    save_tokenizers(trained("bpe"), tmp_path)
    model = tmp_path / "shared.model"
    model.write_bytes(model.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"shared\.json: not a tokenizer"):
        load_tokenizers(tmp_path)
