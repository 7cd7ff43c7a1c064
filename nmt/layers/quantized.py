"""Linear layers with weights of 8 bits, for decoding on a CPU."""

import torch
from torch import Tensor, nn

LEVELS = 127


def quantized(values: Tensor) -> tuple[Tensor, Tensor]:
    """Each row as whole numbers −127…127 and its scale: row ≈ scale · numbers; a row of zeros has scale 1/127."""
    largest = values.abs().amax(dim=-1, keepdim=True)
    scale = torch.where(largest > 0, largest, 1.0) / LEVELS
    return (values / scale).round().to(torch.int8), scale


class Int8Linear(nn.Module):
    """y = s_x · s_w · (x_q W_q) + b, x ≈ s_x · x_q and W ≈ s_w · W_q rounded to 8 bits, with a scale for each row of
    either: a row's result does not depend on its batch-mates.

    Cost: the products of a linear layer, in whole numbers; x is quantized at each call. Without gradients.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        numbers, scale = quantized(weight.detach().float())
        self.out_features, self.in_features = weight.shape
        self.numbers, self.scale = numbers, scale.squeeze(-1)
        self.packed = torch.ops.onednn.qlinear_prepack(numbers, None)
        self.zeros = torch.zeros(self.out_features, dtype=torch.long)
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
        product: Tensor = torch.ops.onednn.qlinear_pointwise(
            numbers, 1.0, 0, self.packed, self.scale, self.zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )
        return torch.addcmul(self.bias, product, scale, out=product)
