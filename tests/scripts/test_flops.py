"""The formula of docs/benchmarks.md against torch's own count of the products that are really computed."""

from typing import Any

import pytest
import torch
from benchmarks.flops import Cost, cost
from models import SHAPES, SIZE, VOCABULARY, batch_of, build, rnn, transformer
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from nmt.loss import translation_loss
from nmt.model import ModelOptions

S, T, PAIRS = 16, 7, 3  # without gradients, sources are laid out in multiples of 16 positions
WITHOUT_FORMULA = ("expanded", "hybrid", "multi_dimensional", "coverage", "hops", "-ntm-12")
REFUSED = {name: shape for name, shape in SHAPES.items() if any(part in name for part in WITHOUT_FORMULA)}
COUNTED = {name: shape for name, shape in SHAPES.items() if "sources" not in shape and name not in REFUSED}
BATCH = batch_of([S] * PAIRS, [T] * PAIRS)


def formula(shape: dict[str, Any]) -> Cost:
    return cost(ModelOptions.model_validate({"embedding_size": SIZE, **shape}), VOCABULARY)


def added_product(_: Any, left: tuple[int, int], right: tuple[int, int], **_others: Any) -> int:
    """Of `sum.addmm_(left, right)`, which torch's counter does not know."""
    return 2 * left[0] * left[1] * right[1]


def counted(shape: dict[str, Any], backward: bool) -> int:
    model = build(shape)
    counter = FlopCounterMode(display=False, custom_mapping={torch.ops.aten.addmm_: added_product})
    with counter, torch.set_grad_enabled(backward), sdpa_kernel(SDPBackend.MATH):  # the counter knows no fused one
        loss = translation_loss(model, BATCH, label_smoothing=0.1)
        if backward:
            loss.total.backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("shape", COUNTED.values(), ids=COUNTED)
def test_the_forward_pass_takes_what_the_formula_says(shape: dict[str, Any]) -> None:
    assert counted(shape, backward=False) == PAIRS * formula(shape).forward(S, T)


@pytest.mark.parametrize("shape", REFUSED.values(), ids=REFUSED)
def test_what_has_no_formula_is_refused(shape: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^scripts/benchmarks/flops.py (has no formula for|counts attention)"):
        formula(shape)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_transformers_training_takes_three_times_the_forward_pass(norm: str) -> None:
    assert counted(transformer(norm=norm), backward=True) == formula(transformer(norm=norm)).training([(S, T)] * PAIRS)


def test_a_recurrent_models_training_takes_no_gradient_of_the_zeros_it_starts_from() -> None:
    shape = rnn(cell="lstm", encoder={"cell": "lstm"}, query="current")
    hidden = SIZE // 2
    starts = 2 * 2 * 4 * hidden * hidden  # two directions, 2·G·H each
    assert counted(shape, backward=True) == formula(shape).training([(S, T)] * PAIRS) - PAIRS * starts


def test_search_encodes_once_and_steps_for_every_hypothesis() -> None:
    found = Cost(once=1, source=10, target=100, source_square=1000, cross=10_000, target_square=100_000)
    # S = 2, T = 3, 4 hypotheses: 1 + 20 + 4000 once; 4 · (300 + 60 000 + 100 000 · (1 + 2 + 3)) stepping
    assert found.search([(2, 3)], beam_size=4) == 4021 + 4 * 660_300
