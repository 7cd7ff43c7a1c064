"""Settings that minimum risk training excludes, or needs."""

from typing import TYPE_CHECKING

from nmt.combinations.attention import mechanisms
from nmt.combinations.rules import Rule

if TYPE_CHECKING:
    from nmt.config import Config


def _hard(config: "Config") -> bool:
    return any(mechanism.scope.name == "hard" for mechanism in mechanisms(config).values())


def _covered(config: "Config") -> bool:
    return any(one.coverage is not None and one.coverage.loss > 0 for one in mechanisms(config).values())


RISK: tuple["Rule[Config]", ...] = (
    Rule(
        "`training.risk` without `start_from`",
        ("training.risk",),
        "what an untrained model draws is nothing to learn from",
        "train with cross-entropy first, and set training.start_from to that run",
        lambda config: config.training.risk is not None and config.training.start_from is None,
    ),
    Rule(
        "`training.risk` with `output: copy` or `pointer`",
        ("training.risk", "model.output"),
        "translations are scored as text, and of unknown pieces that they copy the prepared pairs have none",
        "take output: softmax",
        lambda config: config.training.risk is not None and config.model.output.copies,
    ),
    Rule(
        "`training.risk` with `label_smoothing`",
        ("training.label_smoothing", "training.risk"),
        "what is drawn is weighed by its score alone",
        "set training.label_smoothing: 0",
        lambda config: config.training.risk is not None and config.training.label_smoothing > 0,
    ),
    Rule(
        "`training.risk` with `coverage.loss`",
        ("training.risk", "model.decoder.attention.coverage.loss", "model.decoder.attention.coverage"),
        "it would count as much for what is drawn and bad as for what is good",
        "set coverage: {loss: 0}",
        lambda config: config.training.risk is not None and _covered(config),
    ),
    Rule(
        "`training.risk` with `scope: hard`",
        ("training.risk", "model.decoder.attention.scope"),
        "positions that were drawn are rewarded with the reference's probability, and there is none",
        "train with cross-entropy alone, or take another scope",
        lambda config: config.training.risk is not None and _hard(config),
    ),
)
