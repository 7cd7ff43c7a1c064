"""fairseq: its own trainer and command line, counted from inside, with the same dictionary on both sides.

Its modules are imported where they are used, after `mend`.
"""

import dataclasses
import sys
from importlib import import_module
from pathlib import Path

import numpy
import torch
from probe import SPEC, Probe


def mend():
    """Let fairseq 0.12 import: it has dataclasses as defaults of others' fields, NumPy's old names of Python's types,
    and checkpoints that torch would not unpickle. Must run before fairseq is imported."""
    original = dataclasses.dataclass

    def hashable(cls=None, **options):
        def make(kind):
            mutable = options.get("eq", True) and not options.get("frozen") and "__hash__" not in vars(kind)
            return original(**{"unsafe_hash": mutable, **options})(kind)

        return make if cls is None else make(cls)

    dataclasses.dataclass = hashable
    for kind in (float, int, bool, object):
        if kind.__name__ not in vars(numpy):
            setattr(numpy, kind.__name__, kind)


def prepared():
    """The text in fairseq's binary form; made once a text."""
    folder = Path(SPEC["text"]) / "fairseq"
    if not (folder / "train.source-target.target.bin").exists():
        text = SPEC["text"]
        dictionary = Path(text) / "fairseq.dictionary"
        pieces = Path(text, "vocabulary").read_text(encoding="utf-8").splitlines()[4:]
        dictionary.write_text("".join(f"{piece} 1\n" for piece in pieces), encoding="utf-8")
        sys.argv = f"fairseq-preprocess --source-lang source --target-lang target --trainpref {text}/train".split()
        sys.argv += f"--validpref {text}/valid --srcdict {dictionary} --joined-dictionary --workers 1".split()
        sys.argv += ["--destdir", str(folder)]
        import_module("fairseq_cli.preprocess").cli_main()
    return folder


def count(probe):
    """Count the pairs of each update after it is done."""
    Trainer = import_module("fairseq.trainer").Trainer
    step = Trainer.train_step

    def counted(self, samples, *arguments, **options):
        result = step(self, samples, *arguments, **options)
        for sample in filter(None, samples):
            source, target = sample["net_input"]["src_tokens"], sample["target"]
            pieces = (sample["net_input"]["src_lengths"].sum(), sample["ntokens"])
            probe.add(*pieces, source.numel(), target.numel(), len(target))
        probe.update()
        return result

    Trainer.train_step = counted


def lower_precision():
    """torch's autocast around model and loss; fairseq has no such option for a processor."""
    criterions = import_module("fairseq.criterions.label_smoothed_cross_entropy")
    Criterion = criterions.LabelSmoothedCrossEntropyCriterion
    forward = Criterion.forward

    def cast(self, *arguments, **options):
        with torch.autocast("cpu", torch.bfloat16):
            return forward(self, *arguments, **options)

    Criterion.forward = cast


def command_line(folder):
    """What a user would type."""
    model = SPEC["model"]
    sizes = {
        "layers": model["layers"],
        "embed-dim": model["size"],
        "ffn-embed-dim": model["ffn_dim"],
        "attention-heads": model["heads"],
    }
    line = f"""fairseq-train {folder} --cpu --arch transformer --share-all-embeddings --dropout {model["dropout"]}
        --criterion label_smoothed_cross_entropy --label-smoothing 0.1 --optimizer adam --adam-betas (0.9,0.98)
        --lr 1e-3 --lr-scheduler inverse_sqrt --warmup-updates 200 --clip-norm 1.0 --max-tokens {SPEC["batch_tokens"]}
        --num-workers 0 --seed 1 --max-epoch 1000 --no-progress-bar --log-interval 1000 --disable-validation --no-save
        """.split()
    return line + [f"--{side}-{name}={size}" for side in ("encoder", "decoder") for name, size in sizes.items()]


if __name__ == "__main__":
    torch.set_num_threads(SPEC["threads"])
    mend()
    sys.argv = command_line(prepared())
    count(Probe())
    if SPEC["precision"] == "bfloat16":
        lower_precision()
    import_module("fairseq_cli.train").cli_main()
