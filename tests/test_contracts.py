"""What every model owes, whatever it is made of: run for every member of every union."""

import typing

import pytest
import torch
from models import SHAPES, batch_of, build, log_probs_BTV, num_sources, pairs, sentences
from safetensors.torch import save_file

from nmt import tree
from nmt.batch import Batch, real_places, with_targets
from nmt.decoders.base import Want
from nmt.loss import translation_loss
from nmt.model import ModelOptions
from nmt.search import Beam, search
from nmt.storage.tensors import load_weights, weights

every_model = pytest.mark.parametrize("name", SHAPES)
WITHOUT_WEIGHTS = tuple(name for name in SHAPES if "none" in name)


def batch_for(name: str) -> Batch:
    """Four sentence pairs, with as many sources as the model reads."""
    return batch_of([4, 1, 6, 2], [3, 5, 1, 4], sources=num_sources(SHAPES[name]))


def alone(batch: Batch, row: int) -> Batch:
    """One sentence pair of a batch, without padding."""
    sources = [[source.ids_BS[row][source.mask_BS[row]].tolist()] for source in batch.sources]
    return pairs(sources, [batch.target_BT[row][batch.mask_BT[row]].tolist()])


@every_model
def test_folded_steps_give_what_forward_gives(name, shapes_as_named):
    model, hypotheses, batch = build(SHAPES[name]), 3, batch_for(name)
    with torch.no_grad():
        forced_BTS = model(batch, Want()).weights_BTS
        forced_BTV = log_probs_BTV(model, batch)
        memory = model.encode(batch.sources)
        state = tree.repeat(model.start(memory), hypotheses)
        for t, ids_B in enumerate(batch.input_BT.unbind(1)):
            predictions, weights_NS, state = model.step(tree.repeat(ids_B, hypotheses), memory, state, Want())
            expected_NV = tree.repeat(forced_BTV[:, t], hypotheses)
            torch.testing.assert_close(predictions.log_probs(), expected_NV, rtol=0, atol=1e-9)
            assert (weights_NS is None) == (forced_BTS is None) == (name in WITHOUT_WEIGHTS)
            if forced_BTS is not None:
                torch.testing.assert_close(weights_NS, tree.repeat(forced_BTS[:, t], hypotheses), rtol=0, atol=1e-9)


@every_model
def test_sentences_encoded_in_parts_and_joined_by_others_are_translated_as_alone(name, monkeypatch):
    monkeypatch.setattr("nmt.search.ENCODED", 10)  # one or two at a time
    monkeypatch.setattr("nmt.search.WAITING", 1 / 2)
    model, options = build(SHAPES[name]), Beam.Options(beam_size=2, stopping="first", length_penalty=0.0)
    number = num_sources(SHAPES[name])
    first, second = batch_of([2, 5, 3], [1, 1, 1], 1, number), batch_of([3, 6], [1, 1], 2, number)
    singles = [alone(first, 0), alone(first, 1), alone(first, 2), alone(second, 0), alone(second, 1)]
    with torch.inference_mode():
        together = search(model, [first.sources, second.sources], options, max_length=3)
        for found, single in zip(together, singles, strict=True):
            ((best, *_),) = search(model, [single.sources], options, max_length=3)
            assert found[0].ids == best.ids
            assert found[0].score == pytest.approx(best.score, rel=0, abs=1e-9)


@every_model
def test_several_targets_of_a_source_are_computed_as_if_each_had_a_source_of_its_own(name):
    model, batch = build(SHAPES[name]), batch_for(name)
    rows = [0, 0, 1, 1, 2, 2, 3, 3]
    apart = tree.map_tensors(lambda leaf: leaf[rows], batch.sources)
    places = torch.tensor([2, 0, 3, 1, 1, 2, 0, 3])  # targets that are anyone's
    targets = [batch.target_BT[place][batch.mask_BT[place]].tolist() for place in places]
    together = with_targets(batch, targets, torch.ones(8))
    each = together._replace(sources=apart)
    with torch.no_grad():
        torch.testing.assert_close(log_probs_BTV(model, together), log_probs_BTV(model, each), rtol=0, atol=1e-9)


@every_model
def test_a_gradient_is_computed_without_asking_the_device_for_a_value(name):
    """On a GPU the host would have to wait for each; torch's meta tensors have none, so that asking is an error."""
    model, batch = build(SHAPES[name]).to("meta").train(), tree.to(batch_for(name), "meta")
    translation_loss(model, batch, 0.1, baseline=-1.0).total.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    assert any(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("asked", [bool, float, torch.nonzero, lambda tensor: tensor[tensor > 0]])
def test_meta_tensors_have_no_values(asked):
    with pytest.raises(RuntimeError, match="meta"):
        asked(torch.ones(1, device="meta"))


@every_model
def test_hypotheses_with_different_histories_do_not_mix(name, shapes_as_named):
    batch = batch_for(name)
    model, inputs_BKT = build(SHAPES[name]), torch.randint(4, 11, (4, 2, 4), generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        memory = model.encode(batch.sources)
        state = tree.repeat(model.start(memory), 2)
        for t in range(4):
            predictions, _, state = model.step(inputs_BKT[:, :, t].flatten(), memory, state, None)
        for k in range(2):
            mask_BT = inputs_BKT[:, k] > 0
            forced = Batch(
                batch.sources, inputs_BKT[:, k], inputs_BKT[:, k], mask_BT, real_places(mask_BT), (0, 1, 2, 3)
            )
            expected_BV = log_probs_BTV(model, forced)[:, -1]
            torch.testing.assert_close(predictions.log_probs()[k::2], expected_BV, rtol=0, atol=1e-9)


@every_model
def test_a_state_survives_select(name):
    model = build(SHAPES[name])
    histories = [[4, 5, 6], [7, 8, 9], [5, 10, 4]]
    texts = [sentences([4], 3 + number) for number in range(num_sources(SHAPES[name]))]
    source = pairs(texts, histories[:1]).sources
    with torch.no_grad():
        memory = model.encode(source)
        state = tree.repeat(model.start(memory), 3)
        for ids in zip(*histories, strict=True):
            _, _, state = model.step(torch.tensor(ids), memory, state, None)
        turned = tree.select(state, torch.tensor([2, 0, 0]))
        plain, _, _ = model.step(torch.tensor([4, 4, 6]), memory, state, None)
        selected, _, _ = model.step(torch.tensor([6, 4, 4]), memory, turned, None)
    torch.testing.assert_close(selected.logits_NV, plain.logits_NV[[2, 0, 0]], rtol=0, atol=1e-12)


@every_model
def test_a_sentence_does_not_depend_on_padding_or_batch_mates(name, shapes_as_named):
    model, batch = build(SHAPES[name]), batch_for(name)
    with torch.no_grad():
        together_BTV, weights_BTS = log_probs_BTV(model, batch), model(batch, Want()).weights_BTS
        for row in range(4):
            single = alone(batch, row)
            length = single.target_BT.shape[1]
            own_TV = log_probs_BTV(model, single)[0]
            beyond_TV = together_BTV[row, :length, own_TV.shape[1] :]
            torch.testing.assert_close(own_TV, together_BTV[row, :length, : own_TV.shape[1]], rtol=0, atol=1e-9)
            assert (beyond_TV == -torch.inf).all()
            if weights_BTS is not None:
                own_TS = model(single, Want()).weights_BTS[0]
                torch.testing.assert_close(own_TS, weights_BTS[row, :length, : own_TS.shape[1]], rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in SHAPES if name not in WITHOUT_WEIGHTS])
def test_weights_are_exactly_0_on_padding_and_sum_to_1(name):
    batch = batch_for(name)
    with torch.no_grad():
        weights_BTS = build(SHAPES[name])(batch, Want()).weights_BTS
    assert (weights_BTS.masked_select(~batch.sources[0].mask_BS.unsqueeze(1)) == 0).all()
    assert (weights_BTS >= 0).all()
    sums_BT = weights_BTS.sum(-1)
    scope = SHAPES[name]["decoder"].get("attention", {}).get("scope", {})
    if scope.get("name") == "local_p" and not scope.get("renormalize"):
        assert (sums_BT > 0).all()
        assert (sums_BT < 1).all()
    else:
        torch.testing.assert_close(sums_BT, torch.ones_like(sums_BT), rtol=0, atol=1e-12)


@every_model
def test_probabilities_sum_to_1(name):
    with torch.no_grad():
        log_probs = log_probs_BTV(build(SHAPES[name]), batch_for(name))
    sums_BT = log_probs.exp().sum(-1)
    torch.testing.assert_close(sums_BT, torch.ones_like(sums_BT), rtol=0, atol=1e-12)


@every_model
def test_a_later_piece_does_not_change_earlier_predictions(name):
    model, batch = build(SHAPES[name]), batch_for(name)
    changed_BT = batch.input_BT.clone()
    changed_BT[:, 2:] = torch.where(changed_BT[:, 2:] == 5, 6, 5)
    with torch.no_grad():
        before_BTV = log_probs_BTV(model, batch)
        after_BTV = log_probs_BTV(model, batch._replace(input_BT=changed_BT))
    torch.testing.assert_close(after_BTV[:, :2], before_BTV[:, :2], rtol=0, atol=1e-12)
    assert (after_BTV[:, 2] != before_BTV[:, 2]).any()


@every_model
def test_every_parameter_gets_a_finite_gradient(name, shapes_as_named):
    batch = batch_for(name)
    model = build(SHAPES[name]).train()
    translation_loss(model, batch, 0.1).total.backward()
    assert [key for key, parameter in model.named_parameters() if parameter.grad is None] == []
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


@every_model
def test_the_loss_has_the_gradient_that_differences_show(name):
    model, step = build(SHAPES[name]), 1e-6
    batch = batch_of([3, 2], [2, 3], seed=7, sources=num_sources(SHAPES[name]))
    parameters = [*model.parameters()]
    chance = torch.Generator().manual_seed(3)
    directions = [torch.randn(p.shape, dtype=p.dtype, generator=chance) for p in parameters]
    total = translation_loss(model, batch, 0.1).total
    # The arg max of hard attention's decoding does not change with the scores: their gradient is 0, or there is none.
    gradients = torch.autograd.grad(total, parameters, allow_unused="hard" in name, materialize_grads="hard" in name)
    slope = sum((g * d).sum() for g, d in zip(gradients, directions, strict=True))
    losses = []
    with torch.no_grad():
        for sign in (1, -2):
            for parameter, direction in zip(parameters, directions, strict=True):
                parameter.add_(direction, alpha=sign * step)
            losses.append(translation_loss(model, batch, 0.1).total)
    torch.testing.assert_close((losses[0] - losses[1]) / (2 * step), slope, rtol=1e-6, atol=1e-6)


@every_model
def test_a_checkpoint_gives_back_the_same_bits(name, tmp_path):
    batch = batch_for(name)
    model, other = build(SHAPES[name], seed=1), build(SHAPES[name], seed=2)
    save_file({key: tensor.contiguous() for key, tensor in weights(model).items()}, tmp_path / "w.safetensors")
    load_weights(other, tmp_path / "w.safetensors")
    assert all(torch.equal(tensor, other.state_dict()[key]) for key, tensor in model.state_dict().items())
    with torch.no_grad():
        assert torch.equal(log_probs_BTV(model, batch), log_probs_BTV(other, batch))


@every_model
def test_nothing_is_kept_between_calls(name):
    model, batch = build(SHAPES[name]), batch_for(name)
    before = {path: dict(vars(module)) for path, module in model.named_modules()}
    with torch.no_grad():
        model(batch, Want())
        memory = model.encode(batch.sources)
        model.step(batch.input_BT[:, 0], memory, model.start(memory), Want())
    for path, module in model.named_modules():
        assert vars(module).keys() == before[path].keys()
        assert all(value is before[path][key] for key, value in vars(module).items())


def _unions(settings: type, seen: set[type]) -> None:
    """Collect all Settings classes that a section can hold."""
    seen.add(settings)
    for field in settings.model_fields.values():
        for inner in _classes(field.annotation):
            if inner not in seen:
                _unions(inner, seen)


def _classes(annotation: object) -> list[type]:
    if isinstance(annotation, type):
        return [annotation] if hasattr(annotation, "model_fields") else []
    return [found for part in typing.get_args(annotation) for found in _classes(part)]


def test_the_contracts_run_over_every_component_of_the_model():
    possible: set[type] = set()
    _unions(ModelOptions, possible)
    used: set[type] = set()

    def walk(settings: object) -> None:
        used.add(type(settings))
        for key in type(settings).model_fields:
            value = getattr(settings, key)
            if hasattr(value, "model_fields_set"):
                walk(value)

    for shape in SHAPES.values():
        walk(ModelOptions.model_validate(shape))
    assert possible - used == set()
