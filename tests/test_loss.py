"""The training loss against torch's cross-entropy over whole batches."""

import pytest
import torch
from models import batch_of, build, log_probs_BTV, rnn, sentences, transformer
from torch.nn import functional

from nmt.batch import make_batch
from nmt.loss import translation_loss
from nmt.text.vocabulary import PAD

BATCH = batch_of([4, 2, 3], [5, 1, 3])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("shape", [rnn(), transformer()], ids=["rnn", "transformer"])
def test_it_is_torch_cross_entropy_over_real_tokens(shape, smoothing):
    model = build(shape)
    hidden_BTE = model(BATCH).outcome.hidden
    logits_BTV = hidden_BTE @ model.output.weight_VE.t() + model.output.bias_V
    expected = functional.cross_entropy(
        logits_BTV.flatten(0, 1),
        BATCH.target_BT.flatten(),
        ignore_index=PAD,
        reduction="sum",
        label_smoothing=smoothing,
    )
    loss = translation_loss(model, BATCH, smoothing)
    torch.testing.assert_close(loss.total, expected)
    assert loss.tokens == 5 + 1 + 3
    parameters = list(model.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(loss.total, parameters), torch.autograd.grad(expected, parameters), rtol=0, atol=1e-9
    )


def test_nll_is_without_smoothing_and_without_gradient():
    model = build(rnn())
    loss = translation_loss(model, BATCH, 0.3)
    chosen_BT = log_probs_BTV(model, BATCH).gather(2, BATCH.target_BT.unsqueeze(2)).squeeze(2)
    torch.testing.assert_close(loss.nll, -chosen_BT[BATCH.mask_BT].sum())
    assert not loss.nll.requires_grad


def test_losses_of_parts_sum_to_that_of_the_whole():
    # so that accumulated batches are one large batch
    model, sources, targets = build(transformer()), sentences([4, 2, 3], seed=3), sentences([5, 1, 3], seed=4)
    whole = translation_loss(model, make_batch([sources], targets, range(3)), 0.1)
    parts = [translation_loss(model, make_batch([[s]], [t], [0]), 0.1) for s, t in zip(sources, targets, strict=True)]
    torch.testing.assert_close(sum(part.total for part in parts), whole.total)
    torch.testing.assert_close(sum(part.nll for part in parts), whole.nll)
    assert sum(part.tokens for part in parts) == whole.tokens


class WithTerms(torch.nn.Module):
    """A model whose attention adds given terms (B, T) to the loss."""

    def __init__(self, model, terms):
        super().__init__()
        self.model, self.output, self.terms = model, model.output, terms

    def forward(self, batch, want=None):
        return self.model(batch, want)._replace(terms=self.terms)


def test_a_term_is_added_for_every_real_token():
    model, coverage_BT = build(rnn()), torch.tensor([[1.0] * 5, [2.0] + 4 * [9.0], [3.0, 4.0, 5.0, 9.0, 9.0]])
    plain, loss = (translation_loss(m, BATCH, 0.1) for m in (model, WithTerms(model, {"coverage": coverage_BT})))
    torch.testing.assert_close(loss.total - plain.total, torch.tensor(5 + 2 + 12.0).double())
    assert torch.equal(loss.nll, plain.nll)


def test_samples_are_rewarded_with_the_sentences_log_probability_above_the_baseline():
    model, sampled_BT = build(rnn()), torch.randn(3, 5).double().requires_grad_()
    loss = translation_loss(WithTerms(model, {"sampled": sampled_BT}), BATCH, 0.0, baseline=-4.0)
    chosen_BT = log_probs_BTV(model, BATCH).gather(2, BATCH.target_BT.unsqueeze(2)).squeeze(2).detach()
    log_prob_B = (chosen_BT * BATCH.mask_BT).sum(1)
    (gradient_BT,) = torch.autograd.grad(loss.total, sampled_BT)
    torch.testing.assert_close(gradient_BT, -(log_prob_B + 4.0).unsqueeze(1) * BATCH.mask_BT)  # Xu et al. 2015, eq. 12
