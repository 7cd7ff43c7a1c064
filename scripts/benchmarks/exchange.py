"""Text and weights as the peers read them: the pieces of nmt's own tokenizer, and its weights under their names.

.bench/text/<hash>/     {train,valid,test}.{source,target}: pieces separated by spaces; vocabulary: one piece a line
.bench/models/<name>-<updates>x<tokens>/   a run of nmt, with marian.safetensors or joeynmt.safetensors in it
"""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from benchmarks.environments import CACHE
from nmt.checkpoint import Run
from nmt.config import Config
from nmt.data.corpus import read_lines
from nmt.data.prepare import Prepared, prepare
from nmt.model import EncoderDecoder
from nmt.text.tokenizers import Tokenizer

CONFIGS = Path("scripts/benchmarks/configs")
TEST = Path("data/multi30k/test_2016_flickr.en")
# The trainings whose weights are searched with: so many updates, each of so many tokens. Translations should end where
# they do in earnest: a Transformer of 1,000 updates repeats itself in a hundredth of them, and their batches wait.
UPDATES, TOKENS = {"transformer": 3000, "rnn_decoding": 1000}, 1536


def text(config: Config) -> Path:
    """The folder of the config's text in pieces; written if it is not there."""
    prepared = prepare(config.data, config.tokenizer, config.training.seed)
    folder = CACHE / "text" / prepared.content
    if not (folder / "vocabulary").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write_text(folder, config, prepared)
    return folder.absolute()


def _write_text(folder: Path, config: Config, prepared: Prepared) -> None:
    source, target = prepared.tokenizers
    for name, files in (("train", config.data.train), ("valid", config.data.valid)):
        _write(folder / f"{name}.source", _pieces(source, files.sources[0]))
        _write(folder / f"{name}.target", _pieces(target, files.targets))
    _write(folder / "test.source", _pieces(source, [TEST]))
    _write(folder / "vocabulary", target.vocabulary.pieces)


def _pieces(tokenizer: Tokenizer, files: Iterable[Path]) -> Iterator[str]:
    for file in files:
        for line in read_lines(file):
            yield " ".join(tokenizer.encode(line))


def _write(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def trained(name: str) -> Path:
    """The run of a benchmark's config, trained until it translates, no longer; made if it is not there."""
    updates = UPDATES[name]
    run = CACHE / "models" / f"{name}-{updates}x{TOKENS}"
    if not (run / "checkpoints" / "best.json").exists():
        print(
            f"training {name} for {updates} updates (once; it takes some tens of minutes)", file=sys.stderr, flush=True
        )
        limits = {"max_updates": updates, "validate_every": updates, "checkpoint_every": updates}
        limits |= {"batch_tokens": TOKENS}
        changes = [part for key, value in limits.items() for part in ("--set", f"training.{key}={value}")]
        command = [sys.executable, "-m", "nmt", "train", str(CONFIGS / f"{name}.yaml"), "--run", str(run), "--resume"]
        if subprocess.run([*command, *changes], check=False).returncode:
            sys.exit(f"{run}: could not be trained")
    return run


def weights(run: Path, peer: str) -> Path:
    """The file of a run's weights under a peer's names; written if it is not there."""
    path = run / f"{peer}.safetensors"
    if not path.exists():
        model = Run.open(run).load_model("best")
        named = {"marian": marian, "joeynmt": joeynmt}[peer](model)
        save_file({name: tensor.detach().clone().contiguous() for name, tensor in named.items()}, path)
    return path.absolute()


def ctranslate2(run: Path) -> Path:
    """The export of a run; written if it is not there."""
    path = run / "ctranslate2"
    if not path.exists():
        command = [sys.executable, "-m", "nmt", "export", str(run), "--to", "ctranslate2", "--output", str(path)]
        if subprocess.run(command, check=False).returncode:
            sys.exit(f"{run}: could not be exported")
    return path.absolute()


def marian(model: EncoderDecoder) -> dict[str, Tensor]:
    """Of a Transformer with norms last and all embeddings tied; `positions` go into both tables of positions."""
    tensors = dict(model.named_parameters())
    named = {
        "model.shared.weight": tensors["target_embedding.weight"],
        "final_logits_bias": tensors["output.bias_V"].unsqueeze(0),
        "positions": model.encoder.entrance.positions(torch.arange(512)).float(),  # type: ignore[attr-defined]
    }
    for ours, tensor in tensors.items():
        if ".layers." in ours:
            named[_marian_name(ours)] = tensor
    return named


def _marian_name(ours: str) -> str:
    """`decoder.layers.0.cross_attention.query.weight` → `model.decoder.layers.0.encoder_attn.q_proj.weight`."""
    side, layers, number, *rest = ours.split(".")
    parts = {
        "attention": "self_attn",
        "self_attention": "self_attn",
        "cross_attention": "encoder_attn",
        "looking_back.norm": "self_attn_layer_norm",
        "attending.norm": "self_attn_layer_norm" if side == "encoder" else "encoder_attn_layer_norm",
        "feeding.norm": "final_layer_norm",
        "feed_forward.inner": "fc1",
        "feed_forward.outer": "fc2",
    }
    projections = {"query": "q_proj", "key": "k_proj", "value": "v_proj", "output": "out_proj"}
    *place, kind = rest
    place = [parts[place[0]], projections[place[1]]] if place[-1] in projections else [parts[".".join(place)]]
    return ".".join(("model", side, layers, number, *place, kind))


def joeynmt(model: EncoderDecoder) -> dict[str, Tensor]:
    """Of `configs/rnn_decoding.yaml`. JoeyNMT's first pieces are unknown and padding, ours padding and unknown."""
    tensors = dict(model.named_parameters())
    order = torch.arange(len(tensors["output.bias_V"]))
    order[:2] = torch.tensor([1, 0])
    embedding = tensors["target_embedding.weight"][order]
    size = tensors["decoder.cells.0.hidden.weight"].shape[1]
    context, state = tensors["decoder.readout.hidden.weight"].split(size, dim=1)
    cell = _torch_gru("decoder.cells.0", tensors)
    cell["weight_ih_l0"] = torch.cat([cell["weight_ih_l0"], tensors["decoder.feed.weight"]], dim=1)
    encoder = _torch_gru("encoder.layers.0.0", tensors)
    backward = _torch_gru("encoder.layers.0.1", tensors)
    return {
        "src_embed.lut.weight": embedding,
        "trg_embed.lut.weight": embedding,
        **{f"encoder.rnn.{name}": tensor for name, tensor in encoder.items()},
        **{f"encoder.rnn.{name}_reverse": tensor for name, tensor in backward.items()},
        **{f"decoder.rnn.{name}": tensor for name, tensor in cell.items()},
        "decoder.bridge_layer.weight": tensors["decoder.bridge.outputs.0.weight"],
        "decoder.bridge_layer.bias": tensors["decoder.bridge.outputs.0.bias"],
        "decoder.att_vector_layer.weight": torch.cat([state, context], dim=1),
        "decoder.att_vector_layer.bias": torch.zeros(len(state)),
        "decoder.attention.key_layer.weight": tensors["decoder.attention.score.key.weight"],
        "decoder.attention.query_layer.weight": tensors["decoder.attention.score.query.weight"],
        "decoder.attention.energy_layer.weight": tensors["decoder.attention.score.score.weight"],
        "decoder.output_layer.weight": embedding,
        "decoder.output_layer.bias": tensors["output.bias_V"][order],
    }


def _torch_gru(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """A GRU whose reset gate acts after the product, as `torch.nn.GRU` names its tensors."""
    reset_bias = tensors[f"{name}.reset_bias"]
    return {
        "weight_ih_l0": tensors[f"{name}.input.weight"],
        "weight_hh_l0": tensors[f"{name}.hidden.weight"],
        "bias_ih_l0": tensors[f"{name}.input.bias"],
        "bias_hh_l0": torch.cat([torch.zeros(2 * len(reset_bias)), reset_bias]),
    }
