"""Run directories: what is refused, what damage is called, what comes back."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tiny_run import RNN, TRANSFORMER, Tiny, tiny_config
from torch import nn

from nmt import checkpoint
from nmt.checkpoint import Run
from nmt.errors import CheckpointError
from nmt.events import Journal, Warned
from nmt.storage.manifest import damage, whole_directory
from nmt.storage.tensors import average, load_weights, weights


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished run with checkpoints of updates 6 and 12; copied by the tests that damage it."""
    tiny = Tiny(tmp_path_factory.mktemp("trained"), max_updates=12)
    list(tiny.fit("run"))
    return tiny.directory / "run"


@pytest.fixture
def copied(trained, tmp_path):
    def copy(path: Path, to: Path) -> None:
        to.mkdir()
        for entry in path.iterdir():
            copy(entry, to / entry.name) if entry.is_dir() else (to / entry.name).write_bytes(entry.read_bytes())

    copy(trained, tmp_path / "run")
    return tmp_path / "run"


def refusal(function, *arguments):
    with pytest.raises(CheckpointError) as caught:
        function(*arguments)
    return caught.value.message, caught.value.hint


def test_a_run_is_not_overwritten_unasked(copied):
    run = Run.open(copied)
    message, hint = refusal(Run.create, copied, run.config)
    assert message == f"{copied}: holds a run already"
    assert "--resume" in hint
    assert "--overwrite" in hint
    assert run.steps() == [6, 12]


def test_overwriting_removes_the_earlier_run_and_nothing_else(copied):
    config = Run.open(copied).config
    (copied / "notes.txt").write_text("mine")
    Run.create(copied, config, overwrite=True)
    assert sorted(path.name for path in copied.iterdir()) == ["checkpoints", "config.yaml", "notes.txt"]
    assert Run.open(copied).steps() == []


def test_a_directory_with_other_things_is_never_overwritten(tmp_path):
    config = tiny_config(tmp_path / "text")
    message, _ = refusal(Run.create, tmp_path / "text", config, True)
    assert message == f"{tmp_path / 'text'}: not empty and not a run directory"


def test_what_is_not_a_run_directory_is_named_with_those_nearby(copied, monkeypatch):
    parent = copied.parent
    monkeypatch.chdir(parent)
    (parent / "file").write_text("")
    (parent / "empty").mkdir()
    near = f"run directories nearby: {copied}"
    assert refusal(Run.open, parent / "rum") == (f"{parent / 'rum'}: no such run directory", near)
    assert refusal(Run.open, parent / "file") == (f"{parent / 'file'}: a file, not a run directory", near)
    no_config = f"{parent / 'empty'}: not a run directory (it has no config.yaml)"
    assert refusal(Run.open, parent / "empty") == (no_config, near)


def test_a_run_keeps_its_resolved_config_and_tokenizers(trained):
    run = Run.open(trained)
    assert run.config.training.max_updates == 12
    assert "label_smoothing: 0.1" in (trained / "config.yaml").read_text()
    assert run.tokenizers.source.decode(run.tokenizers.source.encode("a b c")) == "a b c"


@pytest.mark.parametrize("which", ["best", "last", "step-12"])
def test_a_checkpoint_loads_bit_for_bit_in_eval_mode(trained, which):
    model = Run.open(trained).load_model(which)
    saved = load_file(trained / "checkpoints" / "step-12" / "model.safetensors")
    assert not model.training
    assert all(torch.equal(tensor, saved[name]) for name, tensor in weights(model).items())


def test_names_that_are_no_checkpoint_are_refused(trained):
    run = Run.open(trained)
    assert refusal(run.load_model, "worst") == (
        "'worst': not a checkpoint's name",
        "one of best, last, average, step-N",
    )
    message, hint = refusal(run.load_model, "average")
    assert message == f"{trained}: has no checkpoint 'average'"
    assert hint == "whole checkpoints: step-6, step-12"


@pytest.mark.parametrize("text", ["{}", "[]", '{"step": "last"}', '{"step": Infinity}', "", "{", "\xff"])
def test_a_note_of_the_best_that_names_none_is_refused(copied, text):
    (copied / "checkpoints" / "best.json").write_text(text)
    message, hint = refusal(Run.open(copied).load_model, "best")
    assert message == f"{copied / 'checkpoints' / 'best.json'}: does not name the best checkpoint"
    assert hint == "whole checkpoints: step-6, step-12"


def test_tokenizers_and_journal_that_cannot_be_written_are_named(copied):
    run = Run.open(copied)
    (copied / ".writing-tokenizer").write_text("in the way")
    (copied / "train.log").unlink()
    (copied / "train.log").mkdir()
    message, _ = refusal(run.keep_tokenizers, run.tokenizers)
    assert message.startswith(f"{copied / 'tokenizer'}: cannot be written")
    message, _ = refusal(Journal(copied).write, Warned("look"))
    assert message == f"{copied / 'train.log'}: cannot be written (Is a directory)"


def test_a_truncated_checkpoint_is_named_with_the_whole_ones(copied):
    file = copied / "checkpoints" / "step-12" / "model.safetensors"
    size = file.stat().st_size
    file.write_bytes(file.read_bytes()[:100])
    message, hint = refusal(Run.open(copied).load_model, "last")
    assert message == f"checkpoint refused: {file}: 100 bytes where the manifest says {size}"
    assert hint == "whole checkpoints: step-6"


def test_a_flipped_bit_is_found(copied):
    file = copied / "checkpoints" / "step-12" / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    message, _ = refusal(Run.open(copied).load_model, "last")
    assert message == f"checkpoint refused: {file}: its content has changed (its SHA-256 is not the manifest's)"


def test_a_missing_file_and_a_missing_manifest_are_named(copied):
    directory = copied / "checkpoints" / "step-6"
    (directory / "state.json").unlink()
    assert damage(directory) == f"{directory / 'state.json'}: missing"
    (directory / "manifest.json").unlink()
    assert damage(directory) == f"{directory / 'manifest.json'}: No such file or directory"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 1, "files": {"a": 3}}'])
def test_a_manifest_that_is_none_is_named(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    assert damage(tmp_path) == f"{tmp_path / 'manifest.json'}: not a manifest"


def test_a_newer_format_is_refused(copied):
    file = copied / "checkpoints" / "step-12" / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 2}))
    message, _ = refusal(Run.open(copied).load_model, "last")
    assert message == f"checkpoint refused: {file.parent}: format 2 is newer than this program's 1"


def test_a_directory_that_fails_half_way_leaves_the_old_one(tmp_path):
    def write(text, then):
        with whole_directory(tmp_path / "step-1") as directory:
            (directory / "a").write_text(text)
            then()

    write("old", bool)
    with pytest.raises(ZeroDivisionError):
        write("new", lambda: 1 / 0)
    assert (tmp_path / "step-1" / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["step-1"]


def test_the_folder_of_checkpoints_is_flushed_when_another_is_the_best(copied, monkeypatch):
    flushed = []
    monkeypatch.setattr(checkpoint, "flush", lambda path: flushed.append((path, Run(copied).checkpoint("best").name)))
    Run(copied).mark_best(6, 1.0)
    assert flushed == [(copied / "checkpoints", "step-6")]


def test_a_checkpoint_that_cannot_be_written_leaves_the_others(copied):
    (copied / "checkpoints" / ".writing-step-18").write_text("in the way")
    run = Run.open(copied)
    message, hint = refusal(run.save, "step-18", {}, {})
    assert message.startswith(f"{copied / 'checkpoints' / 'step-18'}: cannot be written")
    assert hint == "Is there room, and is the folder yours?"
    assert run.steps() == [6, 12]


@pytest.mark.parametrize(
    ("there", "hint"), [(2, "earlier checkpoints are whole"), (0, "Is there room, and is the folder yours?")]
)
def test_a_full_disk_is_told_of_with_the_checkpoints_that_there_are(copied, monkeypatch, there, hint):
    def full(*_):
        raise SafetensorError("No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    run = Run.open(copied)
    run.keep_only(set(run.steps()[:there]))
    assert refusal(run.save, "step-18", {"model": {}}, {})[1] == hint


@pytest.mark.parametrize("removed", [True, False])
def test_a_checkpoint_that_was_whole_but_for_its_name_gets_it_on_resuming(copied, removed):
    """Killed between the removal of an older checkpoint of that name and the renaming, or while it was written."""
    whole = copied / "checkpoints" / "step-12"
    beside = whole.rename(copied / "checkpoints" / ".writing-step-12")
    if not removed:
        (beside / "manifest.json").unlink()
    run = Run.resume(copied, Run.open(copied).config)
    assert run.steps() == ([6, 12] if removed else [6])
    assert not beside.exists()


def test_tensors_of_another_model_are_listed(tmp_path):
    save_file({"weight": torch.zeros(2, 3), "extra": torch.zeros(1)}, tmp_path / "w.safetensors")
    message, _ = refusal(load_weights, nn.Linear(2, 2), tmp_path / "w.safetensors")
    assert message == (
        f"{tmp_path / 'w.safetensors'}: bias is missing; extra is not of this model; "
        "weight has shape (2, 3), the config's model (2, 2)"
    )


def test_a_pickle_under_a_safetensors_name_is_refused(tmp_path):
    torch.save({"weight": torch.zeros(2, 2)}, tmp_path / "w.safetensors")
    message, _ = refusal(load_weights, nn.Linear(2, 2), tmp_path / "w.safetensors")
    assert message.startswith(f"{tmp_path / 'w.safetensors'}: not a safetensors file (")


@pytest.mark.parametrize("model", [RNN, TRANSFORMER], ids=["rnn", "transformer"])
def test_tied_parameters_are_saved_once_and_come_back_tied(tmp_path, model):
    tiny = Tiny(tmp_path, {**model, "tied_embeddings": "all"}, max_updates=1)
    list(tiny.fit("run"))
    loaded = Run.open(tmp_path / "run").load_model("last")
    names = load_file(tmp_path / "run" / "checkpoints" / "step-1" / "model.safetensors").keys()
    assert len(names) == len(list(loaded.parameters()))
    assert loaded.source_embedding.weight is loaded.target_embedding.weight


def test_the_average_of_files_is_their_mean(tmp_path):
    for number, value in enumerate((1.0, 2.0, 6.0)):
        save_file({"w": torch.full((2,), value)}, tmp_path / f"{number}.safetensors")
    mean = average([tmp_path / f"{number}.safetensors" for number in range(3)])
    assert mean["w"].tolist() == [3.0, 3.0]
    assert mean["w"].dtype == torch.float32
