"""CTranslate2: translations by a model that `nmt export --to ctranslate2` wrote."""

import ctranslate2
from probe import SPEC, answer, peak_bytes, read, repeated

translator = ctranslate2.Translator(
    SPEC["weights"],
    device="cpu",
    compute_type=SPEC["precision"],
    inter_threads=SPEC["workers"],
    intra_threads=SPEC["threads"] // SPEC["workers"],
)


def translate(lines):
    """Batches by pieces; several of them at once where there are several workers."""
    found = translator.translate_batch(
        lines,
        beam_size=SPEC["beam_size"],
        length_penalty=0.0,
        batch_type="tokens",
        max_batch_size=1024 if SPEC["beam_size"] > 1 else 4096,
        max_decoding_length=SPEC["max_length"],
    )
    return [result.hypotheses[0] for result in found]


seconds, hypotheses = repeated(translate, read(SPEC["source"])[: SPEC["lines"]], SPEC["repeats"])
answer(seconds=seconds, translations=[" ".join(pieces) for pieces in hypotheses], peak_bytes=peak_bytes())
