"""Output layers: from what a decoder gives to the distribution over the next piece.

Two faces: `predict` for search, `nll` for training, which never holds the (tokens × vocabulary) matrix.

A distribution has V columns, or X = V + S where pieces of the source can be copied: id V + p is the source piece at
place p, from 0, which the target vocabulary lacks; of a piece that stands there more than once, p is the first place.
"""

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from nmt.decoders.base import Copying, Decoder, Outcome
from nmt.decoders.cross_entropy import linear_cross_entropy
from nmt.decoders.predictions import Predictions
from nmt.settings import Settings, choice


class Softmax(nn.Module):
    """P(y) = softmax(W h + b); W may be the target embeddings.

    Cost: V·E multiplications a token. Source: tied weights: Press & Wolf 2017. Differs: nothing.
    """

    class Options(Settings):
        """The pieces of the target vocabulary."""

        name: Literal["softmax"] = "softmax"
        copies: ClassVar[bool] = False
        scores: ClassVar[bool] = True

        def build(
            self, decoder: Decoder, embedding_size: int, vocabulary_size: int, tied: nn.Embedding | None
        ) -> "Softmax":
            """The layer over such a decoder, with a target vocabulary of this size."""
            return Softmax(decoder.hidden_size, vocabulary_size, tied)

    def __init__(self, hidden_size: int, vocabulary_size: int, tied: nn.Embedding | None) -> None:
        super().__init__()
        self.weight_VE = nn.Parameter(torch.empty(vocabulary_size, hidden_size)) if tied is None else tied.weight
        self.bias_V = nn.Parameter(torch.zeros(vocabulary_size))
        self.stand_in: Callable[[Tensor], Tensor] | None = None  # W h + b of predictions, laid out or in less precision
        if tied is None:
            nn.init.normal_(self.weight_VE, std=hidden_size**-0.5)

    def predict(self, outcome: Outcome) -> Predictions:
        """The next piece's distribution for N rows, in float32 at least."""
        if self.stand_in is not None:
            return Predictions.of(self.stand_in(outcome.hidden))
        return Predictions.of(functional.linear(outcome.hidden, self.weight_VE, self.bias_V))

    def nll(
        self, outcome: Outcome, target_M: Tensor, label_smoothing: float = 0.0, weight_M: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Of M rows: the cross-entropy's sum, with label smoothing, weighted; and −log P(target) of each, detached."""
        return linear_cross_entropy(
            outcome.hidden, self.weight_VE, self.bias_V, target_M, label_smoothing, None, weight_M
        )


class Copy(Softmax):
    """p(w) = g · P(w) + (1 − g) · Σ_{j: x_j = w} α_j, g = σ(w_c^T c + w_s^T s + w_y^T y + b).

    P is the vocabulary's softmax. α are the weights of the last attention to the source, the mean over its heads; rows
    that do not sum to 1 are divided by their sum. c is the context, s the state and y the last piece's embedding.
    Cost: softmax's and S + D + H + E multiplications a token. Source: See et al. 2017, eq. 8–9.
    Differs: label smoothing falls on P alone: ε · mean_v(−log P(v)).
    """

    class Options(Settings):
        """The pieces of the target vocabulary, and those of the source."""

        name: Literal["copy"] = "copy"
        copies: ClassVar[bool] = True
        scores: ClassVar[bool] = True

        def build(
            self, decoder: Decoder, embedding_size: int, vocabulary_size: int, tied: nn.Embedding | None
        ) -> "Copy":
            """The layer over such a decoder, with a target vocabulary of this size."""
            read_size = decoder.context_size + decoder.state_size + embedding_size
            return Copy(decoder.hidden_size, vocabulary_size, tied, read_size)

    def __init__(self, hidden_size: int, vocabulary_size: int, tied: nn.Embedding | None, read_size: int) -> None:
        super().__init__(hidden_size, vocabulary_size, tied)
        self.gate = nn.Linear(read_size, 1)

    def predict(self, outcome: Outcome) -> Predictions:
        """The next piece's distribution over X pieces for N rows, in float32 at least.

        log p = z − n, n = log Σ_v exp(z_v) − log g; only where something may be copied, z changes:
        z ← log(exp(z) + exp(n) · (1 − g) · Σ α).
        """
        logits_NV, norm_N, _ = super().predict(outcome)
        copying = outcome.copying
        assert copying is not None, "a model that copies gives it"
        log_gate_2N = self._log_gate(copying)
        norm_N = norm_N - log_gate_2N[0]
        logits_NX = functional.pad(logits_NV.to(norm_N.dtype), (0, copying.copies.shape[-1]), value=-torch.inf)
        log_mass_NS = copying.masses(logits_NX.shape[1]).log() + (norm_N + log_gate_2N[1]).unsqueeze(1)
        logits_NS = torch.logaddexp(logits_NX.gather(1, copying.copies), log_mass_NS)
        return Predictions.given(logits_NX.scatter_(1, copying.copies, logits_NS), norm_N)

    def nll(
        self, outcome: Outcome, target_M: Tensor, label_smoothing: float = 0.0, weight_M: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Of M rows: Σ (1 − ε) · (−log p(target)) + ε · mean_v(−log P(v)), weighted; and −log p(target) of each,
        detached."""
        assert outcome.copying is not None, "a model that copies gives it"
        log_gate_2M = self._log_gate(outcome.copying)
        mixture_2M = torch.stack((log_gate_2M[0], log_gate_2M[1] + outcome.copying.log_mass(target_M)))
        return linear_cross_entropy(
            outcome.hidden, self.weight_VE, self.bias_V, target_M, label_smoothing, mixture_2M, weight_M
        )

    def _log_gate(self, copying: Copying) -> Tensor:
        """log g and log(1 − g) of N rows: (2, N), in float32 at least."""
        read = torch.cat((copying.context, copying.state.to(copying.context.dtype), copying.embedded), dim=-1)
        logit_N = self.gate(read).squeeze(-1).to(copying.weights.dtype)
        return torch.stack((functional.logsigmoid(logit_N), functional.logsigmoid(-logit_N)))


class Pointer(nn.Module):
    """p(w) = Σ_{j: x_j = w} α_j: the distribution is the attention itself, over the pieces of the source.

    With `score: additive`, u_j = v^T tanh(W_1 h_j + W_2 s) and α = softmax(u) are those of the paper. The end of the
    sentence is the source's. Rows of α that do not sum to 1 are divided by their sum. A target piece that the source
    lacks counts as the smallest probability there is, and teaches nothing.
    Cost: S additions a token. Source: Vinyals et al. 2015, eq. 3. Differs: weights of equal pieces are added, and
    scores, scopes and normalizers are those of any attention.
    """

    class Options(Settings):
        """The pieces of the source alone."""

        name: Literal["pointer"] = "pointer"
        copies: ClassVar[bool] = True
        scores: ClassVar[bool] = False

        def build(
            self, decoder: Decoder, embedding_size: int, vocabulary_size: int, tied: nn.Embedding | None
        ) -> "Pointer":
            """The layer over a target vocabulary of this size."""
            return Pointer(vocabulary_size)

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.vocabulary_size = vocabulary_size

    def predict(self, outcome: Outcome) -> Predictions:
        """The next piece's distribution over X pieces for N rows, in float32 at least; −∞ off the source."""
        copying = outcome.copying
        assert copying is not None, "a model that copies gives it"
        size = self.vocabulary_size + copying.copies.shape[-1]
        logits_NX = copying.weights.new_full((len(copying.weights), size), -torch.inf)
        logits_NX.scatter_(1, copying.copies, copying.masses(size).log())
        return Predictions.given(logits_NX, logits_NX.new_zeros(len(logits_NX)))

    def nll(
        self, outcome: Outcome, target_M: Tensor, label_smoothing: float = 0.0, weight_M: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Of M rows: Σ −log p(target), weighted, and each of them, detached; there is no vocabulary to smooth over."""
        assert outcome.copying is not None, "a model that copies gives it"
        nll_M = -outcome.copying.log_mass(target_M)
        return (nll_M if weight_M is None else weight_M * nll_M).sum(), nll_M.detach()


OutputOptions = Annotated[Softmax.Options | Copy.Options | Pointer.Options, choice()]
