"""Recurrent encoders against torch's, sentence by sentence without padding."""

import pytest
import torch
from torch import nn

from nmt.encoders.rnn import RnnEncoder

LENGTHS = [5, 2, 3]


def encoder_of(**options):
    """The encoder in float64, all parameters random, and padded sentences with garbage on their padding."""
    torch.manual_seed(1)
    encoder = RnnEncoder.Options.model_validate({"size": 4, **options}).build(3, 0.5).double().eval()
    for parameter in encoder.parameters():
        nn.init.normal_(parameter)
    return encoder, torch.randn(3, 5, 3).double(), torch.arange(5) < torch.tensor(LENGTHS).unsqueeze(1)


def torch_rnn(encoder, kind):
    """nn.GRU or nn.LSTM with the encoder's weights; torch names the right-to-left direction `_reverse`."""
    layers, both = len(encoder.layers), len(encoder.directions) == 2
    theirs = kind(3, 4, num_layers=layers, bidirectional=both, batch_first=True).double()
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            layer, direction = int(name.split("_l")[1][0]), int(name.endswith("_reverse"))
            cell = encoder.layers[layer][direction]
            if name.startswith("weight"):
                parameter.copy_((cell.input if "_ih" in name else cell.hidden).weight)
            elif name.startswith("bias_ih"):
                parameter.copy_(cell.input.bias)
            else:
                parameter.zero_()
                if kind is nn.GRU:
                    parameter[8:].copy_(cell.reset_bias)
    return theirs


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize(("cell", "kind"), [("gru", nn.GRU), ("lstm", nn.LSTM)])
def test_it_is_torch_rnn_on_each_sentence_alone(cell, kind, num_layers, bidirectional, shapes_as_named):
    encoder, embedded_BSE, mask_BS = encoder_of(cell=cell, num_layers=num_layers, bidirectional=bidirectional)
    theirs = torch_rnn(encoder, kind)
    encoded = encoder(embedded_BSE, mask_BS)
    for row, length in enumerate(LENGTHS):
        states_1SD, last = theirs(embedded_BSE[row : row + 1, :length])
        final, cells = last if cell == "lstm" else (last, None)
        torch.testing.assert_close(encoded.memory.states_BSD[row, :length], states_1SD[0], rtol=0, atol=1e-10)
        # torch stacks (layer, direction); ours puts the directions side by side
        torch.testing.assert_close(encoded.final_BLD[row], final.view(num_layers, -1), rtol=0, atol=1e-10)
        if cells is not None:
            torch.testing.assert_close(encoded.cell_BLD[row], cells.view(num_layers, -1), rtol=0, atol=1e-10)


def test_reverse_reads_each_sentence_backwards_whatever_its_padding():
    encoder, embedded_BSE, mask_BS = encoder_of(bidirectional=False, reverse=True)
    encoded = encoder(embedded_BSE, mask_BS)
    theirs = torch_rnn(encoder, nn.GRU)
    for row, length in enumerate(LENGTHS):
        states_1SD, last_11D = theirs(embedded_BSE[row : row + 1, :length].flip(1))
        torch.testing.assert_close(encoded.memory.states_BSD[row, :length], states_1SD[0].flip(0), rtol=0, atol=1e-10)
        torch.testing.assert_close(encoded.final_BLD[row], last_11D[0], rtol=0, atol=1e-10)


def test_its_shape_is_what_decoders_are_told():
    encoder, embedded_BSE, mask_BS = encoder_of(cell="lstm", num_layers=2)
    encoded, shape = encoder(embedded_BSE, mask_BS), encoder.shape
    assert encoded.memory.states_BSD.shape[-1] == shape.memory_size
    assert encoded.final_BLD.shape[1:] == encoded.cell_BLD.shape[1:] == (shape.num_layers, shape.final_size)
    assert (shape.bidirectional, shape.has_cell) == (True, True)


def test_the_memory_can_be_attended_where_there_are_pieces():
    encoder, embedded_BSE, mask_BS = encoder_of()
    assert torch.equal(encoder(embedded_BSE, mask_BS).memory.mask_BRS[:, 0], mask_BS)


def test_dropout_acts_on_the_input_of_every_layer_in_training_only():
    encoder, embedded_BSE, mask_BS = encoder_of(num_layers=2)
    one, other = (encoder(embedded_BSE, mask_BS).final_BLD for _ in range(2))
    assert torch.equal(one, other)
    encoder.train()
    one, other = (encoder(embedded_BSE, mask_BS).final_BLD for _ in range(2))
    assert not torch.isclose(one, other).any()
