"""The figures of validation, by loops over sentences that are computed alone, and by sacreBLEU itself."""

import math

import pytest
import sacrebleu
import torch
from models import log_probs_BTV
from tiny_run import RNN, TRANSFORMER, Tiny

from nmt.batch import make_batch
from nmt.text.vocabulary import BOS, EOS, PAD
from nmt.validation import losses, scores, validator

SMOOTHING = 0.2


@pytest.fixture(scope="module", params=[RNN, TRANSFORMER], ids=["rnn", "transformer"])
def trained(tmp_path_factory, request):
    """A small run, and its model."""
    tiny = Tiny(tmp_path_factory.mktemp("tiny"), request.param, label_smoothing=SMOOTHING, max_updates=48)
    list(tiny.fit("run"))
    return tiny, tiny.run("run", resume=True).load_model("last")


def pairs(tiny):
    store = tiny.data.valid
    found = [store.pair(number) for number in range(len(store))]
    return [[source.tolist(), target.tolist()] for (source,), target, _ in found]


def test_losses_are_means_over_the_target_pieces(trained):
    tiny, model = trained
    nll = smoothed = tokens = 0.0
    with torch.inference_mode():
        for source, target in pairs(tiny):
            log_probs_TV = log_probs_BTV(model, make_batch([[source]], [target], [0]))[0]
            for piece, log_probs_V in zip(target, log_probs_TV, strict=True):
                nll -= float(log_probs_V[piece])
                smoothed -= float((1 - SMOOTHING) * log_probs_V[piece] + SMOOTHING * log_probs_V.mean())
                tokens += 1
    found = losses(model, tiny.config, tiny.data)
    assert found == {"loss": pytest.approx(smoothed / tokens, rel=1e-5), "nll": pytest.approx(nll / tokens, rel=1e-5)}


def greedy(model, source):
    """The best piece after each prefix, computed from the whole prefix anew."""
    ids = []
    for _ in range(math.ceil(2.0 * len(source)) + 9):  # one less than the limit, which counts the end of the sentence
        log_probs_V = log_probs_BTV(model, make_batch([[source]], [[*ids, EOS]], [0]))[0, -1]
        log_probs_V[[PAD, BOS]] = -math.inf
        best = int(log_probs_V.argmax())
        if best == EOS:
            break
        ids.append(best)
    return ids


def test_scores_are_sacrebleu_s_of_greedy_translations(trained):
    tiny, model = trained
    target, (sources, references) = tiny.data.tokenizers.target, tiny.data[3:5]
    with torch.inference_mode():
        lines = [target.decode(target.vocabulary.to_pieces(greedy(model, source))) for source, _ in pairs(tiny)[:12]]
    data = tiny.data._replace(valid_sources=sources[:12], valid_references=references[:12])
    found, references = scores(model, tiny.config, data), [references[:12]]
    assert found["chrf"] == pytest.approx(sacrebleu.corpus_chrf(lines, references).score)
    assert found["bleu"] == pytest.approx(sacrebleu.corpus_bleu(lines, references, force=True).score)
    assert found["chrf"] > 1


def test_a_validator_gives_all_figures(trained):
    tiny, model = trained
    figures = validator(tiny.config, tiny.data)(model)
    assert list(figures) == ["loss", "nll", "bleu", "chrf"]
    assert figures["loss"] == losses(model, tiny.config, tiny.data)["loss"]


def test_case_does_not_count_where_the_tokenizer_lower_cases(trained):
    tiny, model = trained
    shouted = tiny.data._replace(valid_references=[line.upper() for line in tiny.data.valid_references])
    lowercase = tiny.config.model_copy(
        update={"tokenizer": tiny.config.tokenizer.model_copy(update={"lowercase": True})}
    )
    assert scores(model, lowercase, shouted) == scores(model, tiny.config, tiny.data)
    assert scores(model, tiny.config, shouted)["chrf"] == 0
