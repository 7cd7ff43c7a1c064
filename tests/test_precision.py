"""Models in bfloat16 and int8 against themselves in float32."""

import pytest
import torch
from models import SHAPES, batch_of, build, log_probs_BTV
from torch import nn

from nmt.decoders.base import Want
from nmt.errors import ConfigError
from nmt.layers.packed import PackedLinear
from nmt.layers.quantized import Int8Linear, Packed, halved, paired, quantized, rounding
from nmt.precision import lowered
from nmt.search import Beam, search

BATCH = batch_of([4, 1, 6, 2], [3, 5, 1, 4])
KINDS = (  # layers that compute in ways of their own: each new shape of a product is compiled, which takes its time
    "score-concat",
    "score-cosine-2-heads",
    "normalizer-entmax",
    "scope-local_p-2",
    "cell-gru-before",
    "bridge-backward-lstm",
    "query-current-feeding",
    "none-every_step-previous",
    "transformer-pre-learned",
    "transformer-rnn",
    "untied",
    "copy-transformer",
    "copy-local_p",
    "pointer-global",
    "conv-conv",
    "snail-rnn",
    "lstmn-copied",
)


def test_numbers_and_scales_by_hand():
    numbers, scale = quantized(torch.tensor([[1.27, -0.635, 0.0], [0.0, 0.0, 0.0], [-254.0, 2.0, 3.1]]))
    assert numbers.tolist() == [[127, -64, 0], [0, 0, 0], [-127, 1, 2]]  # 63.5 and 1.55 are rounded, halves to even
    assert scale.flatten().tolist() == pytest.approx([0.01, 0.0, 2.0], abs=1e-9)


def test_neighbours_come_to_128_at_most_together():
    numbers, scale = paired(torch.tensor([[1.0, -1.0, 0.5, 0.0, 1.27], [0.0, 0.0, 0.0, 0.0, -2.54]]))
    assert numbers.tolist() == [[64, -64, 32, 0, 81], [0, 0, 0, 0, -127]]  # 63.5, 31.75 and 80.6 are rounded
    assert scale.flatten().tolist() == pytest.approx([2 / 127, 0.02])
    assert halved(torch.tensor([[1.0, -0.5, 0.0]]))[0].tolist() == [[64, -32, 0]]


@pytest.mark.parametrize("bias", [True, False])
def test_an_int8_layer_is_the_linear_layer_of_rounded_numbers(bias):
    torch.manual_seed(1)
    layer, inputs = nn.Linear(24, 9, bias=bias), torch.randn(2, 5, 24)
    pairs = quantized(inputs), rounding(24)(layer.weight.detach())
    rounded = [numbers.double() * scale.double() for numbers, scale in pairs]
    expected = nn.functional.linear(*rounded, None if layer.bias is None else layer.bias.double())
    with torch.no_grad():
        given = Int8Linear(layer.weight, layer.bias)(inputs)
    torch.testing.assert_close(given.double(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("pattern", [[3.0, 3.0, 3.0, 3.0], [3.0, 0.0, 0.0, 3.0], [0.0, 3.0, 3.0, 0.0]], ids=str)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("size", [64, 512, 514])
def test_the_largest_numbers_do_not_overflow(size, sign, pattern):
    weight = sign * torch.tensor(pattern).repeat(48, -(-size // 4))[:, :size]
    inputs = torch.cat((torch.full((5, size), 2.0), torch.full((3, size), -2.0)))
    with torch.no_grad():
        outputs = Int8Linear(weight, None)(inputs)
    torch.testing.assert_close(outputs, inputs @ weight.t(), rtol=0.01, atol=0)  # 3 may be 64/127 of 6


def saturating(numbers, weights, first=0):
    """Products as a processor has them that adds them in pairs of 16 bits, from the `first` on, inputs lifted to
    0…255."""
    numbers_OI = weights.weights.long()
    products = ((numbers.long() + 128).unsqueeze(1) * numbers_OI)[..., first:]
    pairs = nn.functional.pad(products, (0, products.shape[2] % 2)).unflatten(2, (-1, 2))
    before = ((numbers.long() + 128).unsqueeze(1) * numbers_OI)[..., :first].sum(-1)
    sums = before + pairs.sum(-1).clamp(-(2**15), 2**15 - 1).sum(-1) - 128 * numbers_OI.sum(-1)
    return sums.float() * weights.scale_O


def exact(numbers, weights):
    return (numbers.long() @ weights.weights.long().t()).float() * weights.scale_O


def cut_at_an_odd_place(numbers, weights):
    return saturating(numbers, weights, first=1)


@pytest.mark.parametrize(
    ("kind", "expected"), [(exact, quantized), (saturating, paired), (cut_at_an_odd_place, halved)]
)
def test_weights_are_rounded_as_finely_as_the_processors_products_hold(kind, expected, monkeypatch):
    monkeypatch.setattr("nmt.layers.quantized.product", kind)
    monkeypatch.setattr("nmt.layers.quantized.packed", lambda numbers, scale_O: Packed(numbers, scale_O, None, None))
    assert rounding.__wrapped__(24) is expected
    monkeypatch.setattr("nmt.layers.quantized.rounding", rounding.__wrapped__)
    torch.manual_seed(1)
    layer, inputs = nn.Linear(24, 300), torch.randn(500, 24)
    with torch.no_grad():
        torch.testing.assert_close(Int8Linear(layer.weight, layer.bias)(inputs), layer(inputs), rtol=0, atol=0.05)


def test_an_int8_layer_of_no_rows_gives_none():
    assert Int8Linear(torch.randn(7, 16), None)(torch.zeros(4, 0, 16)).shape == (4, 0, 7)


def test_an_int8_row_does_not_depend_on_its_batch_mates():
    layer, inputs = Int8Linear(torch.randn(7, 16), None), torch.randn(3, 16)
    assert torch.equal(layer(torch.cat((inputs, 1000 * inputs)))[:3], layer(inputs))


@pytest.mark.skipif(not PackedLinear.serves(torch.ones(1).bfloat16()), reason="no bfloat16 products of oneDNN here")
@pytest.mark.parametrize("rows", [0, 1, 3, 700])
@pytest.mark.parametrize("bias", [True, False])
def test_a_packed_layer_is_the_linear_layer_bit_for_bit(bias, rows):
    torch.manual_seed(1)
    layer, inputs = nn.Linear(24, 90, bias=bias).bfloat16(), torch.randn(rows, 2, 24).bfloat16()
    with torch.inference_mode():
        given, expected = PackedLinear(layer.weight, layer.bias)(inputs), layer(inputs)
    assert given.shape == expected.shape
    assert torch.equal(given, expected)


@pytest.mark.skipif(not PackedLinear.serves(torch.ones(1)), reason="no oneDNN here")
@pytest.mark.parametrize("rows", [0, 1, 3, 700])
@pytest.mark.parametrize("bias", [True, False])
def test_a_packed_layer_in_float32_is_the_linear_layer_but_for_rounding(bias, rows):
    torch.manual_seed(1)
    layer, inputs = nn.Linear(24, 90, bias=bias), torch.randn(rows, 2, 24)
    with torch.inference_mode():
        given, expected = PackedLinear(layer.weight, layer.bias)(inputs), layer.double()(inputs.double())
    torch.testing.assert_close(given.double(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("precision", "mean"), [("bfloat16", 0.03), ("int8", 0.06)])
@pytest.mark.parametrize("name", KINDS)
def test_a_model_is_near_itself_in_less_precision(name, precision, mean):
    model = build(SHAPES[name]).float()
    options = Beam.Options(beam_size=2, max_length_ratio=1.0)
    with torch.inference_mode():
        expected_BTV = log_probs_BTV(model, BATCH)
        low = lowered(model, precision)
        there_BTV = expected_BTV > -torch.inf  # what cannot be copied has no logarithm
        difference_Z = (log_probs_BTV(low, BATCH)[there_BTV] - expected_BTV[there_BTV]).abs()
        found = search(low, [BATCH.sources], options, want=Want())
    assert 0 < difference_Z.mean() < mean
    assert all(len(hypotheses) == 1 for hypotheses in found)


def test_float32_changes_nothing_but_rounding():
    model = build(SHAPES["cell-lstm"]).float()
    with torch.inference_mode():
        before = log_probs_BTV(model, BATCH)
        after = log_probs_BTV(lowered(model, "float32"), BATCH)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["untied", "copy-transformer"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_is_laid_out_is_no_part_of_the_model(name, precision):
    model = build(SHAPES[name]).float()
    keys, count = model.state_dict().keys(), sum(parameter.numel() for parameter in model.parameters())
    ready = lowered(model, precision)
    assert (ready.state_dict().keys(), sum(parameter.numel() for parameter in ready.parameters())) == (keys, count)
    assert (ready.output.stand_in is not None) == PackedLinear.serves(next(ready.parameters()))


def test_int8_without_onednn_is_refused(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="int8 needs a CPU"):
        lowered(build(SHAPES["untied"]), "int8")
