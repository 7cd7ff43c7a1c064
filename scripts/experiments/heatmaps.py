"""Where a trained model looks: the tool's heatmaps of a few pairs side by side in one small picture, and below each
other where it reads several sources."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.colors import LinearSegmentedColormap
from PIL import Image
from torch import Tensor

from nmt.attention.sources import Sources
from nmt.cli.results import aligned_words
from nmt.data.corpus import read_lines
from nmt.data.inputs import Row
from nmt.metrics.alignment import read_links
from nmt.metrics.matrices import AlignmentMatrix
from nmt.translate import Translator
from nmt.visualize.heatmap import BLUES, GOLD, draw_heatmap


class Texts(NamedTuple):
    """The files of a test set, gold links among them or not, and what is said of each source under a line's number."""

    sources: tuple[Path, ...]
    target: Path
    gold: Path | None = None
    called: tuple[str, ...] = ("",)


def draw(run: Path, texts: Texts, lines: Sequence[int], output: Path) -> None:
    """The heatmaps of these lines, counted from 1, with their gold links: a row for each source that is called
    something."""
    translator = Translator.load(run)
    columns = [list(read_lines(path)) for path in texts.sources]
    read = columns[0] if len(columns) == 1 else zip(*columns, strict=True)
    rows, targets = list(translator.rows(read)), list(read_lines(texts.target))
    gold = read_links(texts.gold).sentences if texts.gold else None
    with tempfile.TemporaryDirectory() as folder:
        pictures: list[list[Path]] = []
        for place, called in enumerate(texts.called):
            pictures.append([Path(folder, f"{place}_{line}.png") for line in lines])
            for line, picture in zip(lines, pictures[-1], strict=True):
                matrix = looked_at(translator, rows[line - 1], targets[line - 1], place)
                draw_heatmap(*matrix, picture, f"line {line}{called}", gold[line - 1] if gold else None)
        join(pictures, output)


def looked_at(translator: Translator, row: Row, target: str, place: int = 0) -> AlignmentMatrix:
    """The weights between the words of a pair's target and those of the source at that place, from 0."""
    with weights_over(translator, place) as seen:
        (found,) = translator.align([row], [target])
    if place:
        weights_HTS = torch.cat(seen, dim=2).squeeze(0)
        pieces = tuple(translator.inputs.cut(row, translator.tokenizers.source, translator.max_length - 1)[place])
        found = found._replace(source_pieces=pieces, weights_TS=weights_HTS.mean(dim=0).float().cpu().numpy())
    return next(aligned_words([found], translator.tokenizers))


@contextmanager
def weights_over(translator: Translator, place: int) -> Iterator[list[Tensor]]:
    """The weights (B, H, R, S) over the source at that place, as the model computes them within the context, in the
    last layer: it gives out those over the first one alone."""
    seen: list[Tensor] = []
    layers = [part for part in translator.model.modules() if place and isinstance(part, Sources)]
    attentions = [layer.attentions[place] for layer in layers[-1:]]

    def keep(_: Any, __: Any, attended: Any) -> None:
        seen.append(attended.weights_BHRS)

    hooks = [one.register_forward_pre_hook(lambda _, given: (*given[:-1], True)) for one in attentions]
    hooks += [one.register_forward_hook(keep) for one in attentions]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def join(pictures: Sequence[Sequence[Path]], output: Path) -> None:
    """The pictures in rows and columns, at two thirds of their size and in 256 colours."""
    rows = [[Image.open(path).convert("RGB") for path in row] for row in pictures]
    widths = [max(one.width for one in column) for column in zip(*rows, strict=True)]
    heights = [max(one.height for one in row) for row in rows]
    whole = Image.new("RGB", (sum(widths), sum(heights)), "white")
    for number, row in enumerate(rows):
        for place, one in enumerate(row):
            whole.paste(one, (sum(widths[:place]), sum(heights[: number + 1]) - one.height))
    small = whole.resize((whole.width * 2 // 3, whole.height * 2 // 3), Image.Resampling.LANCZOS)
    output.parent.mkdir(parents=True, exist_ok=True)
    in_few_colours(small).save(output, optimize=True)


def in_few_colours(picture: Image.Image) -> Image.Image:
    """The picture with the nearest of 256 colours for each of its own: most of the scale's, so that it has no bands."""
    blends = {("black", "white"): 40, (GOLD, "white"): 20, (GOLD, BLUES(1.0)): 20}
    scales = [(BLUES, 176), *((LinearSegmentedColormap.from_list("", ends), size) for ends, size in blends.items())]
    palette_CR = np.concatenate([scale(np.linspace(0, 1, size), bytes=True)[:, :3] for scale, size in scales])
    found_UR, own = np.unique(np.asarray(picture).reshape(-1, 3), axis=0, return_inverse=True)
    distances_UC = ((found_UR[:, None].astype(np.int64) - palette_CR) ** 2).sum(axis=2)
    few = Image.fromarray(distances_UC.argmin(axis=1).astype(np.uint8)[own.ravel()].reshape(picture.size[::-1]), "P")
    few.putpalette(palette_CR.tobytes())
    return few
