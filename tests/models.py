"""Small models of every kind, and batches for them: what the contract tests run over."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from nmt import tree
from nmt.attention.normalizers import NormalizerOptions
from nmt.attention.scores import ScoreOptions
from nmt.attention.sources import CombinationOptions
from nmt.batch import Batch, Source, make_batch, make_source
from nmt.decoders.bridge import BridgeOptions
from nmt.layers.positions import PositionOptions
from nmt.model import EncoderDecoder, ModelOptions
from nmt.settings import members
from nmt.text.vocabulary import EOS

VOCABULARY = 11
SIZE = 4
LACKED = (4, 5, 6)  # pieces of a source that the target vocabulary is said to lack, where an output layer copies
Shape = dict[str, Any]

SCORES = [*members(ScoreOptions)]
COMBINATIONS = [*members(CombinationOptions)]
NORMALIZERS = [*members(NormalizerOptions)]
SCOPES: list[Shape] = [
    {"name": "global"},
    {"name": "local_m", "window": 1},
    {"name": "local_p", "window": 2},
    {"name": "local_p", "window": 1, "renormalize": True},
    {"name": "expanded", "window": 1, "block": 2},
    {"name": "expanded", "window": 1, "block": 2, "centre": "local_p"},
    {"name": "hybrid", "local": {"name": "local_m", "window": 1}, "gate": 0.4},
    {"name": "hybrid", "local": {"name": "local_p", "window": 1, "renormalize": True}},
    {"name": "multi_dimensional"},
    {"name": "hard"},
    {"name": "hard", "decoding": "expectation"},
    {"name": "ntm"},
    {"name": "ntm", "max_shift": 2, "write": True},
]
IN_SELF_ATTENTION = ("local_m", "local_p", "expanded", "hybrid", "multi_dimensional")  # the others need a source
CELLS: list[Shape] = [{"name": "gru", "reset": "after"}, {"name": "gru", "reset": "before"}, {"name": "lstm"}]
BRIDGES = [*members(BridgeOptions)]
POSITIONS = [*members(PositionOptions)]
ENCODERS: dict[str, Shape] = {
    "conv": {"name": "conv", "size": 6, "num_layers": 2, "width": 3},
    "conv-even": {"name": "conv", "size": 3, "num_layers": 1, "width": 2, "positions": "learned"},
    "lstmn": {"name": "lstmn", "size": SIZE, "num_layers": 2},
    "snail": {"name": "snail", "size": SIZE, "filters": 3, "span": 5, "key_size": 2, "value_size": 3},
}


def rnn(attention: Any = None, encoder: Shape | None = None, **decoder: Any) -> Shape:
    """Recurrent encoder and decoder; what is not given is Bahdanau's."""
    decoder = {"name": "rnn", "size": SIZE, "attention": attention or {}, **decoder}
    return {"encoder": {"name": "rnn", "size": SIZE // 2, **(encoder or {})}, "decoder": decoder}


def transformer(decoder: Shape | None = None, **both: Any) -> Shape:
    """A Transformer of two layers on both sides."""
    part = {"name": "transformer", "num_layers": 2, "heads": 2, "feed_forward_size": 6, **both}
    return {"encoder": part, "decoder": {**part, **(decoder or {})}}


def conv_decoder(attention: Shape | None = None, **options: Any) -> Shape:
    """A convolutional decoder of two layers."""
    return {"name": "conv", "size": 6, "num_layers": 2, "attention": attention or {}, **options}


def _attentions() -> Iterator[tuple[str, Shape]]:
    for score in SCORES:
        yield f"score-{score}", rnn({"score": score})
        yield f"score-{score}-2-heads", rnn({"score": score, "heads": 2}, query="current")
    for normalizer in NORMALIZERS:
        yield f"normalizer-{normalizer}", rnn({"normalizer": normalizer})
    for number, scope in enumerate(SCOPES):
        yield f"scope-{scope['name']}-{number}", rnn({"scope": scope}, query="current")
        yield f"scope-{scope['name']}-{number}-4-heads", rnn({"scope": scope, "heads": 4})
    for query in ("previous", "current"):
        yield f"coverage-{query}", rnn({"coverage": {}}, query=query)
    yield "coverage-feeding-2-heads", rnn({"coverage": {}, "heads": 2}, input_feeding=True)
    yield "hops", rnn({"hops": 2})
    yield "hops-2-heads", rnn({"hops": 3, "heads": 2}, query="current")
    yield "hops-ntm", rnn({"hops": 2, "scope": {"name": "ntm"}}, input_feeding=True)
    yield "coverage-loss-alone", rnn({"score": "dot", "coverage": {"vector": False}}, query="current")
    yield "coverage-ntm", rnn({"scope": {"name": "ntm", "write": True}, "coverage": {}}, query="current")
    yield "fused-4-heads", rnn({"score": "scaled_dot", "heads": 4})
    for context in ("initial", "every_step"):
        for query in ("previous", "current"):
            yield f"none-{context}-{query}", rnn({"name": "none", "context": context}, query=query)


def _outputs() -> Iterator[tuple[str, Shape]]:
    for scope in ("global", "local_p"):
        attention = {"scope": {"name": scope}}
        yield f"copy-{scope}", {**rnn(attention, query="current", deep_output=False), "output": "copy"}
        yield f"pointer-{scope}", {**rnn(attention, query="current"), "output": "pointer"}
    yield "copy-previous", {**rnn(cell="lstm", encoder={"cell": "lstm"}), "output": "copy"}
    yield "copy-2-heads", {**rnn({"heads": 2}), "output": "copy", "tied_embeddings": "none"}
    yield "copy-transformer", {**transformer(norm="pre"), "output": "copy"}
    yield "copy-transformer-local", {**transformer({"attention": {"scope": {"name": "local_p"}}}), "output": "copy"}
    yield "pointer-feeding", {**rnn(query="current", input_feeding=True), "output": "pointer"}


def _recurrent() -> Iterator[tuple[str, Shape]]:
    for cell in CELLS:
        yield "cell-" + "-".join(cell.values()), rnn(cell=cell, encoder={"cell": cell})
    for bridge in BRIDGES:
        yield f"bridge-{bridge}", rnn(bridge=bridge)
        yield f"bridge-{bridge}-lstm", rnn(bridge=bridge, cell="lstm", encoder={"cell": "lstm"})
    for query in ("previous", "current"):
        for feeding in (False, True):
            for deep in (False, True):
                name = f"query-{query}{'-feeding' * feeding}{'-deep' * deep}"
                yield name, rnn(query=query, input_feeding=feeding, deep_output=deep)
    yield "layers-none", rnn({"name": "none"}, num_layers=2)
    yield "feeding-none", rnn({"name": "none"}, input_feeding=True)
    yield "one-way", rnn(encoder={"bidirectional": False})
    yield "reversed", rnn(encoder={"bidirectional": False, "reverse": True})
    deep_encoder = {"num_layers": 2, "cell": "lstm"}
    yield "layers", rnn(encoder=deep_encoder, cell="lstm", num_layers=3, query="current", input_feeding=True)


def _transformers() -> Iterator[tuple[str, Shape]]:
    for norm in ("pre", "post"):
        for positions in POSITIONS:
            yield f"transformer-{norm}-{positions}", transformer(norm=norm, positions=positions)
    for score in SCORES:
        part = {"score": score}
        yield f"transformer-{score}", transformer({"attention": part}, self_attention=part)
    for number, scope in enumerate(SCOPES):
        score = "additive" if scope["name"] == "multi_dimensional" else "scaled_dot"
        part = {"score": score, "scope": scope}
        yield f"transformer-{scope['name']}-{number}", transformer({"attention": part})
        if scope["name"] in IN_SELF_ATTENTION:
            windows = transformer(self_attention=part)
            yield f"transformer-encoder-{scope['name']}-{number}", {**transformer(), "encoder": windows["encoder"]}
            yield f"transformer-decoder-{scope['name']}-{number}", {**transformer(), "decoder": windows["decoder"]}
    yield "transformer-coverage", transformer({"attention": {"score": "additive", "coverage": {}}})
    yield "transformer-gelu", transformer(activation="gelu")
    yield "transformer-rnn", {"encoder": transformer()["encoder"], "decoder": rnn()["decoder"]}
    yield "rnn-transformer", {"encoder": rnn()["encoder"], "decoder": transformer()["decoder"]}
    for name, part in ENCODERS.items():
        yield f"{name}-rnn", {**rnn(), "encoder": part}
        yield f"{name}-transformer", {**transformer(), "encoder": part}
    yield "lstmn-copied", {**rnn(cell="lstm", bridge="copy", num_layers=2), "encoder": ENCODERS["lstmn"]}
    yield "gated", {**rnn(), "gated_layers": 2}
    yield "gated-conv", {**transformer(), "encoder": ENCODERS["conv"], "gated_layers": 1}
    yield "mixed", {**rnn(), "source_embeddings": 3, "tied_embeddings": "target"}
    yield "untied", {**transformer(), "tied_embeddings": "none"}
    yield "target-tied", {**rnn(), "tied_embeddings": "target"}


def _several_sources() -> Iterator[tuple[str, Shape]]:
    for combine in COMBINATIONS:
        yield f"sources-{combine}", {**rnn(), "sources": {"combine": combine}}
        several = {"combine": combine, "shared_encoder": False}
        yield f"sources-{combine}-transformer", {**transformer(), "sources": several}
    yield "sources-co-attention", {**rnn(query="current"), "sources": {"combine": "gate", "co_attention": True}}
    yield "sources-local", {**rnn({"scope": SCOPES[2], "heads": 2}), "sources": {"shared_encoder": False}}


def _convolutional() -> Iterator[tuple[str, Shape]]:
    decoders = {score: conv_decoder({"score": score}) for score in SCORES}
    for number, scope in enumerate(SCOPES):
        score = "additive" if scope["name"] == "multi_dimensional" else "scaled_dot"
        decoders[f"{scope['name']}-{number}"] = conv_decoder({"score": score, "scope": scope})
    decoders["local_p-2-heads"] = conv_decoder({"scope": SCOPES[3], "heads": 2})
    decoders["coverage-2-heads"] = conv_decoder({"score": "additive", "coverage": {}, "heads": 2})
    decoders["hops"] = conv_decoder({"hops": 2})
    decoders["width-1"] = conv_decoder(width=1, num_layers=1, positions="learned")
    decoders["width-5"] = conv_decoder(width=5, size=3)
    for name, decoder in decoders.items():
        yield f"rnn-conv-{name}", {**rnn(), "decoder": decoder}
    yield "wide-rnn-conv", {**rnn(encoder={"size": 3}), "decoder": conv_decoder()}
    yield "transformer-conv", {**transformer(), "decoder": conv_decoder()}
    for name, encoder in ENCODERS.items():
        yield f"{name}-conv", {"encoder": encoder, "decoder": conv_decoder()}
    yield "conv-conv-2-heads", {"encoder": ENCODERS["conv"], "decoder": conv_decoder({"heads": 2})}
    yield "copy-conv", {**rnn(), "decoder": conv_decoder(), "output": "copy"}
    several = {"combine": "gate", "shared_encoder": False}
    yield "sources-conv-conv", {"encoder": ENCODERS["conv"], "decoder": conv_decoder(), "sources": several}


SHAPES: dict[str, Shape] = {
    **dict(_attentions()),
    **dict(_recurrent()),
    **dict(_transformers()),
    **dict(_several_sources()),
    **dict(_outputs()),
    **dict(_convolutional()),
}


def num_sources(shape: Shape) -> int:
    """How many sources a model of this shape reads."""
    if "sources" not in shape:
        return 1
    return 2 if shape["sources"].get("co_attention") else 3


def build(shape: Shape, seed: int = 1, vocabulary: int = VOCABULARY, spread: float = 1.0) -> EncoderDecoder:
    """The model in float64 and eval mode, every parameter random, so that no bias is 0 and no two are equal."""
    torch.manual_seed(seed)
    settings = {"embedding_size": SIZE, "dropout": 0.1, **shape}
    model = ModelOptions.model_validate(settings).build(vocabulary, vocabulary, num_sources(shape)).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.3 * spread)
    return model


def sentences(lengths: Sequence[int], seed: int, vocabulary: int = VOCABULARY) -> list[list[int]]:
    """Random id sequences of these lengths, each ending with the end-of-sentence piece, which is counted."""
    chance = torch.Generator().manual_seed(seed)
    return [[*torch.randint(4, vocabulary, (length - 1,), generator=chance).tolist(), EOS] for length in lengths]


def batch_of(source_lengths: Sequence[int], target_lengths: Sequence[int], seed: int = 1, sources: int = 1) -> Batch:
    """A batch of random pairs; of several sources, each has the first one's lengths in another order."""
    turned = [[*source_lengths[number:], *source_lengths[:number]] for number in range(sources)]
    texts = [sentences(lengths, seed + 10 * number) for number, lengths in enumerate(turned)]
    return pairs(texts, sentences(target_lengths, seed + 1))


def pairs(texts: Sequence[Sequence[Sequence[int]]], targets: Sequence[Sequence[int]]) -> Batch:
    """A batch of these sources and targets, with what may be copied of the first source."""
    return make_batch(texts, targets, range(len(targets)), copies(texts[0]))


def copies(rows: Sequence[Sequence[int]], vocabulary: int = VOCABULARY) -> list[list[int]]:
    """What may be copied of such sources, where the target vocabulary lacks the pieces LACKED."""
    return [[vocabulary + row.index(piece) if piece in LACKED else piece for piece in row] for row in rows]


def source_of(rows: Sequence[Sequence[int]], vocabulary: int = VOCABULARY) -> Source:
    """A source of these rows, with what may be copied of it."""
    return make_source(rows, copies(rows, vocabulary))


def log_probs_BTV(model: EncoderDecoder, batch: Batch) -> torch.Tensor:
    """log P of every piece at every target position, V counting the copied ones."""
    outcome = tree.map_tensors(lambda rows: rows.flatten(0, 1), model(batch).outcome)
    return model.output.predict(outcome).log_probs().unflatten(0, batch.target_BT.shape)
