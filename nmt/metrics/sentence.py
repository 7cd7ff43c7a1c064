"""How good one translation is: BLEU of a single sentence, for whoever learns from it."""

import math

from nmt.metrics.bleu import make_bleu


class SentenceBleu:
    """BLEU+1 of a translation against its reference, from 0 to 1.

    exp(Σ_n log p_n / 4) · min(1, exp(1 − (r + 1) / h)): p_1 = m_1 / t_1, and p_n = (m_n + 1) / (t_n + 1) for n = 2, 3,
    4, where m_n of the translation's t_n n-grams are the reference's; h and r are their words, split as sacreBLEU's
    `tokenize` does. What is added to the precisions favours short translations; the 1 at r makes up for it.
    Source: Lin & Och 2004 (+1); Nakov et al. 2012 (r + 1). Differs: an empty translation has 0.
    """

    def __init__(self, lowercase: bool, tokenize: str = "13a") -> None:
        """Raises: NmtError for a tokenizer that cannot be had."""
        self._metric = make_bleu(lowercase, tokenize, smooth_method="add-k", smooth_value=1, effective_order=True)

    def __call__(self, translation: str, reference: str) -> float:
        """Of one line each."""
        found = self._metric.sentence_score(translation, [reference])
        if not found.sys_len or not found.counts[0]:
            return 0.0
        log_precisions = [math.log(precision / 100) for precision in found.precisions if precision]
        brevity = min(0.0, 1 - (found.ref_len + 1) / found.sys_len)
        return math.exp(sum(log_precisions) / len(found.precisions) + brevity)
