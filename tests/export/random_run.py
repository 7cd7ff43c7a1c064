"""Run directories with small random Transformers that read and write letters."""

from pathlib import Path
from typing import Any

import torch
from models import transformer

from nmt.checkpoint import Run
from nmt.config import Config
from nmt.storage.tensors import weights
from nmt.text.listed import Word
from nmt.text.tokenizers import train_tokenizers
from nmt.text.vocabulary import BOS, EOS, PAD

LETTERS = "a b c d e f g h"
SENTENCES = ["a b c", "d", "h g f e d c b a", "b b a", "c x a", "e f g h a b", "d d d d d", "a b c"]


def random_run(
    directory: Path, model: dict[str, Any] | None = None, shared: bool = True, seed: int = 1, **sections: Any
) -> Run:
    """A run with one checkpoint, `step-1`. Sentences end soon, and `<pad>` and `<s>` are next to impossible."""
    config = Config.model_validate(
        {
            "data": {"train": {"source": "a", "target": "b"}, "valid": {"source": "a", "target": "b"}},
            "tokenizer": {"name": "word", "shared": shared},
            "model": {"embedding_size": 8, **(model or transformer())},
            "search": {"name": "beam", "beam_size": 3, "stopping": "first"},
            **sections,
        }
    )
    run = Run.create(directory, config)
    run.keep_tokenizers(train_tokenizers(Word.Options(shared=shared), [LETTERS], [LETTERS.upper() + " I J"], seed=1))
    save(run, seed)
    return run


def save(run: Run, seed: int) -> None:
    """Write random weights as checkpoint `step-1`, the best."""
    torch.manual_seed(seed)
    sizes = [len(tokenizer.vocabulary) for tokenizer in run.tokenizers]
    model = run.config.model.build(*sizes)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
        bias_V = model.output.bias_V
        bias_V[EOS] += 1.5
        bias_V[PAD] = bias_V[BOS] = -40
    run.save("step-1", {"model": weights(model)}, {"step": 1})
    run.mark_best(1, 0.0)
