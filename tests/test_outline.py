"""Outlines of models: the shapes of the real ones, and no memory however large they would be."""

import models
import pytest
import torch
from torch import nn

from nmt.errors import ConfigError
from nmt.model import ModelOptions
from nmt.outline import allocated, check_fits, outline
from nmt.storage.tensors import Form, weights

RNN = {"name": "rnn", "size": 4}
SIZES = [
    {"embedding_size": 10**9},
    {"encoder": {**RNN, "size": 10**9}},
    {"encoder": {"name": "transformer", "heads": 1, "feed_forward_size": 10**15}},
    {
        "decoder": {
            "name": "conv",
            "size": 4,
            "num_layers": 1,
            "positions": {"name": "learned", "max_positions": 10**12},
        }
    },
    {"decoder": {**RNN, "attention": {"score": {"name": "location", "max_positions": 10**18}}}},
]


@pytest.mark.parametrize("name", [*models.SHAPES][::7])
def test_an_outline_has_the_names_shapes_and_types_of_the_model(name):
    options = ModelOptions.model_validate({"embedding_size": 4, **models.SHAPES[name]})
    number = models.num_sources(models.SHAPES[name])
    real, outlined = options.build(11, 11, number), outline(lambda: options.build(11, 11, number))
    found = {key: Form.of(tensor) for key, tensor in weights(outlined).items()}
    assert found == {key: Form.of(tensor) for key, tensor in weights(real).items()}
    assert all(tensor.is_meta for tensor in weights(outlined).values())


def test_an_outline_draws_no_random_numbers():
    torch.manual_seed(3)
    outline(lambda: ModelOptions(embedding_size=8).build(20, 20))
    assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(3)))


@pytest.mark.parametrize("sizes", SIZES)
def test_models_larger_than_memory_are_refused(sizes):
    options = ModelOptions.model_validate({"embedding_size": 4, "encoder": RNN, "decoder": RNN, **sizes})
    with pytest.raises(ConfigError, match=r"^model: its (weights take .* GB|sizes are more than any machine holds)"):
        check_fits(outline(lambda: options.build(1000, 1000)))


def test_a_vocabulary_larger_than_memory_is_refused():
    with pytest.raises(ConfigError, match=r"^model: its weights take"):
        check_fits(outline(lambda: ModelOptions().build(10**10, 10**10)))


def test_models_of_countless_parts_are_refused():
    with pytest.raises(ConfigError, match=r"^model: it has more parts"):
        outline(lambda: nn.ModuleList(nn.Linear(1, 1) for _ in range(10**9)), most=100)


def test_a_model_that_gets_no_memory_is_refused():
    with pytest.raises(ConfigError, match=r"^model: there is not enough memory for its weights$"), allocated():
        torch.empty(2**50)


def test_other_failures_of_torch_are_not_taken_for_want_of_memory():
    with pytest.raises(RuntimeError, match=r"size of tensor"), allocated():
        torch.zeros(2) + torch.zeros(3)
