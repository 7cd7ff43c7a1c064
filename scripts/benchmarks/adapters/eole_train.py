"""Eole: its own trainer and command line, counted from inside."""

import json
import sys
import tempfile
from pathlib import Path

import torch
from eole.bin.main import main
from eole.trainer import Trainer
from probe import SPEC, Probe


def transformer(model):
    """Post-norm is not offered; the number and size of all products is the same."""
    return {
        "architecture": "transformer",
        "layers": model["layers"],
        "hidden_size": model["size"],
        "word_vec_size": model["size"],
        "heads": model["heads"],
        "transformer_ff": model["ffn_dim"],
        "share_embeddings": True,
        "share_decoder_embeddings": True,
        "add_qkvbias": True,
        "add_final_linear_bias": True,
        "add_ffnbias": True,
        "mlp_activation_fn": "relu",
        "embeddings": {
            "word_vec_size": model["size"],
            "position_encoding": True,
            "position_encoding_type": "SinusoidalInterleaved",
        },
    }


def recurrent(model):
    """Bidirectional encoder whose directions together have the decoder's width; general attention, input feeding."""
    part = {"layers": 1, "hidden_size": model["state"], "rnn_type": "LSTM"}
    return {
        "architecture": "rnn",
        **part,
        "word_vec_size": model["size"],
        "share_embeddings": True,
        "embeddings": {"word_vec_size": model["size"]},
        "encoder": {"encoder_type": "brnn", **part},
        "decoder": {"decoder_type": "rnn", **part, "global_attention": "general"},
        "input_feed": 1,
    }


def training(folder):
    """As in the other trainings: Adam, label smoothing, batches by tokens."""
    return {
        "model_path": f"{folder}/model",
        "world_size": 1,
        "gpu_ranks": [],
        "compute_dtype": {"float32": "fp32", "bfloat16": "bf16"}[SPEC["precision"]],
        "num_workers": 0,
        "bucket_size": 29000,
        "batch_type": "tokens",
        "batch_size": SPEC["batch_tokens"],
        "normalization": "tokens",
        "optim": "adam",
        "adam_beta2": 0.98,
        "learning_rate": 0.001,
        "decay_method": "none",
        "max_grad_norm": 1.0,
        "dropout": [SPEC["model"]["dropout"]],
        "dropout_steps": [0],
        "attention_dropout": [0.0],
        "label_smoothing": 0.1,
        "param_init": 0.0,
        "param_init_method": "xavier_uniform",
        "train_steps": 1000000,
        "valid_steps": 1000000,
        "save_checkpoint_steps": 1000000,
    }


def settings(folder):
    """The whole config: paths, model, training."""
    text, size = SPEC["text"], SPEC["vocabulary_size"]
    vocabulary = Path(folder) / "vocabulary"
    pieces = Path(text, "vocabulary").read_text(encoding="utf-8").splitlines()[4:]
    vocabulary.write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
    model = SPEC["model"]
    return {
        "src_vocab": str(vocabulary),
        "tgt_vocab": str(vocabulary),
        "src_vocab_size": size,
        "tgt_vocab_size": size,
        "share_vocab": True,
        "overwrite": True,
        "report_every": 1000,
        "seed": 1,
        "n_sample": 0,
        "transforms": [],
        "data": {
            "corpus_1": {"path_src": f"{text}/train.source", "path_tgt": f"{text}/train.target"},
            "valid": {"path_src": f"{text}/valid.source", "path_tgt": f"{text}/valid.target"},
        },
        "training": training(folder),
        "model": recurrent(model) if model["kind"] == "rnn" else transformer(model),
    }


def count(probe):
    """Count the pairs of each update after it is done."""
    step = Trainer._process_accumulated_batches

    def counted(self, batches, *arguments, **options):
        result = step(self, batches, *arguments, **options)
        for batch in batches:
            source, target = batch["src"], batch["tgt"][:, 1:]
            pieces = (batch["srclen"].sum(), target.ne(self.train_loss.padding_idx).sum())
            probe.add(*pieces, source.shape[0] * source.shape[1], target.numel(), len(target))
        probe.update()
        return result

    Trainer._process_accumulated_batches = counted


if __name__ == "__main__":
    torch.set_num_threads(SPEC["threads"])
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(json.dumps(settings(folder)), encoding="utf-8")  # JSON is YAML
        count(Probe())
        sys.argv = ["eole", "train", "-c", str(config)]
        main()
