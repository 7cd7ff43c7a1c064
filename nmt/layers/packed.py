"""Linear layers with weights laid out for many small products, for decoding on a CPU."""

import torch
from torch import Tensor, nn

ROWS = 1024  # of a product that the layout is chosen for; others read it as well


class PackedLinear(nn.Module):
    """y = W x + b with W in oneDNN's own layout.

    In bfloat16 a plain layer's W is brought into it at each call, and the values are the same, bit for bit; in
    float32, whose plain products are not oneDNN's, they are rounded in another order. W and b are the given ones, no
    copies, but what is computed with is W as it was then. Cost: the products; W is held twice. Without gradients.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.weight, self.bias = weight, bias
        self.packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), ROWS)

    @staticmethod
    def serves(tensor: Tensor) -> bool:
        """Whether this machine multiplies such tensors so."""
        if tensor.device.type != "cpu" or not torch.backends.mkldnn.is_available():
            return False
        low = tensor.dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()
        return bool(low) or tensor.dtype == torch.float32

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs for any leading axes."""
        outputs: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, self.packed, self.bias, "none", [], "")
        return outputs
