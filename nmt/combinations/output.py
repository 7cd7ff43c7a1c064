"""Settings of output layers that copy which exclude others."""

from typing import TYPE_CHECKING

from nmt.combinations.attention import attends
from nmt.combinations.rules import Rule

if TYPE_CHECKING:
    from nmt.config import Config


def _output_is(config: "Config", *names: str) -> bool:
    return config.model.output.name in names


def _without_weights(config: "Config") -> bool:
    return config.model.decoder.name == "rnn" and config.model.decoder.attention.name == "none"


def _pointer_unread(config: "Config") -> bool:
    decoder = config.model.decoder
    return _output_is(config, "pointer") and decoder.name == "rnn" and decoder.query == "previous"


def _pointer_with_heads(config: "Config") -> bool:
    attention = attends(config)
    return _output_is(config, "pointer") and attention is not None and attention.heads > 1


def _copies_one_position(config: "Config") -> bool:
    decoder = config.model.decoder
    attention = attends(config) if decoder.name == "rnn" else decoder.attention
    return _output_is(config, "copy", "pointer") and attention is not None and attention.scope.name == "hard"


OUTPUT: tuple["Rule[Config]", ...] = (
    Rule(
        "`output: copy` or `pointer` with `attention: none`",
        ("model.output", "model.decoder.attention"),
        "pieces of the source are chosen by attention weights, and there are none",
        "take an attention, or output: softmax",
        lambda config: _output_is(config, "copy", "pointer") and _without_weights(config),
    ),
    Rule(
        "`output: copy` or `pointer` with `scope: hard`",
        ("model.output", "model.decoder.attention.scope"),
        "one position has all the weight, and what stands anywhere else could not be copied",
        "take another scope, or output: softmax",
        _copies_one_position,
    ),
    Rule(
        "`output: pointer` with another decoder than `rnn`",
        ("model.output", "model.decoder"),
        "only the last layer's weights would be read, and what comes after them never trained",
        "take `decoder: {name: rnn}`, or output: copy",
        lambda config: _output_is(config, "pointer") and config.model.decoder.name != "rnn",
    ),
    Rule(
        "`output: pointer` with `query: previous`",
        ("model.output", "model.decoder.query"),
        "the weights of a step are chosen before its last piece is read, so that it could not matter",
        "set decoder.query: current",
        _pointer_unread,
    ),
    Rule(
        "`output: pointer` with several `attention.heads`",
        ("model.output", "model.decoder.attention.heads"),
        "the weights are the distribution, and the heads' projections of what is read would never be trained",
        "set heads: 1, or take output: copy",
        _pointer_with_heads,
    ),
    Rule(
        "`output: pointer` with `model.sources`",
        ("model.output", "model.sources"),
        "it points at the first source, and what is read of the others would go nowhere",
        "give one source, or take output: copy",
        lambda config: _output_is(config, "pointer") and config.model.sources is not None,
    ),
    Rule(
        "`output: pointer` with `label_smoothing`",
        ("training.label_smoothing", "model.output"),
        "there is no vocabulary over which the target could be smoothed",
        "set training.label_smoothing: 0",
        lambda config: _output_is(config, "pointer") and config.training.label_smoothing > 0,
    ),
    Rule(
        "`output: pointer` with `tied_embeddings: target`",
        ("model.tied_embeddings", "model.output"),
        "it has no weights of its own that could be tied",
        "set tied_embeddings: all or none",
        lambda config: _output_is(config, "pointer") and config.model.tied_embeddings == "target",
    ),
)
