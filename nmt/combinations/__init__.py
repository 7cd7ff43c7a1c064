"""Combinations of settings that make no sense: one table, checked when a config is read and printed in the docs.

Two kinds of rows. FORBIDDEN_KEYS looks at what was written: a key that the chosen kind of part does not have, though
another kind does, deserves the reason rather than `unknown key`. FORBIDDEN_VALUES looks at the config with its
defaults: each key is right by itself, and together they are not.
"""

from typing import TYPE_CHECKING, Any, Literal

from nmt.combinations.attention import ATTENTION, attends, encoder_shape
from nmt.combinations.output import OUTPUT
from nmt.combinations.risk import RISK
from nmt.combinations.rules import Rule
from nmt.errors import ConfigError
from nmt.layers.positions import Learned
from nmt.yaml_source import Document, KeyPath

if TYPE_CHECKING:
    from nmt.config import Config


def check_keys(document: Document) -> None:
    """Raises: ConfigError for the first row of FORBIDDEN_KEYS that the written config breaks."""
    for rule in FORBIDDEN_KEYS:
        if found := rule.broken(document):
            raise _refusal(rule, document, found)


def check_values(config: "Config", document: Document) -> None:
    """Raises: ConfigError for the first row of FORBIDDEN_VALUES that the config breaks."""
    for rule in FORBIDDEN_VALUES:
        if found := rule.broken(config):
            raise _refusal(rule, document, found)


def markdown_table() -> str:
    """The table of impossible combinations, for docs/architecture.md."""
    rules: tuple[Rule[Any], ...] = (*FORBIDDEN_KEYS, *FORBIDDEN_VALUES)
    rows = [f"| {rule.combination} | {rule.reason} | {rule.instead} |" for rule in rules]
    return "\n".join(("| refused | because | instead |", "|---|---|---|", *rows)) + "\n"


def _refusal(rule: Rule[Any], document: Document, found: bool | str) -> ConfigError:
    """Blame the first key of the rule that was written, of the section that was found where there are several."""
    keys = [key for key in rule.keys if found is True or key.startswith(f"{found}.")]
    paths: list[KeyPath] = [tuple(key.split(".")) for key in keys]
    written = [path for path in paths if path in document.places]
    blamed = written[0] if written else paths[0]
    name = ".".join(map(str, blamed))
    combination = rule.combination.replace("`", "")
    return ConfigError(f"{document.place(blamed)}: {name}: {combination}: {rule.reason}", rule.instead)


def _written(document: Document, *path: str) -> Any:
    """The value as it was written, None where it was not."""
    data = document.data
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _decoder_is(document: Document, name: str) -> bool:
    decoder = _written(document, "model", "decoder")
    return bool((decoder.get("name") if isinstance(decoder, dict) else decoder) == name)


def _attention_is(document: Document, name: str) -> bool:
    attention = _written(document, "model", "decoder", "attention")
    return bool((attention.get("name") if isinstance(attention, dict) else attention) == name)


def _written_for(decoders: tuple[str, ...], key: str, reason: str, instead: str) -> Rule[Document]:
    """The refusal of a decoder's key where it is written for one of these decoders."""

    def broken(document: Document) -> bool:
        written = _written(document, "model", "decoder", *key.split("."))
        return written is not None and any(_decoder_is(document, name) for name in decoders)

    named = " or ".join(f"`{name}`" for name in decoders[1:])
    first = f"`decoder: {decoders[0]}`" + (f" or {named}" if named else "")
    return Rule(f"{first} with `{key}`", (f"model.decoder.{key}",), reason, instead, broken)


_WITHOUT_RECURRENCE = ("transformer", "conv")
_REMOVE = "remove the key, or take `decoder: {name: rnn}`"

FORBIDDEN_KEYS: tuple[Rule[Document], ...] = (
    Rule(
        "`decoder: transformer` or `conv` with `attention: none`",
        ("model.decoder.attention",),
        "without attention to the source it sees nothing of it",
        _REMOVE,
        lambda document: (
            any(_decoder_is(document, name) for name in _WITHOUT_RECURRENCE) and _attention_is(document, "none")
        ),
    ),
    _written_for(
        ("transformer",), "attention.heads", "all attentions of a layer have equally many heads", "set decoder.heads"
    ),
    _written_for(
        ("transformer",),
        "attention.hops",
        "its layers read the source one after the other, each asking with what those below it have read",
        "set decoder.num_layers",
    ),
    _written_for(_WITHOUT_RECURRENCE, "input_feeding", "it has no recurrence that could be fed", _REMOVE),
    _written_for(_WITHOUT_RECURRENCE, "query", "its queries are the states of its own layers, in every layer", _REMOVE),
    _written_for(_WITHOUT_RECURRENCE, "deep_output", "its last layer is what the output scores", _REMOVE),
    _written_for(_WITHOUT_RECURRENCE, "bridge", "it has no first state that the encoder could give", _REMOVE),
    _written_for(_WITHOUT_RECURRENCE, "cell", "it has no recurrence", _REMOVE),
    _written_for(
        ("transformer",),
        "size",
        "its width is the embeddings', as they enter its residual sums",
        "set model.embedding_size",
    ),
    _written_for(("conv",), "heads", "it attends to nothing but the source", "set decoder.attention.heads"),
    _written_for(
        ("conv",),
        "self_attention",
        "its convolutions look back at the target",
        "set decoder.width and num_layers, or take `decoder: {name: transformer}`",
    ),
)


def _undivided(side: Literal["encoder", "decoder"]) -> "Rule[Config]":
    def broken(config: "Config") -> bool:
        part = config.model.encoder if side == "encoder" else config.model.decoder
        return part.name == "transformer" and config.model.embedding_size % part.heads != 0

    return Rule(
        f"`{side}: transformer` whose `heads` do not divide `embedding_size`",
        (f"model.{side}.heads", "model.embedding_size"),
        "each head works on an equal part of the width",
        "choose heads that divide model.embedding_size",
        broken,
    )


def _cannot_copy(config: "Config") -> bool:
    decoder, shape = config.model.decoder, encoder_shape(config)
    if decoder.name != "rnn" or decoder.bridge.name != "copy":
        return False
    given = (shape.num_layers, shape.has_cell, shape.final_size)
    return given != (decoder.num_layers, decoder.cell.has_cell, decoder.size)


def _one_way_backward(config: "Config") -> bool:
    decoder = config.model.decoder
    return decoder.name == "rnn" and decoder.bridge.name == "backward" and not encoder_shape(config).bidirectional


def _only_bridged(config: "Config", bridge: str) -> bool:
    """Whether such a bridge is all that the decoder sees of the source."""
    decoder = config.model.decoder
    if decoder.name != "rnn" or decoder.attention.name != "none":
        return False
    return decoder.attention.context == "initial" and decoder.bridge.name == bridge


def _cosine_without_end(config: "Config") -> bool:
    schedule, last = config.training.schedule, config.training.max_updates
    return schedule.name == "cosine" and (last is None or last <= schedule.warmup)


def _positions_run_out(config: "Config") -> bool:
    parts = (config.model.encoder, config.model.decoder)
    tables = [getattr(part, "positions", None) for part in parts]
    return any(isinstance(table, Learned.Options) and table.max_positions < config.data.max_length for table in tables)


def _endless(config: "Config") -> bool:
    training = config.training
    limits = (training.max_updates, training.max_epochs, training.max_minutes, training.patience)
    return all(limit is None for limit in limits)


FORBIDDEN_VALUES: tuple["Rule[Config]", ...] = (
    Rule(
        "`sources.co_attention` of more or fewer than two sources",
        ("model.sources.co_attention", "model.sources"),
        "two sources look at each other",
        "give two sources, or set co_attention: false",
        lambda config: (
            config.model.sources is not None
            and config.model.sources.co_attention
            and config.data.inputs.num_sources != 2
        ),
    ),
    Rule(
        "`tied_embeddings: all` without `tokenizer.shared`",
        ("model.tied_embeddings", "tokenizer.shared"),
        "one table of embeddings needs one vocabulary for both sides",
        "set tokenizer.shared: true, or tied_embeddings: target or none",
        lambda config: config.model.tied_embeddings == "all" and not config.tokenizer.shared,
    ),
    Rule(
        "`tied_embeddings: all` with several `source_embeddings`",
        ("model.source_embeddings", "model.tied_embeddings"),
        "the target has one table, and all would be that one",
        "set tied_embeddings: target or none, or source_embeddings: 1",
        lambda config: config.model.tied_embeddings == "all" and config.model.source_embeddings > 1,
    ),
    _undivided("encoder"),
    _undivided("decoder"),
    *ATTENTION,
    *OUTPUT,
    *RISK,
    Rule(
        "`model.sources` with `attention: none`",
        ("model.sources", "model.decoder.attention"),
        "the first source alone would be read, as the decoder's first state",
        "take an attention, which reads each source",
        lambda config: (
            config.model.sources is not None and config.model.decoder.name == "rnn" and attends(config) is None
        ),
    ),
    Rule(
        "several sources in `data` without `model.sources`, or this without them",
        ("model.sources", "data.context.sentences", "data.train.source"),
        "it says how several sources are read together, and is for nothing else",
        "set model.sources exactly where data has several source texts or context.sentences",
        lambda config: (config.data.inputs.num_sources > 1) != (config.model.sources is not None),
    ),
    Rule(
        "`bridge: backward` without a bidirectional encoder",
        ("model.decoder.bridge", "model.encoder.bidirectional", "model.encoder"),
        "there is no backward direction whose last state could start the decoder",
        "set encoder.bidirectional: true, or take bridge: dense",
        _one_way_backward,
    ),
    Rule(
        "`bridge: copy` between states that differ in layers, cell or width",
        ("model.decoder.bridge", "model.decoder.size", "model.encoder.size"),
        "a state is copied layer by layer as it is",
        "make num_layers and cell equal and decoder.size the encoder's size times its directions, or take dense",
        _cannot_copy,
    ),
    Rule(
        "`attention: {name: none, context: initial}` with `bridge: zero`",
        ("model.decoder.bridge", "model.decoder.attention"),
        "the decoder would see nothing of the source",
        "take bridge: dense, or context: every_step",
        lambda config: _only_bridged(config, "zero"),
    ),
    Rule(
        "`attention: {name: none, context: initial}` with `bridge: backward`",
        ("model.decoder.bridge", "model.decoder.attention"),
        "nothing would read the encoder's other direction",
        "take bridge: dense, or context: every_step",
        lambda config: _only_bridged(config, "backward"),
    ),
    Rule(
        "`encoder.reverse` with `bidirectional`",
        ("model.encoder.reverse", "model.encoder.bidirectional"),
        "both directions are read already",
        "set encoder.bidirectional: false, or remove reverse",
        lambda config: (
            config.model.encoder.name == "rnn" and config.model.encoder.reverse and config.model.encoder.bidirectional
        ),
    ),
    Rule(
        "`positions: learned` with fewer `max_positions` than `data.max_length`",
        ("model.encoder.positions", "model.decoder.positions", "data.max_length"),
        "the longest sentences would have positions that are not in the table",
        "raise positions.max_positions, or lower data.max_length",
        _positions_run_out,
    ),
    Rule(
        "`schedule: cosine` without `max_updates` above its `warmup`",
        ("training.schedule", "training.schedule.warmup", "training.max_updates"),
        "the cosine falls from the end of the warm-up to the last update",
        "set training.max_updates, or take schedule: inverse_sqrt",
        _cosine_without_end,
    ),
    Rule(
        "`max_updates`, `max_epochs`, `max_minutes` and `patience` all null",
        ("training.max_updates", "training.patience", "training.max_epochs", "training.max_minutes"),
        "nothing would ever end the run",
        "set at least one of them",
        _endless,
    ),
    Rule(
        "`search.coverage_penalty` with `attention: none`",
        ("search.coverage_penalty", "model.decoder.attention"),
        "coverage is counted in attention weights, and there are none",
        "set search.coverage_penalty: 0, or an attention",
        lambda config: (
            config.search.name == "beam"
            and config.search.coverage_penalty > 0
            and config.model.decoder.name == "rnn"
            and attends(config) is None
        ),
    ),
)
