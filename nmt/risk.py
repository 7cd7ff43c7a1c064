"""Minimum risk training: after cross-entropy has taught a model to translate, the score itself is what it follows."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from nmt.batch import Batch, with_targets
from nmt.model import EncoderDecoder
from nmt.sampling import sample
from nmt.search import limits
from nmt.settings import Settings
from nmt.text.base import UNKNOWN_TEXT, Tokenizer
from nmt.text.vocabulary import EOS
from nmt.tree import to

UNMATCHED = "\ue000"  # of private use: no text has it
LONGEST = 1.5  # times the reference's pieces, and some


class Drawn(NamedTuple):
    """A batch whose targets were drawn from the model, weighted, and the mean risk of them."""

    batch: Batch
    risk: float


class Risk:
    """R = Σ_x E_{y ~ P(y|x)}[1 − b(y)], b being the BLEU of a sentence (nmt.metrics.sentence).

    Of K translations y_k drawn for each source, each is weighed against the others, w_k = b(y_k) − mean_{j≠k} b(y_j),
    and Σ_k w_k · (−log P(y_k|x)) has the gradient K · ∇R in the mean, without dropout. At a temperature below 1 they
    are drawn nearer to what greedy search finds; what is followed is no risk's gradient then (docs/log.md has both).
    References are the training pairs' pieces as text; unknown pieces that are drawn are words that match nothing.
    Cost: K translations and their gradients a source, which is encoded once to draw them and once to learn from them.
    Source: Shen et al. 2016, eq. 9 (the risk); Williams 1992 (its gradient); Kool et al. 2019 (the others as
    baseline). Differs: Shen's risk is of P made sharper or flatter among what was drawn, this one is of P. Pieces that
    begin or fill up a sentence are not drawn, and translations end at 1.5 times the reference's pieces and 10; they are
    drawn without dropout, and learned from with it.
    """

    class Options(Settings):
        """Follow the BLEU of translations that are drawn, from the weights of `start_from` on."""

        samples: int = Field(
            5, ge=2, le=100, description="translations drawn of each source, K; batch_tokens counts the references"
        )

        temperature: float = Field(
            1.0, gt=0, description="pieces are drawn in proportion to P^(1 / temperature); 1 for the risk itself"
        )
        tokenize: Literal["13a", "intl", "zh", "ja-mecab", "ko-mecab", "char", "none"] = Field(
            "13a", description="how sacreBLEU splits words to count them"
        )

    def __init__(self, options: Options, target: Tokenizer, score: Callable[[str, str], float]) -> None:
        """`score(translation, reference)` is b."""
        self.samples, self._temperature = options.samples, options.temperature
        self._target = target
        self._score = score

    def draw(self, model: EncoderDecoder, batch: Batch) -> Drawn:
        """Targets in place of the batch's own, `samples` of each source, on the model's device; the model is left in
        training mode."""
        device = next(model.parameters()).device
        references = [self._text(row[mask].tolist()) for row, mask in zip(batch.target_BT, batch.mask_BT, strict=True)]
        limit_B = limits(batch.mask_BT.sum(dim=1), LONGEST, model.max_length)
        batch = to(batch, device)
        drawn = sample(model.eval(), batch.sources, self.samples, limit_B.to(device), self._temperature)
        model.train()
        scores = [
            self._score(self._text(ids).replace(UNKNOWN_TEXT, UNMATCHED), references[number // self.samples])
            for number, ids in enumerate(drawn)
        ]
        score_BK = torch.tensor(scores).view(-1, self.samples)
        weight_N = advantages(score_BK).flatten().to(device)
        return Drawn(with_targets(batch, drawn, weight_N), 1 - float(score_BK.mean()))

    def _text(self, ids: list[int]) -> str:
        return self._target.decode(self._target.vocabulary.to_pieces(number for number in ids if number != EOS))


def advantages(score_BK: Tensor) -> Tensor:
    """Each score less the mean of the others of its sentence."""
    others_BK = (score_BK.sum(dim=1, keepdim=True) - score_BK) / (score_BK.shape[1] - 1)
    return score_BK - others_BK
