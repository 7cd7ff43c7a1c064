"""Several sources of one sentence, encoded side by side."""

from collections.abc import Callable, Sequence
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from nmt.attention.sources import CoAttention, CombinationOptions, Hierarchical, Several
from nmt.encoders.base import Encoded, Encoder, EncoderShape
from nmt.settings import Settings, shown


class Encoders(nn.Module):
    """Encodes every source of a sentence, all with one encoder or each with its own.

    Cost: that of the encoders, and of co-attention where it is asked for.
    Source: Zoph & Knight 2016, §2 (an encoder for each). Differs: the first source alone starts the decoder.
    """

    class Options(Settings):
        """How several sources of a sentence are read together."""

        combine: CombinationOptions = Hierarchical.Options()
        shared_encoder: bool = Field(True, description="one encoder for all sources, else one for each")
        co_attention: Annotated[bool, shown("co_attention", by=CoAttention)] = Field(
            False, description="two sources look at each other before the decoder looks at both"
        )

        def shape(self, encoder: EncoderShape, num_sources: int) -> EncoderShape:
            """What a decoder must know of so many sources, read by such encoders."""
            return encoder._replace(several=Several(num_sources, self.combine))

        def build(self, another: Callable[[], Encoder], memory_size: int, num_sources: int) -> "Encoders":
            """What reads the sources after the first, with encoders built by `another`."""
            others = [] if self.shared_encoder else [another() for _ in range(num_sources - 1)]
            return Encoders(others, CoAttention(memory_size) if self.co_attention else None)

    def __init__(self, others: list[Encoder], co_attention: CoAttention | None) -> None:
        super().__init__()
        self.others = nn.ModuleList(others)  # type: ignore[arg-type]  # an encoder is a module, its protocol is not
        self.co_attention = co_attention

    def forward(self, first: Encoder, sources: Sequence[tuple[Tensor, Tensor]]) -> tuple[Encoded, ...]:
        """Each source from its embeddings and mask; `first` encodes the first one, and all where it is shared."""
        encoders = [first, *self.others] if len(self.others) else [first] * len(sources)
        encoded = [encoder(*source) for encoder, source in zip(encoders, sources, strict=True)]
        if self.co_attention is not None:
            memories = self.co_attention(*(part.memory for part in encoded))
            encoded = [part._replace(memory=memory) for part, memory in zip(encoded, memories, strict=True)]
        return tuple(encoded)
