"""Windows over positions against torch's convolution."""

import pytest
import torch
from torch.nn import functional

from nmt.layers.convolution import windows


@pytest.mark.parametrize(
    ("width", "before", "dilation"), [(1, 0, 1), (3, 1, 1), (4, 1, 1), (3, 2, 1), (2, 1, 4), (3, 1, 2)]
)
def test_a_map_of_windows_is_torch_convolution(width, before, dilation, shapes_as_named):
    states_BSD, weight = torch.randn(2, 6, 3).double(), torch.randn(5, 3, width).double()
    padded = functional.pad(states_BSD.transpose(1, 2), (before * dilation, (width - 1 - before) * dilation))
    expected = functional.conv1d(padded, weight, dilation=dilation).transpose(1, 2)
    given = windows(states_BSD, width, before, dilation) @ weight.permute(2, 1, 0).flatten(0, 1)
    torch.testing.assert_close(given, expected, rtol=0, atol=1e-12)
