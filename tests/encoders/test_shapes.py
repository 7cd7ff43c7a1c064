"""What every encoder owes to decoders: that it is what its options say, in every precision."""

import pytest
import torch
from models import ENCODERS, rnn, transformer

from nmt.model import ModelOptions

PARTS = {**ENCODERS, "rnn": rnn()["encoder"], "transformer": transformer()["encoder"]}
MASK_BS = torch.arange(5) < torch.tensor([[5], [2], [3]])


@pytest.mark.parametrize("gated_layers", [0, 1])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("name", PARTS)
def test_what_an_encoder_gives_has_the_shape_that_its_options_say(name, dtype, gated_layers):
    options = ModelOptions.model_validate({"encoder": PARTS[name], "gated_layers": gated_layers, "embedding_size": 6})
    shape, encoder = options.encoder.shape(6), options.build_encoder().to(dtype)
    memory, final_BLD, cell_BLD = encoder(torch.randn(3, 5, 6, dtype=dtype), MASK_BS)
    assert encoder.shape == shape
    assert memory.states_BSD.shape == memory.read_BSD.shape == (3, 5, shape.memory_size)
    assert final_BLD.shape == (3, shape.num_layers, shape.final_size)
    assert (cell_BLD is not None) == shape.has_cell
    assert {tensor.dtype for tensor in (memory.states_BSD, memory.read_BSD, final_BLD)} == {dtype}


@pytest.mark.parametrize("name", ["lstmn", "snail"])
def test_a_causal_encoder_does_not_see_what_follows(name):
    encoder = ModelOptions.model_validate({"encoder": PARTS[name], "embedding_size": 6}).build_encoder().eval()
    embedded_BSE = torch.randn(3, 5, 6)
    changed_BSE = embedded_BSE.clone()
    changed_BSE[:, 3:] += 1
    before, after = (encoder(states, torch.ones(3, 5) > 0).memory.states_BSD for states in (embedded_BSE, changed_BSE))
    torch.testing.assert_close(before[:, :3], after[:, :3])
    assert not torch.isclose(before[:, 3:], after[:, 3:]).all(-1).any()


def test_snail_sees_its_span_with_one_block_s_convolutions():
    options = {"name": "snail", "span": 9}
    assert ModelOptions.model_validate({"encoder": options}).encoder.dilations == (1, 2, 4, 8)
