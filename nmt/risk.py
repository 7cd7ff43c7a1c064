"""Minimum risk training: after cross-entropy has taught a model to translate, the score itself is what it follows."""

from typing import NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from nmt.batch import Batch, with_targets
from nmt.metrics.sentence import SentenceBleu
from nmt.model import EncoderDecoder
from nmt.sampling import sample
from nmt.search import LENGTH_ALLOWANCE
from nmt.settings import Settings
from nmt.text.base import Tokenizer
from nmt.text.vocabulary import EOS

LONGEST = 1.5  # times the reference's pieces, plus LENGTH_ALLOWANCE


class Drawn(NamedTuple):
    """A batch whose targets were drawn from the model, weighted, and the mean risk of them."""

    batch: Batch
    risk: float


class Risk:
    """R = Σ_x E_{y ~ P(y|x)}[1 − b(y)], b being the BLEU of a sentence (nmt.metrics.sentence).

    ∇R is estimated with K translations y_k drawn for each source, each weighed against the others:
    Σ_k w_k · ∇(−log P(y_k|x)), w_k = b(y_k) − mean_{j≠k} b(y_j), times K. They are drawn without dropout, and learned
    from with it.
    Cost: K translations and their gradients a source, which is encoded once for all of them.
    Source: Shen et al. 2016, eq. 9 (the risk); Williams 1992 (its gradient); Kool et al. 2019 (the others as
    baseline). Differs: Shen's risk is of P made sharper or flatter among what was drawn; this one is of P.
    """

    class Options(Settings):
        """Follow the BLEU of translations that are drawn; `start_from` is where training begins."""

        samples: int = Field(5, ge=2, le=100, description="translations drawn of each source, K")

    def __init__(self, options: Options, target: Tokenizer, lowercase: bool) -> None:
        self.samples = options.samples
        self._target = target
        self._bleu = SentenceBleu(lowercase)

    def draw(self, model: EncoderDecoder, batch: Batch) -> Drawn:
        """Targets in place of the batch's own, `samples` of each source; the model is left in training mode."""
        references = [row[mask] for row, mask in zip(batch.target_BT.cpu(), batch.mask_BT.cpu(), strict=True)]
        limit_B = (LONGEST * batch.mask_BT.sum(dim=1)).ceil().long() + LENGTH_ALLOWANCE
        if model.max_length is not None:
            limit_B = limit_B.clamp(max=model.max_length)
        drawn = sample(model.eval(), batch.sources, self.samples, limit_B)
        model.train()
        texts = [self._text(reference.tolist()) for reference in references]
        scores = [self._bleu(self._text(ids), texts[number // self.samples]) for number, ids in enumerate(drawn)]
        score_BK = torch.tensor(scores).view(-1, self.samples)
        weight_N = advantages(score_BK).flatten().to(batch.input_BT.device)
        return Drawn(with_targets(batch, drawn, weight_N), 1 - float(score_BK.mean()))

    def _text(self, ids: list[int]) -> str:
        return self._target.decode(self._target.vocabulary.to_pieces(number for number in ids if number != EOS))


def advantages(score_BK: Tensor) -> Tensor:
    """Each score less the mean of the others of its sentence."""
    others_BK = (score_BK.sum(dim=1, keepdim=True) - score_BK) / (score_BK.shape[1] - 1)
    return score_BK - others_BK
