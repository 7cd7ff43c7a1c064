"""The model around its parts: tied embeddings, what is asked of attention, precision."""

import pytest
import torch
from models import SHAPES, batch_of, build, rnn, transformer

from nmt.decoders.base import Outcome, Want
from nmt.errors import ConfigError
from nmt.layers.embeddings import embedding
from nmt.loss import translation_loss
from nmt.model import DecoderOptions, EncoderOptions, ModelOptions
from nmt.settings import members

BATCH = batch_of([4, 2, 3], [5, 1, 3])


@pytest.mark.parametrize(("tied", "tables"), [("none", 3), ("target", 2), ("all", 1)])
def test_tied_embeddings_are_one_parameter(tied, tables):
    model = build({**rnn(), "tied_embeddings": tied})
    weights = (model.source_embedding.weight, model.target_embedding.weight, model.output.weight_VE)
    assert len({id(weight) for weight in weights}) == tables
    assert (model.output.weight_VE is model.target_embedding.weight) == (tied != "none")


def test_tying_all_needs_vocabularies_of_one_size():
    with pytest.raises(ConfigError) as error:
        ModelOptions(tied_embeddings="all").build(10, 11)
    assert error.value.message == "model.tied_embeddings: all needs one vocabulary for both sides"


def test_a_tied_table_collects_the_gradients_of_all_its_uses():
    one, three = build({**transformer()}), build({**transformer(), "tied_embeddings": "none"})
    untied = {name: p for name, p in three.named_parameters() if "embedding" not in name and name != "output.weight_VE"}
    with torch.no_grad():
        for name, parameter in untied.items():
            parameter.copy_(dict(one.named_parameters())[name])
        for table in (three.source_embedding.weight, three.target_embedding.weight, three.output.weight_VE):
            table.copy_(one.target_embedding.weight)
    for model in (one, three):
        translation_loss(model, BATCH, label_smoothing=0.0).total.backward()
    parts = (three.source_embedding.weight, three.target_embedding.weight, three.output.weight_VE)
    torch.testing.assert_close(one.target_embedding.weight.grad, sum(part.grad for part in parts))


def test_embeddings_start_at_the_standard_deviation_that_an_output_layer_needs():
    torch.manual_seed(1)
    assert embedding(4000, 64).weight.std().item() == pytest.approx(1 / 8, rel=0.01)


@pytest.mark.parametrize("name", ["score-additive", "transformer-pre-sinusoidal"])
def test_asking_for_weights_does_not_change_the_states(name):
    model = build(SHAPES[name])
    torch.testing.assert_close(model(BATCH).outcome, model(BATCH, Want()).outcome, rtol=0, atol=1e-12)


def test_heads_that_were_not_asked_for_are_left_out():
    model = build(rnn({"heads": 4, "score": "additive"}))
    each = [model(BATCH, Want(heads=(head,))).weights_BTS for head in range(4)]
    assert not any(torch.allclose(each[0], other) for other in each[1:])
    torch.testing.assert_close(model(BATCH, Want()).weights_BTS, sum(each) / 4)
    torch.testing.assert_close(model(BATCH, Want(heads=(1, 3))).weights_BTS, (each[1] + each[3]) / 2)


@pytest.mark.parametrize(
    "name",
    [
        "score-additive",
        "scope-local_p-2",
        "normalizer-entmax",
        "transformer-post-sinusoidal",
        "gated-conv",
        "snail-rnn",
    ],
)
def test_weights_are_float32_in_bfloat16_and_near_those_of_float32(name):
    model = build(SHAPES[name]).float()
    with torch.no_grad():
        expected_BTS = model(BATCH, Want()).weights_BTS
        weights_BTS = model.bfloat16()(BATCH, Want()).weights_BTS
    assert weights_BTS.dtype == torch.float32
    torch.testing.assert_close(weights_BTS, expected_BTS, rtol=0, atol=0.1)
    assert (weights_BTS.masked_select(~BATCH.sources[0].mask_BS.unsqueeze(1)) == 0).all()


@pytest.mark.parametrize(
    "name",
    [
        *("layers", "normalizer-entmax", "transformer-pre-sinusoidal", "none-every_step-current"),
        *("conv-rnn", "lstmn-rnn", "snail-rnn", "gated-conv", "mixed"),
    ],
)
def test_the_loss_can_be_learned_from_in_bfloat16(name):
    torch.manual_seed(1)
    model = build(SHAPES[name]).bfloat16().train()
    hidden_BTE = model(BATCH).outcome.hidden
    total, _ = model.output.nll(Outcome(hidden_BTE[BATCH.mask_BT]), BATCH.target_BT[BATCH.mask_BT])
    assert total.dtype == torch.float32
    total.backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def test_parts_are_chosen_by_name():
    assert set(members(EncoderOptions)) == {"rnn", "transformer", "conv", "lstmn", "snail"}
    assert set(members(DecoderOptions)) == {"rnn", "transformer", "conv"}


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (rnn({"heads": 3}), "3 heads do not divide the width 4"),
        (transformer(heads=3), "3 heads do not divide the width 4"),
        (rnn(bridge="copy", size=6), "bridge 'copy' needs equal states"),
        (rnn({"score": "dot"}, size=6), "score 'dot' needs query and memory of equal widths, not 6 and 4"),
        (rnn(bridge="backward", encoder={"bidirectional": False}), "bridge 'backward' needs a bidirectional encoder"),
    ],
)
def test_parts_that_do_not_fit_are_refused(shape, message):
    with pytest.raises(ConfigError, match=message):
        build(shape)


def test_embeddings_enter_every_encoder_and_decoder_times_the_root_of_their_width():
    for shape in (rnn(), transformer()):
        model = build(shape)
        entered = []
        model.encoder.register_forward_pre_hook(lambda module, inputs, entered=entered: entered.append(inputs[0]))
        model.decoder.register_forward_pre_hook(lambda module, inputs, entered=entered: entered.append(inputs[0]))
        model(BATCH)
        tables = model.source_embedding.weight, model.target_embedding.weight
        ids = BATCH.sources[0].ids_BS, BATCH.input_BT
        for given, table, piece in zip(entered, tables, ids, strict=True):
            torch.testing.assert_close(given, table[piece] * table.shape[1] ** 0.5)
