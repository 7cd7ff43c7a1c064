"""Run directories and the checkpoints in them: plain files, written whole, checked before they are used.

    config.yaml   tokenizer/   metrics.jsonl   train.log
    checkpoints/step-N/   model.safetensors     each distinct parameter once, by its name in the model
                          training.safetensors  optimizer moments by parameter name, random generator states
                          state.json            everything else that training needs to go on
                          manifest.json         sizes and SHA-256 of the three
    checkpoints/average/  model.safetensors, state.json, manifest.json
    checkpoints/best.json {"step": N, "score": s}

Nothing here is pickled, so a run directory of a stranger runs no code; and none of its links leads out of it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from nmt.config import Config, dump_config, load_config
from nmt.errors import CheckpointError, ConfigError, NmtError
from nmt.model import EncoderDecoder
from nmt.storage.files import clear_rests, flush, naming, remove, written_whole
from nmt.storage.json_source import differences
from nmt.storage.lock import Lock, check_free
from nmt.storage.manifest import damage, finish_renaming, read_json, whole_directory, write_json
from nmt.storage.places import is_file, is_folder, is_there
from nmt.storage.reading import check_inside
from nmt.storage.tensors import check_weights, forms, load_weights
from nmt.text.tokenizers import Tokenizers, load_tokenizers, save_tokenizers

CONTENTS = ("checkpoints", "metrics.jsonl", "train.log", "plots", "export", "tokenizer", "config.yaml")
MAY_CHANGE = re.compile(  # on resuming; every other setting would change the run that is under way
    r"languages\.|search\.(name|beam_size|length_penalty|coverage_penalty|stopping)$"
    r"|training\.(max_updates|max_epochs|max_minutes|patience|keep_last|average_last|non_finite)$"
)
MODEL, MOMENTS, STATE = "model.safetensors", "training.safetensors", "state.json"


class Run:
    """A run directory. One that was created or resumed is this process's own until `release`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: Lock | None = None

    @classmethod
    def create(cls, path: Path, config: Config, overwrite: bool = False) -> "Run":
        """A new run directory with the resolved config. With `overwrite`, an earlier run there is removed.

        Raises: CheckpointError where something else is, where another process trains, or where the operating system
        refuses the directory.
        """
        cls.check_place(path, overwrite)
        try:
            path.mkdir(parents=True, exist_ok=True)
            with cls(path).held() as run:
                _check_place(path, overwrite)  # what has come to be since
                for name in CONTENTS[:-1]:  # the config is replaced, so that there is always one
                    remove(path / name)
                clear_rests(path)
                if (path / "config.yaml").is_symlink():  # what it leads to is not the run's
                    remove(path / "config.yaml")
                _write(path / "config.yaml", dump_config(config))
                run.checkpoints.mkdir()
        except OSError as error:
            message = f"{path}: a run directory cannot be made here ({error.strerror})"
            raise CheckpointError(message, "--run names another place") from error
        return run

    @classmethod
    def check_place(cls, path: Path, overwrite: bool = False) -> None:
        """Raises: CheckpointError where another process trains, or `create` would find what it may not remove."""
        check_free(path)
        _check_place(path, overwrite)

    @classmethod
    def check_same(cls, path: Path, config: Config) -> None:
        """Raises: ConfigError where the run at `path` was started with a config that `resume` refuses to change;
        CheckpointError where another process trains."""
        check_inside(path, CONTENTS)
        check_free(path)
        before, now = (each.model_dump(mode="json") for each in (cls(path).config, config))
        changed = sorted(each.key for each in differences(before, now) if not _may_change(each.key, config))
        if changed:
            raise ConfigError(
                f"{path}: the run was started with other settings ({', '.join(changed[:5])})",
                "resume with the run's own config.yaml, or start anew with --overwrite or another --run",
            )

    @classmethod
    def open(cls, path: Path) -> "Run":
        """The run directory at `path`."""
        if not is_there(path, CheckpointError):
            raise CheckpointError(f"{path}: no such run directory", _nearby(path))
        if not is_folder(path, CheckpointError):
            raise CheckpointError(f"{path}: a file, not a run directory", _nearby(path))
        if not is_run(path):
            raise CheckpointError(f"{path}: not a run directory (it has no config.yaml)", _nearby(path))
        check_inside(path, CONTENTS)
        return cls(path)

    @classmethod
    def resume(cls, path: Path, config: Config) -> "Run":
        """The run at `path` to go on with, or a new one where there is none; only limits may differ."""
        if not is_run(path):
            return cls.create(path, config)
        cls.check_same(path, config)
        with cls(path).held() as run:
            with naming(path, CheckpointError):
                run.checkpoints.mkdir(exist_ok=True)
                finish_renaming(run.checkpoints)
                for folder in (path, run.checkpoints, path / "plots"):
                    clear_rests(folder)
            _write(path / "config.yaml", dump_config(config))
        return run

    def hold(self) -> None:
        """Let no other process train here until `release`, or until this process ends.

        Raises: CheckpointError where another does.
        """
        self._lock = self._lock or Lock(self.path)

    def release(self) -> None:
        """Let another process train here."""
        if self._lock:
            self._lock.release()
        self._lock = None

    @contextmanager
    def held(self) -> Iterator["Run"]:
        """`hold`; what fails in the block releases the run."""
        self.hold()
        try:
            yield self
        except BaseException:
            self.release()
            raise

    def check_there(self) -> None:
        """Raises: CheckpointError where the directory that is held has gone, or another stands in its place."""
        if self._lock:
            self._lock.check()

    @cached_property
    def config(self) -> Config:
        """The resolved config that the run was started with."""
        return load_config(self.path / "config.yaml", [])

    @cached_property
    def tokenizers(self) -> Tokenizers:
        """The tokenizers of both sides."""
        directory = self.path / "tokenizer"
        if not directory.is_dir():
            raise CheckpointError(f"{directory}: missing", "the run was stopped before training began; train again")
        wrong = damage(directory)
        if wrong:
            raise CheckpointError(f"damaged tokenizer: {wrong}", "`nmt train CONFIG --resume` writes it anew")
        return load_tokenizers(directory)

    def keep_tokenizers(self, tokenizers: Tokenizers) -> None:
        """Write the tokenizers that the run's models read and write with."""
        with whole_directory(self.path / "tokenizer") as directory:
            save_tokenizers(tokenizers, directory)

    def steps(self) -> list[int]:
        """The updates that there are checkpoints of, ascending."""
        names = [entry.name for entry in self.checkpoints.glob("step-*")]
        return sorted(int(name[5:]) for name in names if name[5:].isdecimal())

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    def place_of(self, step: int) -> Path:
        """Where the checkpoint of an update stands, if there is one."""
        return self.checkpoints / f"step-{step}"

    def checkpoint(self, which: str = "best") -> Path:
        """The directory of checkpoint `best`, `last`, `average` or `step-N`; whole, or CheckpointError."""
        directory = self.checkpoints / self._name(which)
        if not is_folder(directory, CheckpointError):
            raise CheckpointError(f"{self.path}: has no checkpoint {which!r}", self._others(directory))
        wrong = damage(directory, (MODEL, STATE))
        if wrong:
            raise CheckpointError(f"checkpoint refused: {wrong}", self._others(directory))
        return directory

    def load_model(self, which: str = "best", device: torch.device | str = "cpu") -> EncoderDecoder:
        """The model of a checkpoint (`best`, `last`, `average`, `step-N`), in eval mode."""
        file = self.checkpoint(which) / MODEL
        _check_shapes(self.config, self.tokenizers, file)
        model = self.config.build_model(self.tokenizers)
        load_weights(model, file)
        return model.to(device).eval()

    def check_shapes(self, tokenizers: Tokenizers) -> None:
        """Raises: CheckpointError or ConfigError where there are checkpoints, and none is of the config's model."""
        refused: NmtError | None = None
        for step in reversed(self.steps()):
            try:
                _check_shapes(self.config, tokenizers, self.place_of(step) / MODEL)
                return
            except (CheckpointError, ConfigError) as error:
                refused = refused or error
        if refused:
            self.passed_over()  # that none is whole says more
            raise refused

    def passed_over(self) -> dict[int, str]:
        """What is wrong with the checkpoints newer than the newest whole one, newest first.

        Raises: CheckpointError where there are checkpoints, and none is whole.
        """
        wrong: dict[int, str] = {}
        for step in reversed(self.steps()):
            found = damage(self.place_of(step), (MODEL, MOMENTS, STATE))
            if not found:
                return wrong
            wrong[step] = found
        if not wrong:
            return wrong
        message = f"{self.path}: no whole checkpoint to resume from: {next(iter(wrong.values()))}"
        raise CheckpointError(message, "--overwrite starts anew")

    def save(self, name: str, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]) -> Path:
        """Write checkpoint `name`: each file of tensors by its name without ending, and state.json.

        Raises: CheckpointError where it cannot be written, or the run's directory has gone.
        """
        self.check_there()
        directory = self.checkpoints / name
        try:
            with whole_directory(directory) as beside:
                for file, content in tensors.items():
                    save_file(_plain(content), beside / f"{file}.safetensors", {"format": "pt"})
                write_json(beside / STATE, state)
        except SafetensorError as error:
            message = f"{directory}: cannot be written ({error})"
            hint = "earlier checkpoints are whole" if self.steps() else "Is there room, and is the folder yours?"
            raise CheckpointError(message, hint) from error
        return directory

    def mark_best(self, step: int, score: float) -> None:
        """Let checkpoint `best` be that of update `step`, on the disk as well, before an earlier best one may go."""
        _write(self.checkpoints / "best.json", json.dumps({"step": step, "score": score}) + "\n")
        with naming(self.checkpoints, CheckpointError):
            flush(self.checkpoints)

    def forget_best(self) -> None:
        """Let there be no checkpoint `best`: none was validated, or it is gone."""
        with naming(self.checkpoints, CheckpointError):
            (self.checkpoints / "best.json").unlink(missing_ok=True)

    def keep_only(self, steps: set[int]) -> None:
        """Remove the checkpoints of all other updates, and what a killed process left half-written."""
        with naming(self.checkpoints, CheckpointError):
            for step in set(self.steps()) - steps:
                remove(self.place_of(step))
            clear_rests(self.checkpoints)

    def set_aside(self, step: int) -> Path:
        """Give a checkpoint that cannot be gone on with a name that training leaves alone: it may be whole for a newer
        program, or worth a rescue."""
        place = self.checkpoints / f"passed-over-{step}"
        with naming(self.checkpoints, CheckpointError):
            if place.exists():
                remove(place)
            self.place_of(step).rename(place)
        return place

    def _name(self, which: str) -> str:
        if which == "last" and self.steps():
            return f"step-{self.steps()[-1]}"
        if which == "best" and (self.checkpoints / "best.json").exists():
            return f"step-{self._best()}"
        if which in ("last", "best", "average") or re.fullmatch(r"step-\d+", which):
            return which
        raise CheckpointError(f"{which!r}: not a checkpoint's name", "one of best, last, average, step-N")

    def _best(self) -> int:
        file = self.checkpoints / "best.json"
        found: Any = None
        with suppress(CheckpointError):  # what is no JSON names none
            found = read_json(file)
        match found:
            case {"step": int(step)}:
                return step
        raise CheckpointError(f"{file}: does not name the best checkpoint", self._others(self.checkpoints / "best"))

    def _others(self, directory: Path) -> str:
        names = [f"step-{step}" for step in self.steps()] + ["average"]
        paths = [self.checkpoints / name for name in names]
        whole = [path.name for path in paths if path.is_dir() and path != directory and not damage(path)]
        return f"whole checkpoints: {', '.join(whole)}" if whole else "the run has no other checkpoint"


def _check_shapes(config: Config, tokenizers: Tokenizers, file: Path) -> None:
    """Hold the config against a file's header, before memory is taken for either."""
    check_weights(config.outline(tokenizers, most=len(forms(file))), file)


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _write(path: Path, text: str) -> None:
    with written_whole(path) as file:
        file.write(text.encode())


def _check_place(path: Path, overwrite: bool) -> None:
    if is_run(path) and not overwrite:
        raise CheckpointError(
            f"{path}: holds a run already",
            "--resume continues it, --overwrite removes it, --run names another place",
        )
    if not is_run(path) and _listed(path):
        raise CheckpointError(f"{path}: not empty and not a run directory", "--run names another place")


def is_run(path: Path) -> bool:
    """Whether the directory holds a run. Raises: CheckpointError where that cannot be told."""
    return is_file(path / "config.yaml", CheckpointError)


def _listed(path: Path) -> list[Path]:
    if path.exists() and not path.is_dir():
        return [path]
    return [entry for entry in path.glob("*") if not entry.name.startswith(".")]


def _nearby(path: Path) -> str:
    places = [path, path.parent, Path("runs")]
    runs = sorted({str(config.parent) for place in places for config in place.glob("*/config.yaml")})
    return f"run directories nearby: {', '.join(runs[:6])}" if runs else "`nmt train CONFIG` makes one"


def _may_change(key: str, config: Config) -> bool:
    """A cosine falls towards `max_updates`, so that another one would be another schedule."""
    cosine = config.training.schedule.name == "cosine"
    return bool(MAY_CHANGE.match(key)) and not (cosine and key == "training.max_updates")
