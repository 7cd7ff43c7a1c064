"""What translate, evaluate and align read and write: lines of text, JSON Lines, alignment matrices."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import typer

from nmt.data.corpus import decoded, read_lines, read_pairs, read_rows, with_halves
from nmt.data.inputs import as_line, in_documents
from nmt.errors import ConfigError, DataError
from nmt.storage.files import written_whole
from nmt.storage.places import check_free, is_file, is_there, resolved

if TYPE_CHECKING:
    from nmt.data.inputs import Line, Row
    from nmt.metrics.alignment import GoldLinks
    from nmt.metrics.matrices import AlignmentMatrix
    from nmt.text.tokenizers import Tokenizer, Tokenizers
    from nmt.translate import Alignment, Translation

PICTURES = 50  # heatmaps drawn of a file, at most


def rows_of(paths: Sequence[Path], documents: Path | None) -> Iterator["Row"]:
    """The lines of a file, or of several in step, or of standard input where there is none, and the ids of their
    documents where a file has them; what is no UTF-8 in them as `with_halves`.

    Raises: DataError as `read_rows`, and where standard input has more lines than there are ids, or fewer.
    """
    if paths or documents is None:
        ids = [] if documents is None else [documents]
        return read_rows([*paths, *ids], with_halves) if paths else ((line,) for line in _standard_input())
    return _with_ids(_standard_input(), documents)


def _with_ids(lines: Iterator[str], documents: Path) -> Iterator["Row"]:
    for number, (line, own) in enumerate(zip_longest(lines, read_lines(documents, with_halves)), 1):
        if own is None:
            raise DataError(f"{documents}: ends before line {number} of standard input", "give an id for each line")
        if line is None:
            raise DataError(f"{documents}:{number}: standard input ends before it", "give an id for each line")
        yield line, own


def lines_of(rows: Iterable["Row"], documents: Path | None, context: int) -> Iterator["Line"]:
    """What is translated of such rows: with the `context` sentences before it in its document, where ids are given."""
    return map(as_line, rows) if documents is None else in_documents(rows, context)


def is_typed() -> bool:
    """Whether standard input is a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()


def _standard_input() -> Iterator[str]:
    if sys.stdin is None:
        raise DataError("standard input: it is closed", "give --input")
    yield from decoded(sys.stdin.buffer, "standard input", "convert the text to UTF-8 first", with_halves)


@contextmanager
def opened(path: Path | None, overwrite: bool) -> Iterator[BinaryIO]:
    """A file that appears whole or not at all, or standard output. Raises: DataError where that is closed, and as
    `written_whole`."""
    if path is None:
        if sys.stdout is None:
            raise DataError("standard output: it is closed", "give --output")
        try:
            yield sys.stdout.buffer
        finally:
            sys.stdout.buffer.flush()
    else:
        with written_whole(path, replace=overwrite) as file:
            yield file


def check_files(run: Path, read: Iterable[Path | None], written: Iterable[Path | None]) -> None:
    """Raises: ConfigError when a file that is to be written is read or written already, or is the run's own (devices
    may be), and when that cannot be told."""
    found = {resolved(path, ConfigError): "read" for path in read if path}
    for path in written:
        if path == Path("-"):
            message = "-: a file of that name would be made"
            raise ConfigError(message, "name a file; without --output it goes to standard output")
        if path is None or (is_there(path, ConfigError) and not is_file(path, ConfigError)):
            continue
        if _is_of(run, path):
            raise ConfigError(f"{path}: is the run's own, and would be replaced", "name another file")
        place = resolved(path, ConfigError)
        if place in found:
            raise ConfigError(f"{path}: is {found[place]}, and would be replaced", "name another file")
        found[place] = "written by another option"


def check_new(written: Iterable[Path | None], overwrite: bool) -> None:
    """Raises: ConfigError when a file is there that has something in it, and would be replaced without `overwrite`."""
    for path in () if overwrite else filter(None, written):
        check_free(path, ConfigError)


def draw_in(
    folder: Path, matrices: Iterable["AlignmentMatrix"], gold: Sequence["GoldLinks"] | None = None
) -> list[Path]:
    """Draw heatmaps, and remove those of other lines that were there; the paths of the pictures."""
    from nmt.visualize.heatmap import draw_heatmaps

    drawn = draw_heatmaps(matrices, folder, gold)
    for path in set(pictures_in(folder)) - set(drawn):
        path.unlink(missing_ok=True)
    return drawn


def pictures_in(folder: Path | None) -> list[Path]:
    """Where heatmaps go, in a folder."""
    if folder is None:
        return []
    from nmt.visualize.heatmap import picture_of

    return [picture_of(folder, number) for number in range(1, PICTURES + 1)]


def _is_of(run: Path, path: Path) -> bool:
    """Whether a file is one of those that make up a run or an exported model."""
    place, home = resolved(path, ConfigError), resolved(run, ConfigError)
    if home not in place.parents:
        return False
    from nmt.checkpoint import CONTENTS
    from nmt.export.directory import is_export

    return place.relative_to(home).parts[0] in CONTENTS or (is_export(run) and is_there(path, ConfigError))


def pairs_of(sources: Sequence[Path], target: Path, documents: Path | None) -> tuple[list["Row"], list[str]]:
    """The lines of the source texts, with the ids of their documents as `rows_of`, and of the target.

    Raises: DataError when they are not equally many, or none.
    """
    pairs = list(read_pairs([[source] for source in sources], [target], [] if documents is None else [documents]))
    rows = [pair.sources if documents is None else (*pair.sources, pair.document[1]) for pair in pairs]
    return rows, [pair.target for pair in pairs]


def noted(translations: Iterable["Translation"], names: Sequence[str], done: int = 0) -> Iterator["Translation"]:
    """The translations of the lines after the first `done`, with what is to be said of each, by the names of its
    sources."""
    for number, translation in enumerate(translations, done + 1):
        for note in translation.notes:
            typer.echo(f"warning: {names[note.source]}:{number}: {note.text}", err=True)
        yield translation


def json_line(value: Any) -> bytes:
    """A value as one line of JSON Lines."""
    return (json.dumps(value, ensure_ascii=False) + "\n").encode()


def translation_record(translation: "Translation") -> dict[str, Any]:
    """A line's hypotheses with pieces, scores and alignments: the object of `nmt translate --json`."""
    from nmt.metrics.matrices import rounded

    hypotheses = [
        {
            "text": hypothesis.text,
            "score": hypothesis.score,
            "log_prob": hypothesis.log_prob,
            "pieces": list(hypothesis.pieces),
            "alignment": None if hypothesis.alignment_TS is None else rounded(hypothesis.alignment_TS),
        }
        for hypothesis in translation.hypotheses
    ]
    return {
        "source": translation.source,
        "source_pieces": list(translation.source_pieces),
        "segments": translation.num_segments,
        "hypotheses": hypotheses,
    }


def word_matrix(translation: "Translation", tokenizers: "Tokenizers") -> "AlignmentMatrix":
    """The best hypothesis' alignment, pieces merged to words; an empty line, and one that is too long for an alignment,
    has an empty matrix."""
    import numpy as np

    from nmt.translate import Alignment

    best = translation.hypotheses[0] if translation.hypotheses else None
    if best is None or best.alignment_TS is None:
        return _merged(tokenizers, Alignment((), (), np.zeros((0, 0), dtype=np.float32), 0.0))
    return _merged(tokenizers, Alignment(translation.source_pieces, best.pieces, best.alignment_TS, best.log_prob))


def aligned_words(alignments: Iterable["Alignment"], tokenizers: "Tokenizers") -> Iterator["AlignmentMatrix"]:
    """Forced alignments, pieces merged to words."""
    for alignment in alignments:
        yield _merged(tokenizers, alignment)


def word_count(line: str, tokenizer: "Tokenizer") -> int:
    """How many words the alignment matrices of a line have."""
    return len(tokenizer.decode(tokenizer.encode(line)).split())


def _merged(tokenizers: "Tokenizers", alignment: "Alignment") -> "AlignmentMatrix":
    from nmt.metrics.alignment import merge_pieces
    from nmt.metrics.matrices import AlignmentMatrix

    source, target = alignment.source_pieces, alignment.target_pieces
    source_words, target_words = tokenizers.source.decode(source).split(), tokenizers.target.decode(target).split()
    weights_TS = merge_pieces(
        alignment.weights_TS,
        tokenizers.source.words(source),
        tokenizers.target.words(target),
        sizes=(len(source_words), len(target_words)),
    )
    return AlignmentMatrix(tuple(source_words), tuple(target_words), weights_TS)
