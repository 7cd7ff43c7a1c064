"""Linear layers with weights of 8 bits, for decoding on a CPU."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

LEVELS = 127
LIFT = 128  # from −128…127 to 0…255, which is what processors multiply
SMALLEST = 1e-30  # by which rows of zeros are divided


class Packed(NamedTuple):
    """Weights in oneDNN's layout, the scale of each output, zeros, and what to add to each since inputs are lifted."""

    weights: Tensor
    scale_O: Tensor
    zeros_O: Tensor
    lifted_O: Tensor


def quantized(values: Tensor) -> tuple[Tensor, Tensor]:
    """Each row as whole numbers −127…127 and its scale: row ≈ scale · numbers."""
    return _rounded(values, values.abs())


def paired(weight_OI: Tensor) -> tuple[Tensor, Tensor]:
    """As `quantized`, but with scales for which |W_2i| + |W_2i+1| ≤ 128: no sum of two such products with 0…255
    overflows 16 bits."""
    padded_OI = functional.pad(weight_OI.abs(), (0, weight_OI.shape[1] % 2))
    return _rounded(weight_OI, padded_OI.unflatten(1, (-1, 2)).sum(dim=-1))


def halved(weight_OI: Tensor) -> tuple[Tensor, Tensor]:
    """As `quantized`, but −64…64: no sum of any two such products with 0…255 overflows 16 bits."""
    return _rounded(weight_OI, 2 * weight_OI.abs())


def _rounded(values: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """Whole numbers, LEVELS for the largest of the row's sizes, and the scale of each row."""
    scale = sizes.amax(dim=-1, keepdim=True).clamp_min(SMALLEST) / LEVELS
    return (values / scale).round_().to(torch.int8), scale


@cache
def rounding(in_features: int) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """The finest rounding whose largest numbers come out right in products of so many inputs. Processors without
    instructions for them (VNNI) add two products in 16 bits, mostly those of inputs 2i and 2i + 1, but others where
    oneDNN cuts the inputs at an odd place. It is tried, once a process."""
    if _holds([[LEVELS]], in_features):
        return quantized
    return paired if _holds([[LEVELS, 0, 0, LEVELS], [0, LEVELS, LEVELS, 0]], in_features) else halved


def _holds(patterns: list[list[int]], in_features: int) -> bool:
    """Whether rows of the largest inputs, times weights of these patterns over and over, come out right."""
    rows = [(row * in_features)[:in_features] for row in patterns]
    weights = torch.tensor([[sign * number for number in row] for row in rows for sign in (1, -1)] * 12)
    inputs = torch.tensor([[LEVELS], [-LEVELS]]).expand(2, in_features).repeat(16, 1)
    layer = packed(weights.to(torch.int8), torch.ones(len(weights)))
    found = torch.cat([product(part.to(torch.int8), layer) for part in (inputs, inputs[:1])])
    expected = torch.cat((inputs, inputs[:1])).double() @ weights.t().double()
    return torch.allclose(found.double(), expected, rtol=1e-3)


def packed(numbers_OI: Tensor, scale_O: Tensor) -> Packed:
    """Weights, scale · numbers, made ready for `product`."""
    weights: Tensor = torch.ops.onednn.qlinear_prepack(numbers_OI, None)
    lifted_O = -LIFT * numbers_OI.sum(dim=1) * scale_O
    return Packed(weights, scale_O, torch.zeros(len(scale_O), dtype=torch.long), lifted_O)


def product(numbers: Tensor, weights: Packed) -> Tensor:
    """The rows' products with the weights, in float32. Σ_i (x_i + 128) W_i − 128 Σ_i W_i: oneDNN, given numbers below
    zero, lifts them itself, and takes up to twice as long for all."""
    lifted = numbers.view(torch.uint8).bitwise_xor(LIFT)
    result: Tensor = torch.ops.onednn.qlinear_pointwise(lifted, 1.0, 0, *weights, 1.0, 0, torch.float32, "none", [], "")
    return result


class Int8Linear(nn.Module):
    """y = s_x · s_w · (x_q W_q) + b, x ≈ s_x · x_q and W ≈ s_w · W_q rounded to 8 bits, with a scale for each row of
    either: a row's result does not depend on its batch-mates.

    W_q is rounded as finely as the processor's products hold (`rounding`).
    Cost: the products of a linear layer, in whole numbers; x is quantized at each call. Without gradients.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        numbers, scale = rounding(self.in_features)(weight.detach().float())
        self.numbers = numbers
        self.packed = packed(numbers, scale.squeeze(-1))
        self.bias = torch.zeros(self.out_features) if bias is None else bias.detach().float()

    @property
    def weight(self) -> Tensor:
        """s_w · W_q, for those who read parts of it."""
        return self.numbers * self.packed.scale_O.unsqueeze(-1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs in float32."""
        if not inputs.numel():  # oneDNN's product of no rows loses the leading axes
            return inputs.new_zeros(*inputs.shape[:-1], self.out_features, dtype=torch.float32)
        numbers, scale = quantized(inputs.float())
        outputs = product(numbers, self.packed)
        return torch.addcmul(self.bias, outputs, scale, out=outputs)
