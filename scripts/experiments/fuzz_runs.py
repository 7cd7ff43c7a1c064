"""What is fuzzed of run directories: single files of them, and a whole one that training goes on in."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from experiments.fuzz_formats import CONFIG, TEXT, refused, written
from safetensors.torch import save
from torch.nn import Module

from nmt.checkpoint import Run
from nmt.config import Config
from nmt.data.prepare import Prepared, prepare
from nmt.errors import TrainingError
from nmt.events import Started
from nmt.storage.manifest import MANIFEST, damage
from nmt.storage.partial import partial_files
from nmt.storage.tensors import load_weights
from nmt.storage.tensors import weights as tensors_of
from nmt.text.tokenizers import load_tokenizers, save_tokenizers
from nmt.training import fit
from nmt.visualize.curves import read_events
from nmt.yaml_source import parse

SEPARATOR = b"\xfe\xfe"  # between the parts of an input
KINDS = ("replace", "splice", "cut", "remove", "copy", "folder")  # what is done to a file of a run
QUIET = KINDS[:4]  # what no accident hides: the sum of a file tells of it
FILES = (  # of the run that is damaged
    "config.yaml",
    "metrics.jsonl",
    "train.log",
    "tokenizer/shared.json",
    "tokenizer/manifest.json",
    "checkpoints/best.json",
    *(
        f"checkpoints/step-{step}/{name}"
        for step in (1, 2, 3)
        for name in ("manifest.json", "state.json", "model.safetensors", "training.safetensors")
    ),
)


def run_directory(folder: Path, data: bytes) -> None:
    """A JSON file of a run: which one, the first byte says. Its manifest agrees with it."""
    names = ["manifest.json", "tokenizer/shared.json", "checkpoints/best.json", "metrics.jsonl", "partial.json"]
    name, content = names[(data[0] if data else 0) % len(names)], data[1:]
    written(folder / "run" / "config.yaml", CONFIG)
    for other in names:
        (folder / "run" / other).unlink(missing_ok=True)
    path = written(folder / "run" / name, content)
    with refused(folder / "run"):
        if name == "manifest.json":
            damage(path.parent).encode()
        elif name == "tokenizer/shared.json":
            save_again(path.parent)
        elif name == "metrics.jsonl":
            read_events(path)
        elif name == "partial.json":
            path.rename(path.with_name("out.partial.json"))
            with partial_files([path.with_name("out")], {"a": 1}, resume=True) as files:
                files.write([b"a\n"])
        else:
            Run.open(folder / "run").checkpoint("best")


def save_again(folder: Path) -> None:
    """Tokenizers are loaded, cut a line and are written again."""
    tokenizers = load_tokenizers(folder)
    tokenizers.target.decode(tokenizers.source.encode(TEXT[0]))
    save_tokenizers(tokenizers, folder)


def weights(model: Module, folder: Path, data: bytes) -> None:
    """A file of weights: those of the model, or an error."""
    path = written(folder / "model.safetensors", data)
    with refused(path):
        load_weights(model, path)


def small_model() -> tuple[Module, bytes]:
    """A model of few weights, and these as a file's bytes."""
    text = CONFIG.decode().replace("size: 8", "size: 2").replace("size: 4", "size: 1").replace("heads: 2", "heads: 1")
    model = Config.model_validate(parse(text, "seed").data).model.build(5, 5)
    return model, save({name: tensor.contiguous() for name, tensor in tensors_of(model).items()}, {"format": "pt"})


class Damage(NamedTuple):
    """What is done to one file; with `mended`, the manifest beside it agrees with it afterwards."""

    file: str
    kind: str
    mended: bool
    place: int
    removed: int
    content: bytes

    @classmethod
    def read(cls, data: bytes) -> "Damage":
        """From bytes: the file, what is done to it, the place in it (2), how many bytes go there, and what comes."""
        file, kind, low, high, removed = data[:5].ljust(5, b"\0")
        place = low + 256 * high
        return cls(FILES[file % len(FILES)], KINDS[kind // 2 % len(KINDS)], bool(kind % 2), place, removed, data[5:])

    def packed(self) -> bytes:
        """What `read` reads."""
        kind = 2 * KINDS.index(self.kind) + self.mended
        return bytes([FILES.index(self.file), kind, self.place % 256, self.place // 256, self.removed]) + self.content

    def act(self, run: Path) -> None:
        """Do it."""
        path = run / self.file
        content = path.read_bytes() if path.is_file() else b""
        place = self.place % (len(content) + 1)
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        other = run / FILES[self.place % len(FILES)]
        new = {
            "replace": self.content,
            "splice": content[:place] + self.content + content[place + self.removed :],
            "cut": content[:place],
            "copy": other.read_bytes() if other.is_file() else b"",
        }
        if self.kind == "folder":
            path.mkdir()
        elif self.kind in new:
            path.write_bytes(new[self.kind])
        if self.mended and path.name != MANIFEST:
            mend(path)


def mend(path: Path) -> None:
    """Let the manifest beside a file agree with it, as somebody could who changes the file on purpose."""
    manifest = path.with_name(MANIFEST)
    if manifest.is_file() and path.is_file():
        entry = {"size": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        try:
            value = json.loads(manifest.read_bytes())
            value["files"][path.name] = entry
        except (ValueError, LookupError, TypeError, RecursionError):  # it was damaged before
            return
        manifest.write_text(json.dumps(value), "utf-8")


class DamagedRun:
    """A run of three updates, each with its checkpoint, that is damaged and gone on with: for each input anew."""

    settings = """\
data:
  train: {source: TEXT, target: TEXT}
  valid: {source: TEXT, target: TEXT}
tokenizer: {name: word}
model: {embedding_size: 2, encoder: {name: rnn, size: 1}, decoder: {name: rnn, size: 2}}
training: {precision: float32, batch_tokens: 8, max_updates: 99, validate_every: 2, checkpoint_every: 1,
  select_by: loss, keep_last: 9, average_last: 0}
"""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "damaged"

    @cached_property
    def config(self) -> Config:
        """A model of few weights, trained for as long as nobody stops it."""
        text = written(self.folder / "text", b"a b c\nb a\n\nc c a b\n")
        return Config.model_validate(parse(self.settings.replace("TEXT", str(text)), "seed").data)

    @cached_property
    def data(self) -> Prepared:
        """Its prepared text."""
        config = self.config
        return prepare(config.data, config.tokenizer, config.training.seed, self.folder / "prepared")

    @cached_property
    def files(self) -> dict[str, bytes]:
        """What the run has before it is damaged."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.train(updates=3, resume=False)
        short = self.settings.replace("TEXT", str(self.folder / "text"))  # the same config, read in less time
        written(self.path / "config.yaml", short.encode())
        found = {name: (self.path / name).read_bytes() for name in FILES}
        assert not any(map(damage, self.path.glob("checkpoints/step-*")))
        return found

    def train(self, updates: int, resume: bool) -> int:
        """Go on for so many updates, as `nmt train` does; the update that training went on from."""
        run = (Run.resume if resume else Run.create)(self.path, self.config)
        run.config = self.config  # which it has just written
        stop = iter([*[False] * (updates - 1), True]).__next__
        given = {"validate": lambda model: {"loss": 1.0}, "resume": resume, "device": "cpu", "stop": stop}
        events = list(fit(self.config, self.data, run, **given))
        return next(event.step for event in events if isinstance(event, Started))

    def __call__(self, data: bytes) -> None:
        """Damage it and go on: from the newest whole checkpoint, or an error that names a file; what is whole stays."""
        damages = [Damage.read(part) for part in data.split(SEPARATOR)]
        self.restore()
        for one in damages:
            one.act(self.path)
        whole = dict(self.whole())
        began = None
        try:
            with refused(self.path):
                began = self.train(updates=1, resume=True)
        except TrainingError:
            assert any(one.mended for one in damages), "numbers that nobody changed on purpose can be trained with"
        assert whole == {step: self.checkpoint(step) for step in whole}, "a whole checkpoint stays as it is"
        if began is not None:
            assert began >= max(whole, default=0), "training goes on from the newest whole checkpoint"
            self.check(began + 1)
        elif all(one.kind in QUIET and not one.mended and one.file != "config.yaml" for one in damages):
            assert not whole, "damage that can be told is passed over where there is a whole checkpoint"

    def restore(self) -> None:
        """The run as it was."""
        files = self.files
        shutil.rmtree(self.path, ignore_errors=True)
        for name, content in files.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_bytes(content)

    def checkpoint(self, step: int) -> dict[str, bytes]:
        """The files of a checkpoint."""
        place = self.path / "checkpoints" / f"step-{step}"
        return {path.name: path.read_bytes() for path in place.glob("*") if path.is_file()}

    def whole(self) -> Iterator[tuple[int, dict[str, bytes]]]:
        """The checkpoints that nothing has been done to."""
        for step in (1, 2, 3):
            before = {Path(name).name: self.files[name] for name in FILES if f"/step-{step}/" in name}
            if self.checkpoint(step) == before:
                yield step, before

    def check(self, step: int) -> None:
        """What was gone on with is a run again."""
        run = Run.open(self.path)
        run.config = self.config  # as it is written, which is read elsewhere
        assert run.steps()[-1] == step
        run.load_model("last")
        run.tokenizers.target.decode(run.tokenizers.source.encode(TEXT[0]))
        for line in (self.path / "metrics.jsonl").read_bytes().splitlines():
            json.loads(line)
