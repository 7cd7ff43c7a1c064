"""The figures by which training is watched and its best checkpoint chosen, all of the validation set."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from nmt import tree
from nmt.config import Config
from nmt.data.batching import sequential_batches
from nmt.data.prepare import Prepared
from nmt.decoders.base import Want
from nmt.loss import translation_loss
from nmt.metrics.bleu import make_metric, score
from nmt.model import EncoderDecoder
from nmt.search import Greedy, Predictions
from nmt.training import Interrupted
from nmt.translate import Decoding, Translator


def validator(
    config: Config, data: Prepared, stop: Callable[[], bool] = lambda: False
) -> Callable[[EncoderDecoder], dict[str, float]]:
    """The function that `fit` asks for a model's figures: `loss` in nats per target piece (with label smoothing),
    `nll` without it, and `bleu` and `chrf` of greedy translations (lower-cased where the tokenizer lower-cases).

    It asks `stop` before each batch and each step of the search, and raises Interrupted when it says so.
    """

    def go_on() -> None:
        if stop():
            raise Interrupted

    def validate(model: EncoderDecoder) -> dict[str, float]:
        return {**losses(model, config, data, go_on), **scores(model, config, data, go_on)}

    return validate


class Watched:
    """A model as search sees it, which calls `go_on` before each step: what that raises leaves the search."""

    def __init__(self, model: EncoderDecoder, go_on: Callable[[], None]) -> None:
        self.max_length, self.encode, self.start = model.max_length, model.encode, model.start
        self._step, self._go_on = model.step, go_on

    def step(self, ids_N: Tensor, memory: Any, state: Any, want: Want | None) -> tuple[Predictions, Tensor | None, Any]:
        """The model's own step."""
        self._go_on()
        return self._step(ids_N, memory, state, want)


@torch.inference_mode()
def losses(
    model: EncoderDecoder, config: Config, data: Prepared, go_on: Callable[[], None] = lambda: None
) -> dict[str, float]:
    """Means per target piece over the validation pairs."""
    device = next(model.parameters()).device
    total = nll = tokens = 0.0
    for batch in sequential_batches(data.valid, config.training.batch_tokens):
        go_on()
        loss = translation_loss(model, tree.to(batch, device), config.training.label_smoothing)
        total, nll, tokens = total + float(loss.total), nll + float(loss.nll), tokens + loss.tokens
    return {"loss": total / tokens, "nll": nll / tokens}


def scores(
    model: EncoderDecoder, config: Config, data: Prepared, go_on: Callable[[], None] = lambda: None
) -> dict[str, float]:
    """BLEU and chrF of greedy translations of the validation sources."""
    greedy = Greedy.Options(max_length_ratio=config.search.max_length_ratio)
    translator = Translator(model, data.tokenizers, greedy, config.data.max_length, data.inputs)
    translator.stepper = Watched(model, go_on)
    lines = translator.translate(data.valid_sources, Decoding(greedy, batch_tokens=config.training.batch_tokens))
    metrics = {name: make_metric(name, lowercase=config.tokenizer.lowercase) for name in ("bleu", "chrf")}
    return {name: score(lines, data.valid_references, metric).value for name, metric in metrics.items()}
