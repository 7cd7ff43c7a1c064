"""Precisions: which one a device multiplies itself, and models laid out or rounded for decoding in one."""

from typing import Literal

import torch
from torch import nn

from nmt.decoders.output import Softmax
from nmt.errors import ConfigError
from nmt.layers.packed import PackedLinear
from nmt.layers.quantized import Int8Linear
from nmt.model import EncoderDecoder

Precision = Literal["float32", "bfloat16", "int8"]
Kind = type[PackedLinear] | type[Int8Linear]


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 matrices itself; processors that do not are faster in float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def lowered(model: EncoderDecoder, precision: Precision) -> EncoderDecoder:
    """The model made ready for decoding, in place: `bfloat16` holds and computes all in it but attention weights and
    predictions; `int8` rounds the weights and inputs of all linear layers and of the output layer to 8 bits, or fewer
    (nmt.layers.quantized). On a CPU, weights are laid out for small products: those of all layers in bfloat16, those of
    the output layer in float32.

    Raises: ConfigError for int8 where torch has no oneDNN, or on another device than a CPU.
    """
    if precision == "int8":
        if next(model.parameters()).device.type != "cpu" or not torch.backends.mkldnn.is_available():
            raise ConfigError("precision int8 needs a CPU and a torch with oneDNN", "use bfloat16 or float32")
        return _with_layers(_with_output(model, Int8Linear), Int8Linear)
    if precision == "bfloat16":
        model = model.to(torch.bfloat16)
    if not PackedLinear.serves(next(model.parameters())):
        return model
    model = _with_output(model, PackedLinear)
    return _with_layers(model, PackedLinear) if precision == "bfloat16" else model


def _with_output(model: EncoderDecoder, kind: Kind) -> EncoderDecoder:
    """The model with a layer of this kind in predictions, where its output layer has weights."""
    if isinstance(model.output, Softmax):
        model.output.stand_in = kind(model.output.weight_VE, model.output.bias_V).forward  # no part of the module
    return model


def _with_layers(model: EncoderDecoder, kind: Kind) -> EncoderDecoder:
    """The model with layers of this kind for its linear layers."""
    for module in [*model.modules()]:
        for name, child in module.named_children():
            if isinstance(child, nn.Linear):
                setattr(module, name, kind(child.weight, child.bias))
    return model
