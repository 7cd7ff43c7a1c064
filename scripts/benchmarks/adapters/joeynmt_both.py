"""JoeyNMT: its own trainer, counted from inside, and its own search over weights of nmt."""

import tempfile
from pathlib import Path
from types import SimpleNamespace

import torch
from joeynmt import training
from joeynmt.batch import Batch
from joeynmt.helpers import make_model_dir
from joeynmt.model import build_model
from joeynmt.search import search
from joeynmt.vocabulary import Vocabulary
from probe import SPEC, Probe, answer, peak_bytes, read, repeated
from safetensors.torch import load_file
from torch.optim.optimizer import register_optimizer_step_post_hook

SPECIALS = {"unk_token": "<unk>", "unk_id": 0, "pad_token": "<pad>", "pad_id": 1}
SPECIALS |= {"bos_token": "<s>", "bos_id": 2, "eos_token": "</s>", "eos_id": 3}
UNKNOWN, PAD, EOS = 0, 1, 3


def model_settings():
    """Bidirectional encoder, decoder with attention and input feeding."""
    model = SPEC["model"]
    embeddings = {"embedding_dim": model["size"], "scale": True, "dropout": model["dropout"]}
    part = {"type": "recurrent", "rnn_type": model["cell"], "num_layers": 1, "embeddings": embeddings}
    part["dropout"] = model["dropout"]
    return {
        "initializer": "xavier_uniform",
        "bias_initializer": "zeros",
        "embed_initializer": "xavier_uniform",
        "tied_embeddings": True,
        "tied_softmax": model["size"] == model["state"],
        "encoder": {**part, "hidden_size": model["state"] // 2, "bidirectional": True},
        "decoder": {
            **part,
            "hidden_size": model["state"],
            "hidden_dropout": model["dropout"],
            "input_feeding": True,
            "attention": model["attention"],
            "init_hidden": "bridge",
        },
    }


def vocabulary_file(folder):
    """One piece a line, JoeyNMT's own special pieces left out."""
    path = Path(folder) / "vocabulary"
    pieces = Path(SPEC["text"], "vocabulary").read_text(encoding="utf-8").splitlines()[4:]
    path.write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
    return str(path)


def settings(folder):
    """The whole config."""
    text, vocabulary = SPEC["text"], vocabulary_file(folder)
    side = {"max_length": 100, "lowercase": False, "normalize": False, "level": "word", "voc_file": vocabulary}
    return {
        "name": "benchmark",
        "joeynmt_version": "2.3.0",
        "model_dir": f"{folder}/model",
        "use_cuda": False,
        "random_seed": 1,
        "data": {
            "train": f"{text}/train",
            "dev": f"{text}/valid",
            "dataset_type": "plain",
            "src": {"lang": "source", **side},
            "trg": {"lang": "target", **side},
            "special_symbols": SPECIALS,
        },
        "training": {
            "optimizer": "adamw",
            "adam_betas": [0.9, 0.98],
            "learning_rate": 0.0005,
            "label_smoothing": 0.1,
            "loss": "crossentropy",
            "normalization": "tokens",
            "scheduling": "warmupinversesquareroot",
            "learning_rate_warmup": 200,
            "clip_grad_norm": 1.0,
            "batch_size": SPEC["batch_tokens"],
            "batch_type": "token",
            "epochs": 1000,
            "validation_freq": 1000000,
            "logging_freq": 1000,
            "early_stopping_metric": "loss",
            "overwrite": True,
        },
        "testing": {"beam_size": 5, "eval_metrics": ["bleu"]},
        "model": model_settings(),
    }


def train():
    """Count the pairs of each batch, and an update after each step of the optimizer."""
    probe, step = Probe(), training.TrainManager._train_step

    def counted(self, batch):
        result = step(self, batch)
        probe.add(batch.src_length.sum(), batch.ntokens, batch.src.numel(), batch.trg.numel(), batch.nseqs)
        return result

    training.TrainManager._train_step = counted
    register_optimizer_step_post_hook(lambda *arguments, **options: probe.update())
    with tempfile.TemporaryDirectory() as folder:
        config = settings(folder)
        make_model_dir(Path(config["model_dir"]), overwrite=True)
        training.train(0, None, config, skip_test=True)


def load():
    """The model with the weights of nmt, whose output layer has a bias besides."""
    pieces = [piece for (piece,) in read("vocabulary")][4:]
    specials = SimpleNamespace(**SPECIALS, sep_token=None, sep_id=None, lang_tags=[])
    vocabulary = Vocabulary(pieces, specials)
    model = build_model(model_settings(), src_vocab=vocabulary, trg_vocab=vocabulary)
    output = model.decoder.output_layer
    model.decoder.output_layer = torch.nn.Linear(output.in_features, output.out_features)
    missing, unexpected = model.load_state_dict(load_file(SPEC["weights"]), strict=False)
    assert not unexpected, unexpected
    assert not missing, missing
    return model.eval(), pieces


def decode():
    """Its beam search, in batches of sentences of like lengths."""
    model, pieces = load()
    numbers = {piece: number + 4 for number, piece in enumerate(pieces)}
    sources = [[*(numbers.get(piece, UNKNOWN) for piece in line), EOS] for line in read(SPEC["source"])]

    def batch_of(rows, order):
        longest = max(map(len, rows))
        return Batch(
            src=torch.tensor([row + [PAD] * (longest - len(row)) for row in rows]),
            src_length=torch.tensor([len(row) for row in rows]),
            src_prompt_mask=None,
            trg=None,
            trg_prompt_mask=None,
            indices=torch.tensor(order),
            device=torch.device("cpu"),
            pad_index=PAD,
            eos_index=EOS,
            is_train=False,
        )

    @torch.no_grad()
    def translate(lines):
        order = sorted(range(len(lines)), key=lambda line: -len(lines[line]))
        found = [None] * len(lines)
        for first in range(0, len(lines), SPEC["batch_sentences"]):
            rows = order[first : first + SPEC["batch_sentences"]]
            result, _, _ = search(
                model=model,
                batch=batch_of([lines[row] for row in rows], rows),
                max_output_length=SPEC["max_length"],
                beam_size=SPEC["beam_size"],
                beam_alpha=-1,
                n_best=1,
            )
            for row, ids in zip(rows, result, strict=True):
                found[row] = [int(piece) for piece in ids if piece > EOS]
        return found

    seconds, found = repeated(translate, sources[: SPEC["lines"]], SPEC["repeats"])
    texts = [" ".join(pieces[number - 4] for number in row) for row in found]
    answer(seconds=seconds, translations=texts, peak_bytes=peak_bytes())


if __name__ == "__main__":
    torch.set_num_threads(SPEC["threads"])
    {"train": train, "decode": decode}[SPEC["work"]]()
