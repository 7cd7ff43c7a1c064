"""Settings of attention that exclude each other."""

from typing import TYPE_CHECKING, Literal

from nmt.combinations.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from nmt.attention.heads import AttentionSettings, Mechanism
    from nmt.config import Config
    from nmt.encoders.base import EncoderShape


def encoder_shape(config: "Config") -> "EncoderShape":
    """What the decoder must know of the encoder."""
    return config.model.encoder.shape(config.model.embedding_size)


def attends(config: "Config") -> "AttentionSettings | None":
    """The attention of a decoder that has no other, None where there is none."""
    decoder = config.model.decoder
    return decoder.attention if decoder.name != "transformer" and decoder.attention.name == "attend" else None


def _undivided_state(config: "Config") -> bool:
    attention, decoder = attends(config), config.model.decoder
    return attention is not None and decoder.name == "rnn" and decoder.size % attention.heads != 0


def _undivided_embedding(config: "Config") -> bool:
    decoder, size = config.model.decoder, config.model.embedding_size
    return decoder.name == "conv" and size % decoder.attention.heads != 0


def _unequal_widths(config: "Config") -> bool:
    attention, decoder = attends(config), config.model.decoder
    products = ("dot", "scaled_dot", "cosine")
    if attention is None or decoder.name != "rnn" or attention.heads > 1:
        return False
    return attention.score.name in products and decoder.size != encoder_shape(config).memory_size


def _unequal_hops(config: "Config") -> bool:
    attention, decoder = attends(config), config.model.decoder
    if attention is None or decoder.name != "rnn" or attention.heads > 1:
        return False
    return attention.hops > 1 and decoder.size != encoder_shape(config).memory_size


def mechanisms(config: "Config") -> "dict[str, Mechanism]":
    """Every attention of the model, by the section that it is set in."""
    encoder, decoder, attention = config.model.encoder, config.model.decoder, attends(config)
    found: dict[str, Mechanism] = {} if attention is None else {"model.decoder.attention": attention}
    if encoder.name == "transformer":
        found["model.encoder.self_attention"] = encoder.self_attention
    if decoder.name == "transformer":
        found |= {"model.decoder.self_attention": decoder.self_attention, "model.decoder.attention": decoder.attention}
    return found


def _where(wrong: "Callable[[Mechanism], bool]") -> "Callable[[Config], bool | str]":
    """The section of the first attention that is wrong."""
    return lambda config: next((place for place, one in mechanisms(config).items() if wrong(one)), False)


def _keys_of_each(*keys: str) -> tuple[str, ...]:
    sections = ("model.decoder.attention", "model.encoder.self_attention", "model.decoder.self_attention")
    return tuple(f"{section}.{key}" for section in sections for key in keys)


def _of_a_source(side: Literal["encoder", "decoder"]) -> "Rule[Config]":
    """The refusal of scopes that are nothing without a decoder's steps over a source."""

    def broken(config: "Config") -> bool:
        part = config.model.encoder if side == "encoder" else config.model.decoder
        return part.name == "transformer" and part.self_attention.scope.name in ("ntm", "hard")

    return Rule(
        f"`{side}.self_attention` with `scope: ntm` or `hard`",
        (f"model.{side}.self_attention.scope", f"model.{side}.self_attention"),
        "they take a decoder's steps over a source that stays as it is: ntm goes on from where it read last, and hard "
        "is rewarded for the source words that it drew",
        "take another scope there, or set the scope of decoder.attention",
        broken,
    )


def _covers_itself(config: "Config") -> bool:
    parts = [part for part in (config.model.encoder, config.model.decoder) if part.name == "transformer"]
    return any(part.self_attention.coverage is not None for part in parts)


def _vectors_of_a_scalar(mechanism: "Mechanism") -> bool:
    return mechanism.scope.name == "multi_dimensional" and mechanism.score.name not in ("additive", "concat", "mlp")


def _coverage_unheard(mechanism: "Mechanism") -> bool:
    return mechanism.coverage is not None and mechanism.coverage.vector and mechanism.score.name != "additive"


ATTENTION: tuple["Rule[Config]", ...] = (
    Rule(
        "`attention.heads` that do not divide `decoder.size`",
        ("model.decoder.attention.heads", "model.decoder.size"),
        "each head works on an equal part of the width",
        "choose heads that divide model.decoder.size",
        _undivided_state,
    ),
    Rule(
        "`decoder: conv` whose `attention.heads` do not divide `embedding_size`",
        ("model.decoder.attention.heads", "model.embedding_size"),
        "queries and memory have the embeddings' width, and each head works on an equal part of it",
        "choose heads that divide model.embedding_size",
        _undivided_embedding,
    ),
    Rule(
        "`score: dot`, `scaled_dot` or `cosine` over states of another width than the decoder's",
        ("model.decoder.attention.score", "model.decoder.size", "model.encoder.size", "model.embedding_size"),
        "the score is a product of query and memory, which must be equally wide",
        "make decoder.size the encoder's size times its directions, set heads, or take general or additive",
        _unequal_widths,
    ),
    Rule(
        "several `attention.hops` over states of another width than the decoder's",
        ("model.decoder.attention.hops", "model.decoder.size", "model.encoder.size", "model.embedding_size"),
        "each hop adds what it has read to the query, which must be equally wide",
        "make decoder.size the encoder's size times its directions, or set heads",
        _unequal_hops,
    ),
    _of_a_source("encoder"),
    _of_a_source("decoder"),
    Rule(
        "`coverage` in a `self_attention`",
        (
            "model.encoder.self_attention.coverage",
            "model.decoder.self_attention.coverage",
            "model.encoder.self_attention",
        ),
        "it counts what a decoder has read of the source",
        "remove the key, or set decoder.attention.coverage",
        _covers_itself,
    ),
    Rule(
        "`scope: multi_dimensional` with another score than `additive`, `concat` or `mlp`",
        _keys_of_each("scope", "score"),
        "it needs one score for every feature, and the others give one number",
        "take score: additive, concat or mlp",
        _where(_vectors_of_a_scalar),
    ),
    Rule(
        "`attention.coverage` with `vector` and another score than `additive`",
        _keys_of_each("coverage", "score"),
        "coverage enters the score inside the tanh of additive",
        "take score: additive, or set coverage: {vector: false} to keep the loss alone",
        _where(_coverage_unheard),
    ),
    Rule(
        "`attention.coverage` with neither `vector` nor `loss`",
        ("model.decoder.attention.coverage",),
        "what was attended to would be counted for nothing",
        "set vector: true or a loss above 0, or remove coverage",
        lambda config: any(
            mechanism.coverage is not None and not mechanism.coverage.vector and mechanism.coverage.loss == 0
            for mechanism in mechanisms(config).values()
        ),
    ),
    Rule(
        "`score: location` with `scope: expanded`",
        _keys_of_each("scope", "score"),
        "a block of positions has no row in the table of positions",
        "take another score, or scope: global",
        _where(lambda mechanism: (mechanism.score.name, mechanism.scope.name) == ("location", "expanded")),
    ),
)
