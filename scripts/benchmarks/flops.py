"""Floating-point operations of a model's matrix products, from its settings and the sentences' lengths alone.

A product of an (m × k) with a (k × n) matrix is 2·m·k·n operations. Counted are the products that the real pieces of
a sentence pair need, padding left out: projections, recurrences, attention (scores and contexts, the whole S × T
rectangle), feed-forward layers and the output layer. Embedding lookups, softmax, norms and other work between the
products are not counted. Widths: E embedding, V vocabulary, F feed-forward, H a recurrent state, G = 4·H (LSTM) or 3·H
(GRU) its gates, D memory, Q query, A hidden layer of a score. For one pair of S source and T target pieces, ends of
sentence counted, the forward pass takes

    once + source · S + target · T + source_square · S² + cross · S · T + target_square · T²

    Transformer encoder, a layer     source 2·(4·E² + 2·E·F), source_square 4·E
    Transformer decoder, a layer     target 2·(6·E² + 2·E·F), source 4·D·E, cross 4·E, target_square 4·E
    convolutional decoder, a layer   target 2·(2·k·C² + 2·E·C), and attention; around the layers 2·(2·E·C), and source
                                     2·D·E where D is not E; k states of width C are seen
    recurrent layer, a direction     2·G·(I + H) a step, I being its input's width
    conv encoder                     source 4·E·C, and 4·k·C² a layer: C its width, k states a convolution sees
    lstmn encoder, a layer           source 2·4·H·(I + H) + 2·H·(I + 2·H) − 3·H, source_square 3·H, once −2·H·(I + 2·H)
    snail encoder                    source 8·D·F a convolution and 2·D·(2·P + U) an attention, D the width so far,
                                     source_square 2·(P + U) an attention, source 2·D·size at the end
    gated self-attention, a layer    source D², source_square D/2 (its inner width is D/8)
    K mixed source embeddings        source 2·K·E·(E + 1)
    attention of one head            source 2·D·A (keys), target 2·Q·A (queries), cross 2·A (scores) + 2·D (contexts)
    output layer                     target 2·E·V, none for `pointer`; the gate of `copy` 2·(D + H + E) more

and the backward pass twice as much: each product's gradient is one product for either factor.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from nmt.attention.heads import AttentionSettings, Mechanism, NoAttention
from nmt.attention.ntm import Ntm
from nmt.decoders.conv import ConvDecoder
from nmt.decoders.rnn import RnnDecoder
from nmt.decoders.transformer import TransformerDecoder
from nmt.encoders.conv import ConvEncoder
from nmt.encoders.lstmn import LstmnEncoder
from nmt.encoders.rnn import RnnEncoder
from nmt.encoders.snail import SnailEncoder
from nmt.encoders.transformer import TransformerEncoder
from nmt.model import ModelOptions


class Cost(NamedTuple):
    """Operations of the forward pass over one sentence pair, as a polynomial in its lengths S and T."""

    once: float = 0
    source: float = 0
    target: float = 0
    source_square: float = 0
    cross: float = 0
    target_square: float = 0

    def plus(self, *others: "Cost") -> "Cost":
        """The sum, coefficient by coefficient."""
        return Cost(*(sum(parts) for parts in zip(self, *others, strict=True)))

    def forward(self, source: int, target: int) -> float:
        """Of a pair with these numbers of pieces, ends of sentence counted."""
        square = self.source_square * source**2 + self.cross * source * target + self.target_square * target**2
        return self.once + self.source * source + self.target * target + square

    def training(self, pairs: Iterable[tuple[int, int]]) -> float:
        """Forward and backward pass over pairs of these lengths."""
        return 3 * sum(self.forward(source, target) for source, target in pairs)

    def search(self, pairs: Iterable[tuple[int, int]], beam_size: int) -> float:
        """Encoding once and `beam_size` hypotheses of the found length, each step over T' = 1 … T own positions."""
        total = 0.0
        for source, target in pairs:
            total += self.once + self.source * source + self.source_square * source**2
            own = self.target_square * target * (target + 1) / 2
            total += beam_size * (self.target * target + self.cross * source * target + own)
        return total


def cost(model: ModelOptions, vocabulary_size: int) -> Cost:
    """Of a model of one source with so many target pieces. Raises: ValueError where a part has no formula here."""
    if model.sources is not None:
        raise ValueError("scripts/benchmarks/flops.py counts models of one source")
    size = model.embedding_size
    output = output_cost(model, vocabulary_size)
    over = gated_cost(model.encoder.shape(size).memory_size)
    mixed = Cost(source=2 * size * (size + 1) * model.source_embeddings * (model.source_embeddings > 1))
    encoder = encoder_cost(model.encoder, size).plus(mixed, *[over] * model.gated_layers)
    return output.plus(encoder, decoder_cost(model.decoder, size, model.encoder))


def gated_cost(size: int) -> Cost:
    """Of one layer of gated self-attention over states of this width."""
    inner = max(1, size // 8)
    return Cost(source=2 * 4 * size * inner, source_square=2 * 2 * inner)


def output_cost(model: ModelOptions, vocabulary_size: int) -> Cost:
    """Of the output layer; a pointer has no readout either, unless the next step is fed with it."""
    size, decoder = model.embedding_size, model.decoder
    known = {"softmax": 2 * size * vocabulary_size, "copy": 2 * size * vocabulary_size, "pointer": 0}
    if model.output.name not in known:
        raise unknown(model.output)
    target = known[model.output.name]
    state_size, context_size = size, size
    if isinstance(decoder, RnnDecoder.Options):
        state_size = decoder.size
        _, context_size = attention_cost(decoder.attention, decoder.size, *model.encoder.shape(size)[:3:2])
        unread = not model.output.scores and not decoder.input_feeding
        target -= unread * readout_cost(decoder, size, context_size)
    if model.output.name == "copy":
        target += 2 * (context_size + state_size + size)
    return Cost(target=target)


def encoder_cost(encoder: Any, size: int) -> Cost:
    """Of an encoder over embeddings of width `size`."""
    if isinstance(encoder, TransformerEncoder.Options):
        layer = Cost(source=2 * 2 * size * encoder.feed_forward_size)
        own = heads_cost(encoder.self_attention, encoder.heads, size, size)
        looking = Cost(source=own.source + own.target, source_square=own.cross)
        return Cost().plus(*[layer.plus(looking)] * encoder.num_layers)
    if isinstance(encoder, RnnEncoder.Options):
        directions = 1 + encoder.bidirectional
        widths = [size] + [directions * encoder.size] * (encoder.num_layers - 1)
        steps = [directions * recurrence(encoder.cell, width, encoder.size) for width in widths]
        return Cost(source=sum(steps))
    if isinstance(encoder, ConvEncoder.Options):
        layer = Cost(source=2 * 2 * encoder.width * encoder.size**2)
        return Cost(source=2 * 2 * size * encoder.size).plus(*[layer] * encoder.num_layers)
    if isinstance(encoder, LstmnEncoder.Options):
        widths = [size] + [encoder.size] * (encoder.num_layers - 1)
        return Cost().plus(*(tape_cost(width, encoder.size) for width in widths))
    if isinstance(encoder, SnailEncoder.Options):
        return snail_cost(encoder, size)
    raise unknown(encoder)


def tape_cost(input_size: int, size: int) -> Cost:
    """Of an LSTM step a position, and from the second on a query, a key, and scores and contexts over those before:
    S·(S − 1)/2 of them."""
    once, pair = 2 * size * (input_size + 2 * size), 2 * (size + 2 * size)
    step = 2 * 4 * size * (input_size + size)
    return Cost(once=-once, source=step + once - pair / 2, source_square=pair / 2)


def snail_cost(encoder: SnailEncoder.Options, size: int) -> Cost:
    """Of convolutions, whose input each widens, attention, and the last linear map."""
    total, width = Cost(), size
    key_size, value_size = encoder.key_size, encoder.value_size
    for _ in range(encoder.num_blocks):
        for _ in encoder.dilations:
            total = total.plus(Cost(source=2 * 2 * width * 2 * encoder.filters))
            width += encoder.filters
        projections = 2 * width * (2 * key_size + value_size)
        total = total.plus(Cost(source=projections, source_square=2 * (key_size + value_size)))
        width += value_size
    return total.plus(Cost(source=2 * width * encoder.size))


def recurrence(cell: Any, input_size: int, size: int) -> float:
    """2·G·(I + H): one step of an LSTM or GRU."""
    return 2 * gates(cell) * size * (input_size + size)


def gates(cell: Any) -> int:
    """Blocks of H rows in the weights of a cell."""
    return {"lstm": 4, "gru": 3}[cell.name]


def decoder_cost(decoder: Any, size: int, encoder: Any) -> Cost:
    """Of a decoder over embeddings of width `size`, output layer left out."""
    memory_size, _, final_size, *_ = encoder.shape(size)
    if isinstance(decoder, TransformerDecoder.Options):
        layer = Cost(target=2 * 2 * size * decoder.feed_forward_size)
        own = heads_cost(decoder.self_attention, decoder.heads, size, size)
        looking_back = Cost(target=own.source + own.target, target_square=own.cross)
        attending = heads_cost(decoder.attention, decoder.heads, size, memory_size)
        return Cost().plus(*[layer.plus(looking_back, attending)] * decoder.num_layers)
    if isinstance(decoder, RnnDecoder.Options):
        attended, context_size = attention_cost(decoder.attention, decoder.size, memory_size, final_size)
        return attended.plus(bridge_cost(decoder, encoder, final_size), rnn_cost(decoder, size, context_size))
    if isinstance(decoder, ConvDecoder.Options):
        entering = Cost(source=2 * memory_size * size if memory_size != size else 0)
        return entering.plus(conv_decoder_cost(decoder, size, final_size))
    raise unknown(decoder)


def conv_decoder_cost(decoder: ConvDecoder.Options, size: int, final_size: int) -> Cost:
    """Convolutions, attention between its two maps, and the maps into the layers and out of them."""
    attended, _ = attention_cost(decoder.attention, size, size, final_size)
    mapped = 2 * 2 * size * decoder.size
    layer = attended.plus(Cost(target=mapped + 2 * 2 * decoder.width * decoder.size**2))
    return Cost(target=mapped).plus(*[layer] * decoder.num_layers)


def rnn_cost(decoder: RnnDecoder.Options, size: int, context_size: int) -> Cost:
    """Cells, what is fed to the bottom one, and the readout."""
    cells = [recurrence(decoder.cell, decoder.size if n else size, decoder.size) for n in range(decoder.num_layers)]
    context_first = decoder.query == "previous" or isinstance(decoder.attention, NoAttention.Options)
    fed_size = context_size * context_first + size * decoder.input_feeding
    feed = 2 * gates(decoder.cell) * decoder.size * fed_size
    return Cost(target=sum(cells) + feed + readout_cost(decoder, size, context_size))


def readout_cost(decoder: RnnDecoder.Options, size: int, context_size: int) -> float:
    """A step of the deep output or of the attentional state."""
    if decoder.deep_output:
        return 2 * 2 * size * (decoder.size + size + context_size)
    return 2 * size * (decoder.size + context_size)


def bridge_cost(decoder: RnnDecoder.Options, encoder: Any, final_size: int) -> Cost:
    """A linear map a layer, and another for an LSTM's cell, where the bridge has any."""
    widths = {"dense": final_size, "backward": final_size // 2, "copy": 0, "zero": 0}
    maps = decoder.num_layers * (2 if decoder.cell.name == "lstm" else 1)
    return Cost(once=2 * maps * widths[decoder.bridge.name] * decoder.size)


def attention_cost(options: Any, query_size: int, memory_size: int, final_size: int) -> tuple[Cost, int]:
    """Cost, and the context's width."""
    if isinstance(options, NoAttention.Options):
        return Cost(), final_size if options.context == "every_step" else 0
    if not isinstance(options, AttentionSettings):
        raise unknown(options)
    if options.hops > 1:
        raise ValueError("scripts/benchmarks/flops.py counts attention of one hop")
    if options.heads == 1:
        refuse_coverage(options)
        read = Cost(cross=2 * memory_size)
        return read.plus(
            score_cost(options.score, query_size, memory_size), scope_cost(options.scope, query_size)
        ), memory_size
    return heads_cost(options, options.heads, query_size, memory_size), query_size


def heads_cost(options: Mechanism, heads: int, query_size: int, memory_size: int) -> Cost:
    """Several heads between their projections."""
    refuse_coverage(options)
    width = query_size // heads
    head = score_cost(options.score, width, width).plus(scope_cost(options.scope, width), Cost(cross=2 * width))
    of_memory = 2 if options.reads_keys else 1
    projections = Cost(source=of_memory * 2 * memory_size * query_size, target=2 * 2 * query_size**2)
    return projections.plus(*[head] * heads)


def score_cost(score: Any, query_size: int, memory_size: int) -> Cost:
    """Keys, queries and scores of one head."""
    hidden = getattr(score, "size", None) or query_size
    over_both = Cost(source=2 * memory_size * hidden, target=2 * query_size * hidden, cross=2 * hidden)
    known = {
        "dot": Cost(cross=2 * query_size),
        "scaled_dot": Cost(cross=2 * query_size),
        "cosine": Cost(cross=2 * query_size),
        "general": Cost(source=2 * memory_size * query_size, cross=2 * query_size),
        "additive": over_both,
        "concat": over_both,
        "mlp": over_both.plus(Cost(cross=2 * hidden**2 * (getattr(score, "num_layers", 1) - 1))),
        "location": Cost(target=2 * query_size * getattr(score, "max_positions", 0)),
    }
    if score.name not in known:
        raise unknown(score)
    return known[score.name]


def scope_cost(scope: Any, query_size: int) -> Cost:
    """What a scope multiplies besides scores and context."""
    known = {
        "global": Cost(),
        "local_m": Cost(),
        "local_p": Cost(target=2 * query_size * (query_size + 1)),
        "hard": Cost(),
    }
    if isinstance(scope, Ntm.Options) and not scope.write:
        return Cost(target=2 * query_size * (query_size + 3 + 2 * scope.max_shift + 1))
    if scope.name not in known:
        raise unknown(scope)
    return known[scope.name]


def refuse_coverage(options: Mechanism) -> None:
    """Raises: ValueError for coverage, which has no formula here."""
    if options.coverage is not None:
        raise ValueError("scripts/benchmarks/flops.py counts attention without coverage")


def unknown(options: Any) -> ValueError:
    """The refusal of a part that this module does not count."""
    return ValueError(f"scripts/benchmarks/flops.py has no formula for {options.name!r}")
