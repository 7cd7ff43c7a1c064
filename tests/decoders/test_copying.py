"""Output layers that copy: against the equations loop by loop, and the fused loss against the plain formula."""

import pytest
import torch
from models import SHAPES, batch_of, build, log_probs_BTV, pairs, rnn, sentences
from references.output import OUTPUTS, Position
from torch.nn import functional

from nmt import tree
from nmt.batch import make_batch
from nmt.decoders.base import Copying, Outcome
from nmt.decoders.cross_entropy import LinearCrossEntropy, linear_cross_entropy
from nmt.decoders.output import Copy, OutputOptions, Pointer, Softmax
from nmt.settings import members

M, S, E, V = 5, 4, 3, 6
COPIES = [4, V + 1, V + 1, 3]  # a piece of the vocabulary, one that it lacks, twice, and the end


def layer(name):
    """A layer of this name with random weights, in float64."""
    torch.manual_seed(2)
    made = {"softmax": Softmax(E, V, None), "copy": Copy(E, V, None, 3 * E), "pointer": Pointer(V)}[name].double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return made


def outcome(seed=1):
    """What is read of M positions: rows of weights that sum to 1."""
    chance = torch.Generator().manual_seed(seed)
    hidden, context, state, embedded = torch.randn(4, M, E, generator=chance, dtype=torch.float64).unbind()
    weights = torch.rand(M, S, generator=chance, dtype=torch.float64).log_softmax(-1).exp()
    return Outcome(hidden, Copying(state, context, embedded, weights, torch.tensor([COPIES] * M)))


def test_every_output_layer_has_its_reference():
    assert set(members(OutputOptions)) == set(OUTPUTS)


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_distribution_is_that_of_the_equation(name):
    output, read = layer(name), outcome()
    parameters = {key: value.detach().numpy() for key, value in output.named_parameters()}
    found_MX = output.predict(read).log_probs().exp()
    for row in range(M):
        hidden, copying = tree.map_tensors(lambda rows, row=row: rows[row].numpy(), read)
        at = Position(hidden, copying.context, copying.state, copying.embedded, copying.weights, COPIES)
        expected = OUTPUTS[name]({**parameters, "size": V}, at)
        torch.testing.assert_close(found_MX[row], torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_distribution_sums_to_1_and_is_normalised_as_it_says(name):
    predictions = layer(name).predict(outcome())
    torch.testing.assert_close(predictions.logits_NV.logsumexp(-1), predictions.log_norm_N)


@pytest.mark.parametrize("name", OUTPUTS)
def test_nll_is_minus_the_logarithm_of_the_prediction(name):
    output, read = layer(name), outcome()
    target_M = torch.tensor([4, 3, 4, 3, 4] if name == "softmax" else [4, 3, V + 1, 4, V + 1])
    total, nll_M = output.nll(read, target_M)
    expected_M = -output.predict(read).log_probs().gather(1, target_M.unsqueeze(1)).squeeze(1)
    torch.testing.assert_close(nll_M, expected_M)
    torch.testing.assert_close(total, expected_M.sum())


def plain(hidden_ME, weight_VE, bias_V, mixture_2M, target_M, smoothing, weights=(1.0,) * M):
    """The mixture's loss with the whole matrix of logits."""
    log_probs_MV = functional.log_softmax(hidden_ME @ weight_VE.t() + bias_V, dim=-1)
    total = 0.0
    for row, target in enumerate(target_M.tolist()):
        p = mixture_2M[1, row].exp()
        if target < len(bias_V):
            p = p + mixture_2M[0, row].exp() * log_probs_MV[row, target].exp()
        total = total - weights[row] * ((1 - smoothing) * p.log() + smoothing * log_probs_MV[row].mean())
    return total


@pytest.mark.parametrize("chunk", [2, 512])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_mixtures_loss_and_gradients_are_those_of_the_plain_formula(smoothing, chunk, monkeypatch):
    monkeypatch.setattr(LinearCrossEntropy, "chunk", chunk)
    torch.manual_seed(3)
    inputs = [torch.randn(*size, dtype=torch.float64, requires_grad=True) for size in ((M, E), (V, E), (V,), (2, M))]
    target_M = torch.tensor([0, V, 5, V + 3, 2])
    total, nll_M = linear_cross_entropy(*inputs[:3], target_M, smoothing, inputs[3])
    expected = plain(*inputs, target_M, smoothing)
    torch.testing.assert_close(total, expected)
    torch.testing.assert_close(nll_M.sum(), plain(*inputs, target_M, 0.0))
    torch.testing.assert_close(torch.autograd.grad(3 * total, inputs), torch.autograd.grad(3 * expected, inputs))


def test_weighted_tokens_of_a_mixture_count_as_much_as_their_weights_say():
    torch.manual_seed(3)
    inputs = [torch.randn(*size, dtype=torch.float64, requires_grad=True) for size in ((M, E), (V, E), (V,), (2, M))]
    target_M, weight_M = torch.tensor([0, V, 5, V + 3, 2]), torch.tensor([1.0, -2.0, 0.0, 0.5, 3.0])
    total, _ = linear_cross_entropy(*inputs[:3], target_M, 0.1, inputs[3], weight_M)
    expected = plain(*inputs, target_M, 0.1, weight_M.tolist())
    torch.testing.assert_close(total, expected)
    torch.testing.assert_close(torch.autograd.grad(total, inputs), torch.autograd.grad(expected, inputs))


@pytest.mark.parametrize("name", OUTPUTS)
def test_every_output_weighs_its_tokens(name):
    output, read = layer(name), outcome()
    target_M, weight_M = torch.tensor([4, 3, 4, 3, 4]), torch.tensor([1.0, -2.0, 0.0, 0.5, 3.0]).double()
    _, nll_M = output.nll(read, target_M)
    total, same_M = output.nll(read, target_M, 0.0, weight_M)
    torch.testing.assert_close(total, (weight_M * nll_M).sum())
    assert torch.equal(same_M, nll_M)


def test_a_pointers_weighted_gradient_is_that_of_each_token_times_its_weight():
    output, read = layer("pointer"), outcome()
    weights_MS = read.copying.weights.requires_grad_()
    target_M, weight_M = torch.tensor([4, 3, 4, 3, 4]), torch.tensor([1.0, -2.0, 0.0, 0.5, 3.0]).double()
    (found,) = torch.autograd.grad(output.nll(read, target_M, 0.0, weight_M)[0], weights_MS)
    (plain,) = torch.autograd.grad(output.nll(read, target_M)[0], weights_MS)
    torch.testing.assert_close(found, plain * weight_M.unsqueeze(1))


def test_a_mixtures_gradients_are_those_that_differences_show():
    torch.manual_seed(4)
    inputs = [torch.randn(*size, dtype=torch.float64, requires_grad=True) for size in ((M, E), (V, E), (V,), (2, M))]
    target_M = torch.tensor([0, V, 5, V + 3, 2])
    assert torch.autograd.gradcheck(
        lambda h, w, b, mixture: linear_cross_entropy(h, w, b, target_M, 0.1, mixture)[0], inputs
    )


@pytest.mark.parametrize("name", ["copy", "pointer"])
def test_what_cannot_be_copied_has_a_finite_loss_and_finite_gradients(name):
    output, read = layer(name), outcome()
    read.copying.weights.requires_grad_()
    total, _ = output.nll(read, torch.full((M,), V + 3))
    (gradient,) = torch.autograd.grad(total, read.copying.weights)
    assert total.isfinite()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("name", ["copy-local_p", "copy-transformer", "pointer-local_p"])
def test_a_copied_piece_is_read_as_unknown(name):
    model, source = build(SHAPES[name]), sentences([4], 3)
    copied, unknown = ([[piece, 7, 3]] for piece in (11 + 2, 1))
    with torch.no_grad():
        given, expected = (log_probs_BTV(model, pairs([source], target)) for target in (copied, unknown))
    assert torch.equal(given, expected)


def test_a_window_without_the_piece_teaches_nothing_of_it():
    # local_m with D = 1 at t = 1 sees places 1 and 2 alone; the piece asked for stands at 4
    model = build({**rnn({"scope": {"name": "local_m", "window": 1}}, query="current"), "output": "pointer"})
    batch = make_batch([[[7, 8, 9, 10, 3]]], [[10]], [0], [[7, 8, 9, 10, 3]])
    with torch.no_grad():
        assert log_probs_BTV(model, batch)[0, 0, 10] == -torch.inf


def test_copying_needs_to_know_what_can_be_copied():
    batch = batch_of([3], [2])
    blind = batch._replace(sources=(batch.sources[0]._replace(copies_BS=None),))
    with pytest.raises(AssertionError, match="prepared with what can be copied"):
        build(SHAPES["copy-transformer"])(blind)
