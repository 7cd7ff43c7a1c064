"""The model: embed → encode → decode → predict. It knows its parts' interfaces and none of their kinds."""

import math
from typing import Annotated, Any, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from nmt import tree
from nmt.batch import Batch, Source
from nmt.decoders.base import Copying, Decoded, Decoder, Forced, Layers, Outcome, Want
from nmt.decoders.conv import ConvDecoder
from nmt.decoders.output import OutputOptions, Softmax
from nmt.decoders.predictions import Predictions
from nmt.decoders.rnn import RnnDecoder
from nmt.decoders.transformer import TransformerDecoder
from nmt.encoders.base import Encoded, Encoder
from nmt.encoders.conv import ConvEncoder
from nmt.encoders.gated import GatedEncoder, GatedSelfAttention
from nmt.encoders.lstmn import LstmnEncoder
from nmt.encoders.rnn import RnnEncoder
from nmt.encoders.several import Encoders
from nmt.encoders.snail import SnailEncoder
from nmt.encoders.transformer import TransformerEncoder
from nmt.errors import ConfigError
from nmt.layers.embeddings import MixedEmbeddings, embedding
from nmt.settings import Settings, choice, shown
from nmt.text.vocabulary import UNKNOWN

EncoderOptions = Annotated[
    RnnEncoder.Options | TransformerEncoder.Options | ConvEncoder.Options | LstmnEncoder.Options | SnailEncoder.Options,
    choice(),
]
DecoderOptions = Annotated[RnnDecoder.Options | TransformerDecoder.Options | ConvDecoder.Options, choice()]


class Memory(NamedTuple):
    """All that decoding knows of the sources: one part per source, and what the decoder prepared of them.

    Every tensor leads with B sentences; the hypotheses of a sentence share its row. copies_BS, where the output layer
    copies, are the ids of the first source's pieces among the target's (nmt.decoders.output).
    """

    encoded: tuple[Encoded, ...]
    prepared: Any
    copies_BS: Tensor | None


class ModelOptions(Settings):
    """The model: widths, and which encoder and decoder."""

    embedding_size: int = Field(256, gt=0, description="width of embeddings and of a Transformer's states")
    tied_embeddings: Literal["none", "target", "all"] = Field(
        "all",
        description="target: input and output of the decoder; all: the encoder's too (needs tokenizer.shared)",
    )
    source_embeddings: Annotated[int, shown("source_embeddings", by=MixedEmbeddings)] = Field(
        1, ge=1, description="tables for the source, mixed by learned weights (Kiela 2018)"
    )
    gated_layers: Annotated[int, shown("gated_layers", by=GatedSelfAttention)] = Field(
        0, ge=0, description="gated self-attention over the encoder's states (SAGAN)"
    )
    dropout: float = Field(0.2, ge=0, lt=1, description="share of the values that training sets to 0")
    encoder: EncoderOptions = RnnEncoder.Options()
    decoder: DecoderOptions = RnnDecoder.Options()
    output: OutputOptions = Softmax.Options()
    sources: Encoders.Options | None = Field(None, description="where data has several sources: how they are combined")

    def build(self, source_size: int, target_size: int, num_sources: int = 1) -> "EncoderDecoder":
        """The model for vocabularies of these sizes. Raises: ConfigError where parts do not fit together."""
        if (self.sources is None) != (num_sources == 1):
            raise ConfigError(f"model.sources does not fit data of {num_sources} sources", "set it for several sources")
        if self.tied_embeddings == "all" and source_size != target_size:
            raise ConfigError("model.tied_embeddings: all needs one vocabulary for both sides", "set tokenizer.shared")
        if self.tied_embeddings == "all" and self.source_embeddings > 1:
            raise ConfigError("model.tied_embeddings: all has one table only", "set model.source_embeddings: 1")
        return EncoderDecoder(self, source_size, target_size, num_sources)

    def build_encoder(self) -> Encoder:
        """The encoder with the layers over it."""
        encoder = self.encoder.build(self.embedding_size, self.dropout)
        return GatedEncoder(encoder, self.gated_layers) if self.gated_layers else encoder

    def build_source_embedding(self, vocabulary_size: int) -> nn.Embedding | MixedEmbeddings:
        """What pieces of the source are to the encoder, where the target has a table of its own."""
        if self.source_embeddings > 1:
            return MixedEmbeddings(self.source_embeddings, vocabulary_size, self.embedding_size)
        return embedding(vocabulary_size, self.embedding_size)


class EncoderDecoder(nn.Module):
    """P(y | x) = Π_t P(y_t | y_<t, x), for any encoder and decoder.

    `forward` computes the hidden states of given targets all at once, `step` one position for every hypothesis; in
    eval mode both give the same log-probabilities, whatever the padding and the batch-mates.
    """

    def __init__(self, options: ModelOptions, source_size: int, target_size: int, num_sources: int) -> None:
        super().__init__()
        size = options.embedding_size
        self.scale = math.sqrt(size)
        self.target_embedding = embedding(target_size, size)
        shared = options.tied_embeddings == "all"
        self.source_embedding = self.target_embedding if shared else options.build_source_embedding(source_size)
        self.encoder: Encoder = options.build_encoder()
        shape, self.encoders = self.encoder.shape, None
        if options.sources is not None:
            self.encoders = options.sources.build(options.build_encoder, shape.memory_size, num_sources)
            shape = options.sources.shape(shape, num_sources)
        self.decoder: Decoder = options.decoder.build(size, shape, options.dropout, options.output.scores)
        self.max_length = self.decoder.max_length
        tied = None if options.tied_embeddings == "none" else self.target_embedding
        self.output = options.output.build(self.decoder, size, target_size, tied)
        self.copies = options.output.copies

    def encode(self, sources: tuple[Source, ...]) -> Memory:
        """Encode each source; one part of the memory per source."""
        embedded = [(self.scale * self.source_embedding(source.ids_BS), source.mask_BS) for source in sources]
        if self.encoders is None:
            encoded: tuple[Encoded, ...] = (self.encoder(*embedded[0]),)
        else:
            encoded = self.encoders(self.encoder, embedded)
        return Memory(encoded, self.decoder.prepare(encoded), sources[0].copies_BS if self.copies else None)

    def start(self, memory: Memory) -> Any:
        """The decoder's state before the first target piece, one row a sentence."""
        return self.decoder.start(memory.encoded, memory.prepared)

    def step(
        self, ids_N: Tensor, memory: Memory, state: Any, want: Want | None = None
    ) -> tuple[Predictions, Tensor | None, Any]:
        """Read one piece for each of N = B·K hypotheses: predictions, weights_NS where wanted, the next state."""
        embedded_NE = self._embedded(ids_N)
        decoded, state = self.decoder.step(embedded_NE, memory.prepared, state, self._layers(want))
        copies_BS = memory.copies_BS
        copies_NS = None if copies_BS is None else tree.repeat(copies_BS, len(ids_N) // max(1, len(copies_BS)))
        outcome = self._outcome(decoded, embedded_NE, copies_NS)
        return self.output.predict(outcome), self._shown(decoded, want), state

    def forward(self, batch: Batch, want: Want | None = None) -> Forced:
        """All target positions of given targets, one or more of each source."""
        memory = self.encode(batch.sources)
        if batch.targets_each > 1:
            memory = tree.repeat(memory, batch.targets_each)
        embedded_BTE = self._embedded(batch.input_BT)
        decoded = self.decoder(embedded_BTE, memory.prepared, self.start(memory), self._layers(want))
        copies_BS, length = memory.copies_BS, batch.input_BT.shape[1]
        copies_BTS = None if copies_BS is None else copies_BS.unsqueeze(1).expand(-1, length, -1)
        return Forced(self._outcome(decoded, embedded_BTE, copies_BTS), self._shown(decoded, want), decoded.terms)

    def _embedded(self, ids: Tensor) -> Tensor:
        """Embeddings of target pieces, those that only the source has as unknown."""
        if self.copies:
            ids = ids.masked_fill(ids >= self.target_embedding.num_embeddings, UNKNOWN)
        embedded: Tensor = self.scale * self.target_embedding(ids)
        return embedded

    def _outcome(self, decoded: Decoded, embedded: Tensor, copies: Tensor | None) -> Outcome:
        """What the output layer reads: where it copies, with the last attention's weights, made to sum to 1."""
        if not self.copies:
            return Outcome(decoded.hidden)
        assert copies is not None, "prepared with what can be copied"
        weights = decoded.weights[self.decoder.num_layers - 1].mean(dim=-2)
        weights = weights / weights.sum(dim=-1, keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)
        return Outcome(decoded.hidden, Copying(decoded.state, decoded.context, embedded, weights, copies))

    def _layers(self, want: Want | None) -> Layers:
        """The numbers of the layers whose weights are needed."""
        shown = () if want is None else (range(self.decoder.num_layers)[want.layer],)
        return frozenset((*shown, self.decoder.num_layers - 1) if self.copies else shown)

    def _shown(self, decoded: Decoded, want: Want | None) -> Tensor | None:
        """The mean of the wanted heads (…, S); None where there is no attention or none is wanted."""
        if want is None or not decoded.weights:
            return None
        weights = decoded.weights[range(self.decoder.num_layers)[want.layer]]
        return (weights if want.heads is None else weights[..., list(want.heads), :]).mean(dim=-2)
