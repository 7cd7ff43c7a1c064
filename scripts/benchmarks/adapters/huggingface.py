"""Hugging Face's Marian: a plain training loop over length buckets, and `generate`."""

import contextlib
import random
from functools import partial

import torch
from probe import SPEC, Probe, answer, peak_bytes, read, repeated
from safetensors.torch import load_file
from transformers import MarianConfig, MarianMTModel

PAD, UNKNOWN, BOS, EOS = range(4)


def build():
    """The model of SPEC["model"], with nmt's own numbers of pieces."""
    model = SPEC["model"]
    sides = {f"{side}_{name}": model[name] for side in ("encoder", "decoder") for name in ("layers", "ffn_dim")}
    heads = {f"{side}_attention_heads": model["heads"] for side in ("encoder", "decoder")}
    return MarianMTModel(
        MarianConfig(
            vocab_size=SPEC["vocabulary_size"],
            decoder_vocab_size=SPEC["vocabulary_size"],
            d_model=model["size"],
            **sides,
            **heads,
            dropout=model["dropout"],
            attention_dropout=0.0,
            activation_dropout=model.get("activation_dropout", 0.0),
            activation_function="relu",
            scale_embedding=True,
            max_position_embeddings=512,
            pad_token_id=PAD,
            bos_token_id=BOS,
            eos_token_id=EOS,
            decoder_start_token_id=BOS,
            forced_eos_token_id=None,
            share_encoder_decoder_embeddings=True,
            tie_word_embeddings=True,
            init_std=model["size"] ** -0.5,
        )
    )


def encoded(name, numbers):
    """A file's lines as piece numbers, each with the end of the sentence."""
    return [[*(numbers.get(piece, UNKNOWN) for piece in line), EOS] for line in read(name)]


def padded(rows):
    """A matrix of rows filled up with PAD."""
    longest = max(map(len, rows))
    return torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])


def buckets(sources, targets):
    """Batches of pairs of like lengths, of at most `batch_tokens` target places, drawn anew in each pass, endlessly."""
    while True:
        drawn = random.sample(range(len(targets)), len(targets))
        order = sorted(drawn, key=lambda pair: (len(targets[pair]), len(sources[pair])))
        batches, batch = [], []
        for pair in order:
            if batch and len(targets[pair]) * (len(batch) + 1) > SPEC["batch_tokens"]:
                batches.append(batch)
                batch = []
            batch.append(pair)
        batches.append(batch)
        yield from random.sample(batches, len(batches))


def optimizer_of(model):
    """Adam, as in nmt's configs."""
    return torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=0.0)


def update(model, optimizer, source, target):
    """One update by padded pairs, in the precision of SPEC."""
    low = SPEC["precision"] == "bfloat16"
    start = torch.full((len(target), 1), BOS)
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16) if low else contextlib.nullcontext():
        logits = model(
            input_ids=source,
            attention_mask=(source != PAD).long(),
            decoder_input_ids=torch.cat([start, target[:, :-1]], dim=1),
        ).logits
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), target.flatten(), ignore_index=PAD, label_smoothing=0.1
        )
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def train(numbers):
    """A loop as the library's documentation would have it, without its Trainer."""
    random.seed(1)
    torch.manual_seed(1)
    sources, targets = encoded("train.source", numbers), encoded("train.target", numbers)
    model, probe = build().train(), Probe()
    optimizer = optimizer_of(model)
    for batch in buckets(sources, targets):
        source, target = padded([sources[pair] for pair in batch]), padded([targets[pair] for pair in batch])
        update(model, optimizer, source, target)
        pieces = ((source != PAD).sum(), (target != PAD).sum())
        probe.add(*pieces, source.numel(), target.numel(), len(batch))
        probe.update()


@torch.inference_mode()
def translate(model, lines):
    """`generate` in batches of sentences of like lengths: numbers of pieces in the order of the lines."""
    order = sorted(range(len(lines)), key=lambda line: -len(lines[line]))
    found = [None] * len(lines)
    for first in range(0, len(lines), SPEC["batch_sentences"]):
        batch = order[first : first + SPEC["batch_sentences"]]
        source = padded([lines[line] for line in batch])
        result = model.generate(
            input_ids=source,
            attention_mask=(source != PAD).long(),
            num_beams=SPEC["beam_size"],
            do_sample=False,
            max_new_tokens=SPEC["max_length"],
            **({"length_penalty": 0.0, "early_stopping": True} if SPEC["beam_size"] > 1 else {}),
        )
        for line, row in zip(batch, result.tolist(), strict=True):
            found[line] = [piece for piece in row if piece not in (PAD, BOS, EOS)]
    return found


def texts(found, numbers):
    """Lines of pieces."""
    pieces = {number: piece for piece, number in numbers.items()}
    return [" ".join(pieces[number] for number in row) for row in found]


def decode(numbers):
    """`generate` with the weights of nmt, in batches of sentences of like lengths."""
    model = build().eval()
    weights = load_file(SPEC["weights"])
    positions = weights.pop("positions")
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected, unexpected
    model.tie_weights()
    for side in (model.model.encoder, model.model.decoder):
        side.embed_positions.weight.data[: len(positions)] = positions
    tied = {"model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight", "lm_head.weight"}
    assert {name for name in missing if "embed_positions" not in name} <= tied, missing
    sources = encoded(SPEC["source"], numbers)[: SPEC["lines"]]

    seconds, found = repeated(partial(translate, model), sources, SPEC["repeats"])
    answer(seconds=seconds, translations=texts(found, numbers), peak_bytes=peak_bytes())


if __name__ == "__main__":
    torch.set_num_threads(SPEC["threads"])
    known = {piece: number for number, (piece,) in enumerate(read("vocabulary"))}
    {"train": train, "decode": decode}[SPEC["work"]](known)
