"""Linear layers with weights of 8 bits, for decoding on a CPU."""

from functools import cache

import torch
from torch import Tensor, nn

LEVELS = 127
FEWER = 64  # with weights of −64…64 no sum of two products overflows 16 bits: oneDNN lifts inputs to 0…255


def quantized(values: Tensor, levels: int = LEVELS) -> tuple[Tensor, Tensor]:
    """Each row as whole numbers −levels…levels and its scale: row ≈ scale · numbers; a row of zeros has scale
    1/levels."""
    largest = torch.maximum(values.amax(dim=-1, keepdim=True), -values.amin(dim=-1, keepdim=True))
    scale = torch.where(largest > 0, largest, 1.0) / levels
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
    found = product(inputs, packed(weights), torch.ones(len(weights)))
    return bool((found == LEVELS * weight * size).all())


def packed(numbers: Tensor) -> Tensor:
    """Weights in oneDNN's layout."""
    result: Tensor = torch.ops.onednn.qlinear_prepack(numbers, None)
    return result


def product(numbers: Tensor, weights: Tensor, scale_O: Tensor) -> Tensor:
    """The rows' products with packed weights, times the scale of each output, in float32."""
    zeros_O = torch.zeros(len(scale_O), dtype=torch.long)
    result: Tensor = torch.ops.onednn.qlinear_pointwise(
        numbers, 1.0, 0, weights, scale_O, zeros_O, None, 1.0, 0, torch.float32, "none", [], ""
    )
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
        self.numbers, self.scale = numbers, scale.squeeze(-1)
        self.packed = packed(numbers)
        self.bias = torch.zeros(self.out_features) if bias is None else bias.detach().float()

    @property
    def weight(self) -> Tensor:
        """s_w · W_q, for those who read parts of it."""
        return self.numbers * self.scale.unsqueeze(-1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs in float32."""
        if not inputs.numel():  # oneDNN's product of no rows loses the leading axes
            return inputs.new_zeros(*inputs.shape[:-1], self.out_features, dtype=torch.float32)
        numbers, scale = quantized(inputs.float())
        outputs = product(numbers, self.packed, self.scale)
        return torch.addcmul(self.bias, outputs, scale, out=outputs)
