"""Several readings of one memory, each asking with what the ones before it have read."""

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from nmt.attention.base import Attended, Memory
from nmt.errors import ConfigError

if TYPE_CHECKING:
    from nmt.attention.heads import Attention


class Hops(nn.Module):
    """u^1 = s_t, u^{k+1} = u^k + o^k, o^k read with the query u^k, k = 1…K; the context is u^{K+1}.

    One attention reads in every hop, with a state for each. The weights are those of the last hop; terms are summed.
    Cost: K times that of the attention inside. Raises: ConfigError where it does not read as wide as its query is.
    Source: Sukhbaatar et al. 2015, §2.2. Differs: all hops share one attention, whose keys and values take the place
    of the embeddings A and C (RNN-like tying, without the map H); the context, u^{K+1}, holds the query itself.
    """

    def __init__(self, attention: "Attention", hops: int, query_size: int) -> None:
        super().__init__()
        if attention.context_size != query_size:
            raise ConfigError(
                f"hops add what was read, {attention.context_size} wide, to a query that is {query_size} wide",
                "make decoder.size the encoder's size times its directions, or set heads",
            )
        self.attention: Attention = attention
        self.hops = hops
        self.context_size = query_size
        self.num_heads = attention.num_heads

    def prepare(self, memories: tuple[Memory, ...], final_BD: Tensor) -> Any:
        """What the attention inside prepares, once for all hops."""
        return self.attention.prepare(memories, final_BD)

    def start(self, prepared: Any) -> tuple[Any, ...]:
        """A state for each hop."""
        return tuple(self.attention.start(prepared) for _ in range(self.hops))

    def forward(
        self, query_BRQ: Tensor, step_BR: Tensor, prepared: Any, state: tuple[Any, ...], want: bool
    ) -> Attended:
        """Read K times."""
        weights_BHRS, states, terms = None, [], dict[str, Tensor]()
        for hop, before in enumerate(state, start=1):
            read = self.attention(query_BRQ, step_BR, prepared, before, want and hop == self.hops)
            query_BRQ, weights_BHRS = query_BRQ + read.context_BRD, read.weights_BHRS
            states.append(read.state)
            terms = {name: terms.get(name, 0.0) + term for name, term in read.terms.items()}
        return Attended(query_BRQ, weights_BHRS, tuple(states), terms)
