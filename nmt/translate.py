"""From lines to lines: a trained model, its tokenizers and search, put together.

Following one sentence: `translate_lines` → `Tokenizer.encode` → `make_sources` → `EncoderDecoder.encode` →
`search` (`EncoderDecoder.step`) → `Tokenizer.decode`.
"""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

import numpy as np
import torch

from nmt import tree
from nmt.batch import at_real_places, make_batch, make_sources
from nmt.checkpoint import Run
from nmt.data.corpus import is_text, readable
from nmt.data.inputs import Inputs, Line, Pieces, Recent, Row, source_ids
from nmt.decoders.base import Want
from nmt.errors import ConfigError, DataError
from nmt.hypotheses import Hypothesis
from nmt.model import EncoderDecoder
from nmt.precision import Precision, lowered
from nmt.search import Beam, Greedy, Stepper, search
from nmt.segments import segments
from nmt.sharing import batches, dealt, shared_out, side_by_side
from nmt.text.copying import to_pieces
from nmt.text.tokenizers import Tokenizers
from nmt.text.vocabulary import UNKNOWN
from nmt.translations import CELLS, Alignment, Decoding, Note, Part, Translated, Translation, join

__all__ = [
    "Alignment",
    "Decoding",
    "LineTranslator",
    "Note",
    "Part",
    "Translated",
    "Translation",
    "Translator",
    "join",
]

CHUNK = 2048  # lines that are sorted by length together,
CHUNK_CHARACTERS = 1 << 21  # or fewer, where they have so many characters
LINE_ENDS = re.compile("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")  # whatever reader takes for one
LEFT = "its translation is empty"


class LineTranslator(ABC):
    """Lines to lines, whatever searches for the hypotheses of their parts: long lines are cut at `max_length` pieces of
    the source, end of sentence counted, and put together again.

    A line is a text. Where the model reads several source texts, it is a tuple of them, and what is too long in one is
    cut off, as no one can say where the others go on. Where it reads the sentences before, they are the lines before,
    up to a blank one, unless the tuple has them already. What becomes of a line that is too long or cannot be
    translated stands in its Translation's notes.
    """

    tokenizers: Tokenizers
    search: Beam.Options | Greedy.Options
    max_length: int
    inputs: Inputs = Inputs()

    def translate(self, lines: Iterable[Line], decoding: Decoding | None = None) -> list[str]:
        """The best translation of every line, in order; an empty line gives an empty line."""
        return [translation.text for translation in self.translate_lines(lines, decoding)]

    def translate_lines(
        self, lines: Iterable[Line], decoding: Decoding | None = None, done: int = 0, at_once: int | None = None
    ) -> Iterator[Translation]:
        """Translations in the order of the lines, as they come: those of `at_once` lines, or CHUNK, when these have
        been read; memory follows that number, not the file. One for each line, whatever it holds; none for the first
        `done`, so that those that follow are, bit for bit, what they are anyway.

        Without attention, the alignments of `Want()` are None.
        Raises: ConfigError as `check`, where a layer or heads are named or unknown pieces are to be replaced; DataError
        for a line of more or fewer sources than the model reads.
        """
        decoding = decoding or Decoding(self.search)
        if decoding.replace_unknown:
            decoding = decoding._replace(want=decoding.want or Want())
        if decoding.want is not None and (decoding.replace_unknown or decoding.want != Want()):
            self.check(decoding.want)
        chunks = ((first, rows) for first, rows in chunked(self.rows(lines), at_once) if first + len(rows) > done)
        left = (islice(self._translate_chunk(rows, decoding), max(done - first, 0), None) for first, rows in chunks)
        return chain.from_iterable(left)

    def rows(self, lines: Iterable[Line]) -> Iterator[Row]:
        """Each line as the texts of all sources.

        Raises: DataError for a line of more or fewer than the model reads.
        """
        recent = Recent(self.inputs.context)
        for number, line in enumerate(lines, 1):
            row = (line, *recent.before()) if isinstance(line, str) else line
            if len(row) != self.inputs.num_sources:
                raise DataError(
                    f"line {number}: has {len(row)} sources, and the model reads {self.inputs.num_sources}",
                    "give a tuple with one text for each source, in the order of the config's data.train.source",
                )
            if self.inputs.is_blank(row):
                recent.end()
            recent.add(row[0])
            yield row

    @abstractmethod
    def check(self, want: Want) -> None:
        """Raises: NmtError where there is no such attention to show."""

    def _translate_chunk(self, rows: list[Row], decoding: Decoding) -> Iterator[Translation]:
        """Split, translate all parts by length, and put the lines together again."""
        cut = [self._parts(row) for row in rows]
        translated = iter(self.translate_segments([part for parts, _ in cut for part in parts], decoding))
        for row, (parts, notes) in zip(rows, cut, strict=True):
            pieces = tuple(piece for part in parts for piece in part.pieces)
            found = [[one for one in next(translated) if is_sound(one)] for _ in parts]
            lost = () if all(found) else (Note(f"no translation of it is text with a score that is a number; {LEFT}"),)
            joined = () if lost else join(parts, found)
            yield Translation(readable(row[0]), pieces, joined, len(parts), (*notes, *lost))

    def _parts(self, row: Row) -> tuple[list[Part], tuple[Note, ...]]:
        """What is searched for, one by one, and what is to be said of the line."""
        if self.inputs.is_blank(row):
            return [], ()
        for number, text in enumerate(row):
            if not is_text(text):
                return [], (Note(f"not valid UTF-8; {LEFT}", min(number, self.inputs.texts - 1)),)
        limit, texts = self.max_length - 1, self.inputs.texts
        try:
            first, *others = sources = self.inputs.cut(row, self.tokenizers.source, limit)
        except (ValueError, RuntimeError) as error:  # the tokenizer refuses it
            return [], (Note(f"cannot be cut into pieces ({error}); {LEFT}"),)
        if not any(sources[:texts]):
            return [], (Note(f"the tokenizer leaves nothing of it; {LEFT}"),)
        if texts > 1:
            long = [(number, len(pieces)) for number, pieces in enumerate(sources) if len(pieces) > limit]
            notes = tuple(Note(f"{length} pieces, cut off at {limit}", number) for number, length in long)
            return [Part(tuple(pieces[:limit] for pieces in sources))], notes
        cut = segments(first, self.tokenizers.source.words(first), limit)
        split = Note(f"{len(first)} pieces, more than the model reads at once: translated in {len(cut)} parts")
        parts = [Part((segment.pieces, *others), segment.begins_word) for segment in cut]
        return parts, (split,) if len(cut) > 1 else ()

    @abstractmethod
    def translate_segments(self, parts: list[Part], decoding: Decoding) -> list[list[Translated]]:
        """The hypotheses of each part, best first."""

    def text(self, pieces: Sequence[str]) -> str | None:
        """The one line that target pieces stand for, whatever a vocabulary holds; None where that is no text at all."""
        try:
            written = LINE_ENDS.sub(" ", self.tokenizers.target.decode(pieces))
            written.encode()
        except (ValueError, RuntimeError):
            return None
        return written


def chunked(rows: Iterable[Row], at_once: int | None = None) -> Iterator[tuple[int, list[Row]]]:
    """Lists of at most `at_once` rows, or CHUNK, and about CHUNK_CHARACTERS characters, each with the number of rows
    before it."""
    before, chunk, size = 0, list[Row](), 0
    largest = at_once or CHUNK
    for row in rows:
        chunk.append(row)
        size += sum(map(len, row))
        if len(chunk) >= largest or size >= CHUNK_CHARACTERS:
            yield before, chunk
            before, chunk, size = before + len(chunk), [], 0
    if chunk:
        yield before, chunk


def is_sound(found: Translated) -> bool:
    """Whether its figures are numbers."""
    return math.isfinite(found.score) and math.isfinite(found.log_prob)


class Translator(LineTranslator):
    """A model with its tokenizers, ready to translate.

    `Translator.load("runs/x").translate(["…"])` gives one line of text for each line.
    """

    def __init__(
        self,
        model: EncoderDecoder,
        tokenizers: Tokenizers,
        search: Beam.Options | Greedy.Options,
        max_length: int,
        inputs: Inputs = Inputs(),  # noqa: B008 (a value)
    ) -> None:
        self.model = model
        self.stepper: Stepper = model
        self.tokenizers = tokenizers
        self.search = search
        self.inputs = inputs
        limit = model.encoder.max_length
        self.max_length = max_length if limit is None else min(max_length, limit)
        self.device = next(model.parameters()).device

    @classmethod
    def load(
        cls, run: Path | str, checkpoint: str = "best", device: str | None = None, precision: Precision = "float32"
    ) -> "Translator":
        """The translator of a run directory. `checkpoint`: best, last, average or step-N. Its model is for decoding:
        predictions have no gradients, nor do they follow changes of its weights.

        Raises: CheckpointError for a run or checkpoint that cannot be used, ConfigError for a precision that cannot.
        """
        opened = Run.open(Path(run))
        place = device or ("cuda" if torch.cuda.is_available() else "cpu")
        model = lowered(opened.load_model(checkpoint, place), precision)
        config = opened.config
        return cls(model, opened.tokenizers, config.search, config.data.max_length, config.inputs)

    def align(
        self, sources: Sequence[Line], targets: Sequence[str], want: Want | None = None, batch_tokens: int = 4096
    ) -> list[Alignment]:
        """Forced alignments of given pairs, with the first source; of a pair that is longer than the model reads, or
        than its weights have room for, an empty one with a note.

        Raises: ConfigError as `check`, DataError as `translate_lines`.
        """
        want = want or Want()
        self.check(want)
        pieces = [
            (Part(tuple(self._cut(row))), tuple(self.tokenizers.target.encode(target)))
            for row, target in zip(self.rows(sources), targets, strict=True)
        ]
        lengths = [(_length(part), len(target) + 1) for part, target in pieces]
        found = {number: _unaligned(*pair) for number, pair in enumerate(lengths) if self._is_too_long(*pair)}
        short = [number for number in range(len(pieces)) if number not in found]
        for places in batches([max(lengths[number]) for number in short], batch_tokens):
            numbers = [short[place] for place in places]
            found |= zip(numbers, self._align([pieces[number] for number in numbers], want), strict=True)
        return [found[number] for number in range(len(pieces))]

    def _is_too_long(self, source: int, target: int) -> bool:
        limits = (self.model.encoder.max_length or CELLS, self.model.max_length or CELLS)
        return source > limits[0] or target > limits[1] or source * target > CELLS

    @torch.inference_mode()
    def _align(self, pairs: Sequence[tuple[Part, tuple[str, ...]]], want: Want) -> Iterator[Alignment]:
        vocabulary = self.tokenizers.target.vocabulary
        targets = [self.inputs.target_ids(target, part.pieces, vocabulary) for part, target in pairs]
        sources, copies = self._ids([part for part, _ in pairs])
        batch = tree.to(make_batch(sources, targets, range(len(pairs)), copies), self.device)
        forced = self.model(batch, want)
        assert forced.weights_BTS is not None, "checked before"
        _, nll_M = self.model.output.nll(*at_real_places((forced.outcome, batch.target_BT), batch))
        start = 0
        for (part, target), weights_TS in zip(pairs, forced.weights_BTS.float().cpu().numpy(), strict=True):
            end, width = start + len(target) + 1, len(part.pieces) + 1
            log_prob = -float(nll_M[start:end].sum())
            yield Alignment(part.pieces, target, weights_TS[: len(target) + 1, :width], log_prob)
            start = end

    def check(self, want: Want) -> None:
        """Raises: ConfigError unless the decoder attends to the source, in that layer and with those heads."""
        layers, heads = self.model.decoder.num_layers, self.model.decoder.num_heads
        if not heads:
            raise ConfigError("the model has no attention: there is nothing to align with", "train one that has")
        if not -layers <= want.layer < layers:
            raise _no_such("layer", want.layer, layers)
        for head in want.heads or ():
            if not 0 <= head < heads:
                raise _no_such("head", head, heads)

    def _cut(self, row: Row) -> list[Pieces]:
        return self.inputs.cut(row, self.tokenizers.source, self.max_length - 1)

    def _ids(self, parts: Sequence[Part]) -> tuple[list[list[list[int]]], list[list[int]] | None]:
        """The ids of each source of the parts, and what may be copied from the first one where the model does so."""
        source, target = (tokenizer.vocabulary for tokenizer in self.tokenizers)
        columns = zip(*(part.sources for part in parts), strict=True)
        copies = [self.inputs.copies(part.pieces, target) for part in parts] if self.inputs.copying else None
        return [[source_ids(pieces, source) for pieces in column] for column in columns], copies

    def translate_segments(self, parts: list[Part], decoding: Decoding) -> list[list[Translated]]:
        """Search for the parts in batches of alike lengths, short ones first, dealt out among threads."""
        results: dict[int, list[Translated]] = {}
        lengths = list(map(_length, parts))
        threads = torch.get_num_threads() if self.device.type == "cpu" else 1
        shares = dealt(batches(lengths, shared_out(lengths, decoding.source_tokens, threads)), threads)
        texts = [[[parts[number] for number in numbers] for numbers in share] for share in shares]
        searched = side_by_side(lambda text: self._search(text, decoding), texts, self.device)
        for share, found in zip(shares, searched, strict=True):
            for number, hypotheses in zip(chain.from_iterable(share), found, strict=True):
                written = (self._translated(parts[number], found, decoding) for found in hypotheses)
                results[number] = [one for one in written if one is not None]
        return [results[number] for number in range(len(parts))]

    @torch.inference_mode()
    def _search(self, texts: Sequence[Sequence[Part]], decoding: Decoding) -> list[list[Hypothesis]]:
        sources = (tree.to(make_sources(*self._ids(parts)), self.device) for parts in texts)
        return search(self.stepper, sources, decoding.search, decoding.n_best, decoding.want, decoding.max_length)

    def _translated(self, part: Part, found: Hypothesis, decoding: Decoding) -> Translated | None:
        pieces = to_pieces(found.ids, part.pieces, self.tokenizers.target.vocabulary)
        if decoding.replace_unknown and part.pieces and found.alignment_TS is not None:
            for place, piece in enumerate(found.ids):
                if piece == UNKNOWN:
                    pieces[place] = part.pieces[int(found.alignment_TS[place, :-1].argmax())]
        text = self.text(pieces)
        if text is None:
            return None
        return Translated(text, tuple(pieces), found.log_prob, found.score, found.alignment_TS)


def _length(part: Part) -> int:
    """Pieces of the longest source, end of sentence counted."""
    return max(len(pieces) for pieces in part.sources) + 1


def _unaligned(source: int, target: int) -> Alignment:
    lengths = f"{source - 1} source and {target - 1} target pieces"
    return Alignment((), (), np.zeros((0, 0), dtype=np.float32), 0.0, (Note(f"{lengths}, too long to be aligned"),))


def _no_such(part: str, number: int, count: int) -> ConfigError:
    asked = number + 1 if number >= 0 else number
    there = f"{count} {part}s" if count > 1 else f"1 {part}"
    return ConfigError(
        f"{part} {asked}: the decoder's attention has {there}", f"allowed: {'1 to ' * (count > 1)}{count}"
    )
