"""Linear layers with weights of 8 bits, for decoding on a CPU."""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

LEVELS = 127
FEWER = 64  # with weights of −64…64 no sum of two products with 0…255 overflows 16 bits
SMALLEST = 1e-30  # by which rows of zeros are divided
LIFT = 128  # from −128…127 to 0…255, which is what processors multiply


class Packed(NamedTuple):
    """Weights in oneDNN's layout, the scale of each output, zeros, and what to add to each since inputs are lifted."""

    weights: Tensor
    scale_O: Tensor
    zeros_O: Tensor
    lifted_O: Tensor


def quantized(values: Tensor, levels: int = LEVELS) -> tuple[Tensor, Tensor]:
    """Each row as whole numbers −levels…levels and its scale: row ≈ scale · numbers."""
    scale = values.abs().amax(dim=-1, keepdim=True).clamp_min(SMALLEST) / levels
    return (values / scale).round_().to(torch.int8), scale


@cache
def weight_levels() -> int:
    """LEVELS where products of the largest numbers come out right; else FEWER: processors without instructions for it
    (VNNI) add pairs of products in 16 bits, which overflow. It is tried, once a process."""
    return LEVELS if all(_holds(sign * LEVELS, size) for sign in (1, -1) for size in (64, 1024)) else FEWER


def _holds(weight: int, size: int) -> bool:
    """Whether rows of so many of the largest inputs, times such weights, come out right."""
    weights = torch.full((48, size), weight, dtype=torch.int8)
    inputs = torch.full((32, size), LEVELS, dtype=torch.int8)
    found = product(inputs, packed(weights, torch.ones(len(weights))))
    return bool((found == LEVELS * weight * size).all())


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

    W_q has 64 levels to either side where the processor's products need that (`weight_levels`).
    Cost: the products of a linear layer, in whole numbers; x is quantized at each call. Without gradients.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        numbers, scale = quantized(weight.detach().float(), weight_levels())
        self.out_features, self.in_features = weight.shape
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
