"""Real text through every command: Japanese on either side, long sentences, French no-break spaces.

The text lies in ../shared/data beside the project, where it is there.
"""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import sacrebleu

from nmt.cli.app import main
from nmt.data.corpus import read_lines
from nmt.text.subwords import Unigram

SHARED = Path(__file__).parents[2] / "shared" / "data"
Nmt = Callable[..., str]

RNN = """\
  encoder: {name: rnn, size: 8}
  decoder: {name: rnn, size: 8, input_feeding: true}
"""
TRANSFORMER = """\
  encoder: {name: transformer, num_layers: 1, heads: 2, feed_forward_size: 16}
  decoder: {name: transformer, num_layers: 2, heads: 2, feed_forward_size: 16}
"""
CONFIG = """\
languages: {{source: {source}, target: {target}}}
data:
  train: {{source: train.{source}, target: train.{target}}}
  valid: {{source: valid.{source}, target: valid.{target}}}
  max_length: 96
tokenizer: {{name: {tokenizer}, vocabulary_size: {vocabulary}}}
model:
  embedding_size: 8
{model}training:
  batch_tokens: 2000
  precision: float32
  max_updates: {updates}
  validate_every: {updates}
  checkpoint_every: {updates}
  select_by: loss
"""


class Case(NamedTuple):
    """A corpus, the direction, and the model that reads it."""

    folder: str
    valid: str
    source: str
    target: str
    model: str = TRANSFORMER
    tokenizer: str = "unigram"
    vocabulary: int = 1200


CASES = {
    "to-japanese": Case("small-en-ja", "dev", "en", "ja"),
    "from-japanese": Case("small-en-ja", "dev", "ja", "en", RNN, "char", 1500),
    "long-sentences": Case("opennmt-demo-en-de", "val", "en", "de", RNN, "bpe"),
}


def corpus(name: str) -> Path:
    if not (SHARED / name).is_dir():
        pytest.skip(f"needs the corpus folder {SHARED / name}, which is not there")
    return SHARED / name


def write(case: Case, train: int = 120, valid: int = 6, updates: int = 3) -> None:
    """The first lines of a corpus and a config, in the current directory."""
    for language in (case.source, case.target):
        for name, of, count in (("train", "train", train), ("valid", case.valid, valid)):
            lines = islice(read_lines(corpus(case.folder) / f"{of}.{language}"), count)
            Path(f"{name}.{language}").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    Path("x.yaml").write_text(CONFIG.format(**case._asdict(), updates=updates))


@pytest.fixture
def nmt(capfd: pytest.CaptureFixture[str]) -> Nmt:
    """`nmt("train", "x.yaml")` gives what the command printed; it must succeed."""

    def command(*arguments: object) -> str:
        capfd.readouterr()
        code = run(*arguments)
        out, err = capfd.readouterr()
        assert code == 0, err
        return out

    return command


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    return int(exit_.value.code or 0)


@pytest.fixture(scope="module", params=CASES)
def trained(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Case]:
    """One case, trained for a few updates; its folder is the current directory."""
    case = CASES[request.param]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp(request.param))
        write(case)
        assert run("train", "x.yaml") == 0
        yield case


def lines_of(path: Path | str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").split("\n")[:-1]


def test_every_line_is_translated(trained: Case, nmt: Nmt) -> None:
    nmt("translate", "runs/x", "--input", f"valid.{trained.source}", "--output", "hyp", "--json", "hyp.jsonl")
    records = [json.loads(line) for line in lines_of("hyp.jsonl")]
    assert [record["source"] for record in records] == lines_of(f"valid.{trained.source}")
    assert [record["hypotheses"][0]["text"] for record in records] == lines_of("hyp")


def test_figures_are_sacrebleu_s_of_characters(trained: Case, nmt: Nmt) -> None:
    files = ("--source", f"valid.{trained.source}", "--reference", f"valid.{trained.target}", "--output", "text")
    out = nmt("evaluate", "runs/x", *files, "--tokenize", "char", "--beam-size", 1)
    bleu = sacrebleu.corpus_bleu(lines_of("text"), [lines_of(f"valid.{trained.target}")], tokenize="char", force=True)
    assert out.startswith(f"BLEU {bleu.score:.2f} (nrefs:1|case:mixed|eff:no|tok:char|")


def test_words_are_aligned_and_drawn(trained: Case, nmt: Nmt) -> None:
    files = ("--source", f"valid.{trained.source}", "--target", f"valid.{trained.target}")
    for name in (f"valid.{trained.source}", f"valid.{trained.target}"):
        Path(f"few.{name}").write_text("".join(f"{line}\n" for line in lines_of(name)[:1]), encoding="utf-8")
    few = tuple(word if word.startswith("--") else f"few.{word}" for word in files)
    matrices = [json.loads(line) for line in nmt("align", "runs/x", *files, "--format", "jsonl").splitlines()]
    nmt("align", "runs/x", *few, "--heatmaps", "pictures", "--output", "few.links")
    for language, side in ((trained.source, "source"), (trained.target, "target")):
        assert [matrix[side] for matrix in matrices] == [line.split() for line in lines_of(f"valid.{language}")]
    for matrix in matrices:
        np.testing.assert_array_less(np.sum(matrix["weights"], axis=1), 1.00001)  # the rest is on the sentence's end
    assert sorted(path.name for path in Path("pictures").iterdir()) == ["0001.png"]


@pytest.mark.parametrize("trained", ["from-japanese"], indirect=True)
def test_a_long_japanese_line_without_spaces_is_cut_after_its_full_stops(trained: Case, nmt: Nmt) -> None:
    sentences = ["".join(line.split()) for line in islice(read_lines(corpus("small-en-ja") / "dev.ja"), 20)]
    Path("long.ja").write_text("".join(sentences) + "\n", encoding="utf-8")
    out = nmt("translate", "runs/x", "--input", "long.ja", "--json", "long.jsonl", "--beam-size", 1)
    (record,) = [json.loads(line) for line in lines_of("long.jsonl")]
    assert "".join(record["source_pieces"]) == "".join(sentences)
    assert len(sentences) > record["segments"] >= -(-len(record["source_pieces"]) // 95)
    assert out.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_thousands_of_lines_go_through(case: Case, nmt: Nmt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(case, train=5000, valid=300, updates=40)
    nmt("data", "check", "x.yaml")
    nmt("train", "x.yaml")
    files = [f"valid.{case.source}", f"valid.{case.target}"]
    nmt("evaluate", "runs/x", "--source", files[0], "--reference", files[1], "--tokenize", "char", "--output", "hyp")
    links = nmt("align", "runs/x", "--source", files[0], "--target", files[1])
    assert len(lines_of("hyp")) == links.count("\n") == 300


def french(folder: Path) -> list[str]:
    """Tatoeba's pairs as two files; gives the French lines."""
    rows = [line.split("\t") for line in read_lines(corpus("tatoeba-en-fr") / "eng-fra-attrib.tsv")]
    for side, language in enumerate(("en", "fr")):
        (folder / f"all.{language}").write_text("".join(f"{row[side]}\n" for row in rows), encoding="utf-8")
    return [row[1] for row in rows]


def test_no_break_spaces_are_text_and_no_fault(tmp_path: Path, nmt: Nmt) -> None:
    lines = french(tmp_path)
    report = json.loads(
        nmt("data", "check", "--source", tmp_path / "all.en", "--target", tmp_path / "all.fr", "--json")
    )
    kinds = {finding["kind"] for finding in report["findings"]}
    assert sum("\u00a0" in line or "\u202f" in line for line in lines) > 100
    assert not kinds & {"separators", "controls", "invalid_utf8", "line_counts"}


def test_no_break_spaces_come_back_from_the_tokenizer(tmp_path: Path) -> None:
    lines = [line for line in french(tmp_path) if "\u00a0" in line or "\u202f" in line][:200]
    tokenizer = Unigram.Options(vocabulary_size=300).train(lines, 1)
    assert [tokenizer.decode(tokenizer.encode(line)) for line in lines] == lines
    for line in lines:
        pieces = tokenizer.encode(line)
        assert max(tokenizer.words(pieces)) == len(line.split()) - 1
