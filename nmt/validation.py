"""The figures by which training is watched and its best checkpoint chosen, all of the validation set."""

from collections.abc import Callable

import torch

from nmt import tree
from nmt.config import Config
from nmt.data.batching import sequential_batches
from nmt.data.prepare import Prepared
from nmt.loss import translation_loss
from nmt.metrics.bleu import make_metric, score
from nmt.model import EncoderDecoder
from nmt.search import Greedy
from nmt.translate import Decoding, Translator


def validator(config: Config, data: Prepared) -> Callable[[EncoderDecoder], dict[str, float]]:
    """The function that `fit` asks for a model's figures: `loss` in nats per target piece (with label smoothing),
    `nll` without it, and `bleu` and `chrf` of greedy translations (lower-cased where the tokenizer lower-cases)."""

    def validate(model: EncoderDecoder) -> dict[str, float]:
        return {**losses(model, config, data), **scores(model, config, data)}

    return validate


@torch.inference_mode()
def losses(model: EncoderDecoder, config: Config, data: Prepared) -> dict[str, float]:
    """Means per target piece over the validation pairs."""
    device = next(model.parameters()).device
    total = nll = tokens = 0.0
    for batch in sequential_batches(data.valid, config.training.batch_tokens):
        loss = translation_loss(model, tree.to(batch, device), config.training.label_smoothing)
        total, nll, tokens = total + float(loss.total), nll + float(loss.nll), tokens + loss.tokens
    return {"loss": total / tokens, "nll": nll / tokens}


def scores(model: EncoderDecoder, config: Config, data: Prepared) -> dict[str, float]:
    """BLEU and chrF of greedy translations of the validation sources."""
    greedy = Greedy.Options(max_length_ratio=config.search.max_length_ratio)
    translator = Translator(model, data.tokenizers, greedy, config.data.max_length, data.inputs)
    lines = translator.translate(data.valid_sources, Decoding(greedy, batch_tokens=config.training.batch_tokens))
    metrics = {name: make_metric(name, lowercase=config.tokenizer.lowercase) for name in ("bleu", "chrf")}
    return {name: score(lines, data.valid_references, metric).value for name, metric in metrics.items()}
