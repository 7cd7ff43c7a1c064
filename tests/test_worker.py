"""The copy that computes in bfloat16, and what it must not lose."""

import copy

import pytest
import torch
from models import batch_of, build, rnn, transformer

from nmt.loss import translation_loss
from nmt.training.worker import Worker

SHAPES = pytest.mark.parametrize("shape", [rnn(), transformer()], ids=["rnn", "transformer"])


def gradient_of(worker, batch):
    translation_loss(worker.model, batch, 0.1).total.backward()
    worker.hand_back()


def test_in_the_models_own_precision_it_is_the_model_and_its_gradients_are_untouched():
    model = build(rnn()).float()
    worker = Worker(model, torch.float32)
    assert worker.model is model
    gradient_of(worker, batch_of([3], [2]))
    expected = [parameter.grad.clone() for parameter in model.parameters()]
    worker.hand_back()
    torch.testing.assert_close([parameter.grad for parameter in model.parameters()], expected, rtol=0, atol=0)


@SHAPES
def test_gradients_arrive_in_float32_near_those_of_a_float32_model(shape):
    model, batch = build(shape).float(), batch_of([4, 2, 3], [5, 1, 3])
    whole = copy.deepcopy(model)
    translation_loss(whole, batch, 0.1).total.backward()
    worker = Worker(model, torch.bfloat16)
    gradient_of(worker, batch)
    assert all(parameter.dtype == torch.bfloat16 for parameter in worker.model.parameters())
    assert all(parameter.grad.dtype == torch.float32 for parameter in model.parameters())
    ours, theirs = (torch.cat([p.grad.flatten() for p in one.parameters()]) for one in (model, whole))
    assert (ours - theirs).norm() < 0.05 * theirs.norm()


def test_gradients_of_several_batches_are_added_in_float32():
    model = build(rnn()).float()
    parameter = next(model.parameters())
    worker = Worker(model, torch.bfloat16)
    for value in (256.0, 1.0):  # their sum is no bfloat16
        next(worker.model.parameters()).grad = torch.full_like(parameter, value, dtype=torch.bfloat16)
        worker.hand_back()
    assert (parameter.grad == 257.0).all()


def test_changes_smaller_than_bfloat16_can_hold_add_up_in_the_trained_weights():
    model = build(rnn()).float()
    weight = model.output.bias_V.data.fill_(1.0)
    worker = Worker(model, torch.bfloat16)
    for _ in range(64):
        weight += 2.0**-12
        worker.begin()
    assert (weight == 1 + 2.0**-6).all()
    assert (worker.model.output.bias_V == 1 + 2.0**-6).all()


def test_tied_weights_stay_tied():
    worker = Worker(build(transformer()).float(), torch.bfloat16)
    assert worker.model.output.weight_VE is worker.model.target_embedding.weight


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_an_update_begins_without_the_gradient_of_the_one_before(precision):
    model, batch = build(rnn()).float(), batch_of([4, 2], [3, 1])
    worker, seen = Worker(model, precision), []
    for _ in range(2):
        worker.begin()
        gradient_of(worker, batch)
        seen.append([parameter.grad.clone() for parameter in model.parameters()])
    torch.testing.assert_close(seen[0], seen[1], rtol=0, atol=0)


def test_the_more_a_position_leaves_for_the_way_back_the_fewer_are_computed_at_a_time():
    model = torch.nn.Sequential(torch.nn.Linear(1024, 2048), torch.nn.LayerNorm(2048), torch.nn.Linear(2048, 1024))
    # (1024 + 2048) + (2048 + 1024) values of 4 bytes; 192 MiB are 8192 times as many
    assert Worker(model, torch.float32).room == 8192
    assert Worker(model, torch.bfloat16).room == 16384
    assert Worker(torch.nn.Linear(1, 1).to("meta"), torch.float32).room > 10**12
