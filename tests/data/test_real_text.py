"""The pipeline on real text: Multi30k (a TAB in train.de, line 7366) and Japanese, where ../shared/data has them."""

from collections import Counter
from pathlib import Path

import pytest

from nmt.data.batching import Batches
from nmt.data.check import check
from nmt.data.corpus import read_lines
from nmt.data.prepare import Counts, Prepared, prepare
from nmt.data.settings import DataSettings, TextFiles
from nmt.settings import members
from nmt.text.subwords import Bpe
from nmt.text.tokenizers import TokenizerOptions, train_tokenizers
from nmt.text.vocabulary import UNKNOWN

SHARED = Path(__file__).parents[3] / "shared" / "data"


def folder(name: str) -> Path:
    if not (SHARED / name).is_dir():
        pytest.skip(f"needs the corpus folder {SHARED / name}, which is not there")
    return SHARED / name


@pytest.fixture(scope="module")
def multi30k(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    text = folder("multi30k-en-de")
    files = [TextFiles(source=f"{text}/{name}.en", target=f"{text}/{name}.de") for name in ("train", "val")]
    data = DataSettings(train=files[0], valid=files[1])
    return prepare(data, Bpe.Options(vocabulary_size=6000), 1, tmp_path_factory.mktemp("prepared"))


def test_multi30k_is_kept_whole(multi30k: Prepared):
    assert multi30k.report == (Counts(29000, 0, 0), Counts(1014, 0, 0))
    assert len(multi30k.valid_sources) == len(multi30k.valid_references) == 1014


def test_the_tab_of_multi30k_comes_back_from_the_store(multi30k: Prepared):
    line = (folder("multi30k-en-de") / "train.de").read_bytes().split(b"\n")[7365].decode()
    target, ids = multi30k.tokenizers.target, multi30k.train.pair(7365)[1]
    assert "\t" in line
    assert UNKNOWN not in ids
    assert target.decode(target.vocabulary.to_pieces(ids[:-1])) == line


def test_less_than_a_twentieth_of_multi30k_is_padding(multi30k: Prepared):
    batches = Batches(multi30k.train, 4096, seed=1)
    real = cells = 0
    for _ in range(batches.batches_per_epoch(0)):
        batch = next(batches)
        real += int(batch.mask_BT.sum()) + int(batch.sources[0].mask_BS.sum())
        cells += batch.mask_BT.numel() + batch.sources[0].mask_BS.numel()
    assert batches.epoch == 1
    assert 1 - real / cells < 0.05


@pytest.mark.parametrize("name", members(TokenizerOptions))
def test_japanese_is_cut_and_joined_again(name: str):
    text = list(read_lines(folder("small-en-ja") / "dev.ja"))
    options = members(TokenizerOptions)[name].model_validate({"vocabulary_size": 3000})
    japanese = train_tokenizers(options, text, [], seed=1).source
    assert [japanese.decode(japanese.encode(line)) for line in text] == [" ".join(line.split()) for line in text]
    assert max(japanese.words(japanese.encode(text[0]))) == len(text[0].split()) - 1


def test_the_tab_of_multi30k_is_found_by_the_check():
    text = folder("multi30k-en-de")
    report = check([text / "train.en"], [text / "train.de"])
    (controls,) = (finding for finding in report.findings if finding.kind == "controls")
    assert (controls.file, controls.lines, controls.detail) == (f"{text}/train.de", [7366], "U+0009 TAB")
    assert report.ok


def test_tatoeba_has_sources_with_several_targets():
    text = folder("tatoeba-en-de")
    pairs = set(zip(read_lines(text / "all.en"), read_lines(text / "all.de"), strict=True))
    several = sum(count > 1 for count in Counter(source for source, _ in pairs).values())
    found = {finding.kind: finding.count for finding in check([text / "all.en"], [text / "all.de"]).findings}
    assert found["several_targets"] == several
