"""The examples of docs/formats.md are files that can be read."""

import json
import re
from pathlib import Path

from nmt.metrics.alignment import read_links
from nmt.metrics.matrices import read_matrices

FORMATS = Path(__file__).parents[2] / "docs" / "formats.md"


def example(heading, kind):
    """The first code block of a kind below a heading."""
    section = FORMATS.read_text(encoding="utf-8").split(f"## {heading}", 1)[1]
    return re.search(rf"```{kind}\n(.*?)```", section, re.DOTALL)[1]


def test_the_pharaoh_example_is_read(tmp_path):
    (tmp_path / "links").write_text(example("Links: Pharaoh", ""))
    first, second = read_links(tmp_path / "links").sentences
    assert (first.sure, second.sure) == ({(0, 0), (1, 2), (2, 1)}, {(0, 0)})
    assert second.possible == {(0, 0), (1, 1)}


def test_the_matrix_example_is_read(tmp_path):
    (tmp_path / "a.jsonl").write_text(example("Alignment matrices: JSON Lines", "json"), encoding="utf-8")
    (matrix,) = read_matrices(tmp_path / "a.jsonl")
    assert (matrix.source[2], matrix.target[2], matrix.weights_TS[2, 2]) == ("Haus", "house", 0.93)


def test_the_translation_example_has_weights_for_every_piece_and_the_end():
    line = json.loads(example("Translations", "json"))
    (hypothesis,) = line["hypotheses"]
    rows, columns = len(hypothesis["pieces"]) + 1, len(line["source_pieces"]) + 1
    assert [len(row) for row in hypothesis["alignment"]] == [columns] * rows
