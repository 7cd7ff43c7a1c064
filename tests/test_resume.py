"""A run that was stopped or killed and resumed is, bit for bit, the run that was not."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tiny_run import RNN, TRANSFORMER, Tiny, checkpoint_bytes, metrics, tiny_data

from nmt.checkpoint import Run
from nmt.errors import CheckpointError, ConfigError
from nmt.events import Saved, Started, Stopped, Updated, Validated, Warned
from nmt.loss import translation_loss
from nmt.search import Beam
from nmt.storage.manifest import whole_directory, write_json
from nmt.text.tokenizers import train_tokenizers
from nmt.training import Interrupted

TRYING = {"accumulate": 2, "average_last": 2, "patience": 9, "checkpoint_every": 4, "validate_every": 6}
HARD = {**RNN, "decoder": {**RNN["decoder"], "attention": {"scope": "hard"}}}  # its rewards have a baseline to keep


def same(left: Path, right: Path) -> None:
    """Both runs ended with the same bytes of weights, moments and random states, and the same metrics."""
    assert checkpoint_bytes(left, 24) == checkpoint_bytes(right, 24)
    assert metrics(left) == metrics(right)
    average = "checkpoints/average/model.safetensors"
    assert (left / average).read_bytes() == (right / average).read_bytes()


def abandon(events, kind, count):
    """Read events up to the given one and leave the generator there, as a killed process would."""
    for event in events:
        count -= isinstance(event, kind)
        if not count:
            return


@pytest.mark.parametrize(
    ("model", "precision"),
    [(RNN, "bfloat16"), (HARD, "bfloat16"), (TRANSFORMER, "bfloat16"), (TRANSFORMER, "float32")],
    ids=["rnn-bfloat16", "hard-bfloat16", "transformer-bfloat16", "transformer-float32"],
)
def test_killed_at_many_instants_gives_the_same_bits(tmp_path, model, precision):
    tiny = Tiny(tmp_path, model, **TRYING, precision=precision)
    list(tiny.fit("whole"))
    abandon(tiny.fit("killed"), Updated, 2)  # before the first checkpoint
    abandon(tiny.fit("killed", resume=True), Updated, 11)  # in the middle of an epoch
    abandon(tiny.fit("killed", resume=True), Validated, 1)  # validated, not saved
    abandon(tiny.fit("killed", resume=True), Saved, 2)
    abandon(tiny.fit("killed", resume=True), Updated, 6)  # a metrics line was written that is cut again
    assert list(tiny.fit("killed", resume=True))[-1] == Stopped(24, "max_updates")
    same(tmp_path / "whole", tmp_path / "killed")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_training_by_risk_goes_on_with_the_same_draws(tmp_path, precision):
    list(Tiny(tmp_path, max_updates=6).fit("first"))
    risk = {"risk": {"samples": 3}, "label_smoothing": 0.0, "start_from": str(tmp_path / "first")}
    tiny = Tiny(tmp_path, **TRYING, **risk, precision=precision)
    list(tiny.fit("whole"))
    abandon(tiny.fit("killed"), Updated, 11)
    assert list(tiny.fit("killed", resume=True))[-1] == Stopped(24, "max_updates")
    same(tmp_path / "whole", tmp_path / "killed")


def test_killed_between_the_batches_of_an_update_gives_the_same_bits(tmp_path, monkeypatch):
    def killed(*given):
        if next(calls) == 2 * 9 + 1:  # the second batch of update 10
            raise KeyboardInterrupt
        return translation_loss(*given)

    calls = itertools.count()
    tiny = Tiny(tmp_path, **TRYING)
    list(tiny.fit("whole"))
    monkeypatch.setattr("nmt.training.update.translation_loss", killed)
    with pytest.raises(KeyboardInterrupt):
        list(tiny.fit("killed"))
    list(tiny.fit("killed", resume=True))
    same(tmp_path / "whole", tmp_path / "killed")


@pytest.mark.parametrize("step", [1, 12, 23])
def test_stopping_saves_and_resuming_gives_the_same_bits(tmp_path, step):
    tiny = Tiny(tmp_path, **TRYING)
    list(tiny.fit("whole"))
    asked = itertools.count(1)
    stopped = list(tiny.fit("stopped", stop=lambda: next(asked) == step))
    assert stopped[-1] == Stopped(step, "interrupted")
    resumed = list(tiny.fit("stopped", resume=True))
    assert next(event for event in resumed if isinstance(event, Started)).step == step
    same(tmp_path / "whole", tmp_path / "stopped")
    assert tiny.run("whole", resume=True).steps() == tiny.run("stopped", resume=True).steps()


def test_a_stop_comes_before_the_validation_that_is_due(tmp_path):
    tiny = Tiny(tmp_path, **TRYING)
    asked = itertools.count(1)
    events = list(tiny.fit("run", stop=lambda: next(asked) == 6))
    assert not any(isinstance(event, Validated) for event in events)
    assert next(event.step for event in tiny.fit("run", resume=True) if isinstance(event, Validated)) == 6


@pytest.mark.parametrize("count", [1, 5])
def test_a_validation_that_is_left_is_made_up_for(tmp_path, count):
    """The validations of updates 6 and 18, and that of the average at the end."""

    def left(model):
        if next(calls) == count:
            raise Interrupted
        return tiny.validate(model)

    calls, tiny = itertools.count(1), Tiny(tmp_path, **TRYING)
    list(tiny.fit("whole"))
    events = list(tiny.fit("left", validate=left))
    assert events[-1] == Stopped(min(6 * count, 24), "interrupted")
    assert list(tiny.fit("left", resume=True))[-1] == Stopped(24, "max_updates")
    same(tmp_path / "whole", tmp_path / "left")


SCRIPT = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from tiny_run import Tiny
from nmt.events import Updated
for event in Tiny(Path({directory!r}), **{training!r}).fit("killed"):
    if isinstance(event, Updated):
        print(event.step, flush=True)
        time.sleep(0.02)
"""


def test_a_process_killed_by_the_system_is_resumed_to_the_same_bits(tmp_path):
    tiny = Tiny(tmp_path, **TRYING)
    list(tiny.fit("whole"))
    script = SCRIPT.format(tests=str(Path(__file__).parent), directory=str(tmp_path), training=TRYING)
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        while int(process.stdout.readline()) < 10:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    list(tiny.fit("killed", resume=True))
    same(tmp_path / "whole", tmp_path / "killed")


def test_a_damaged_checkpoint_is_passed_over_with_a_warning(tmp_path):
    tiny = Tiny(tmp_path, **TRYING)
    list(tiny.fit("whole"))
    abandon(tiny.fit("damaged"), Updated, 14)
    file = tmp_path / "damaged" / "checkpoints" / "step-12" / "training.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    size = file.stat().st_size
    events = list(tiny.fit("damaged", resume=True))
    text = f"checkpoint passed over: {file}: {size} bytes where the manifest says {size + 1}"
    assert events[0] == Warned(f"{text}; it is kept as {aside(file)}")
    assert events[1].step == 8
    same(tmp_path / "whole", tmp_path / "damaged")


def test_best_does_not_name_a_checkpoint_that_is_gone(tmp_path):
    tiny = Tiny(tmp_path, **TRYING)
    abandon(tiny.fit("damaged"), Updated, 7)  # validated, and best, after update 6
    (tmp_path / "damaged" / "checkpoints" / "step-6" / "manifest.json").unlink()
    abandon(tiny.fit("damaged", resume=True), Updated, 1)
    assert tiny.run("damaged", resume=True).steps() == [4]
    assert not (tmp_path / "damaged" / "checkpoints" / "best.json").exists()


@pytest.mark.parametrize("change", [{"step": None}, {"data": {}}, {"window": 3}, {"metrics_lines": "many"}])
def test_a_state_that_lacks_what_training_writes_is_refused_by_name(tmp_path, change):
    tiny = Tiny(tmp_path, max_updates=6)
    list(tiny.fit("run"))
    rewrite(tmp_path / "run" / "checkpoints" / "step-6", **change)
    with pytest.raises(CheckpointError, match=r"step-6/state.json: not what training writes there"):
        list(tiny.fit("run", resume=True))


def flip(file):
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def test_a_damaged_checkpoint_is_left_out_of_the_average_with_a_warning(tmp_path):
    tiny = Tiny(tmp_path, **{**TRYING, "average_last": 3})
    abandon(tiny.fit("run"), Updated, 21)
    file = tmp_path / "run" / "checkpoints" / "step-16" / "model.safetensors"
    flip(file)
    said = [event.message for event in tiny.fit("run", resume=True) if isinstance(event, Warned)]
    assert said == [f"left out of the average: {file}: its content has changed (its SHA-256 is not the manifest's)"]
    assert json.loads((tmp_path / "run/checkpoints/average/state.json").read_text())["steps"] == [20, 24]


def test_a_line_of_metrics_that_is_gone_lets_no_later_one_in(tmp_path):
    tiny = Tiny(tmp_path, **TRYING)
    abandon(tiny.fit("run"), Validated, 3)  # after update 18; the newest checkpoint is that of update 16
    file = tmp_path / "run" / "metrics.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(True)[1:]))
    said = [event.message for event in tiny.fit("run", resume=True) if isinstance(event, Warned)]
    assert len(said) == 1
    assert "1 of " in said[0]
    steps = [line["step"] for line in metrics(tmp_path / "run") if line["event"] == "validation"]
    assert sorted(set(steps[:-1])) == steps[:-1]  # the last one is of the average


def test_metrics_are_on_the_disk_before_a_checkpoint_that_counts_them(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr("nmt.events.flush", lambda path: done.append(path.name))
    for event in Tiny(tmp_path, **TRYING).fit("run"):
        if isinstance(event, Saved):
            assert done == ["metrics.jsonl"]
            done.clear()


def aside(file):
    """Where the checkpoint that a file was in is kept when it has been passed over."""
    return file.parent.with_name(file.parent.name.replace("step", "passed-over"))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def rewrite(checkpoint, **changes):
    """Change keys of state.json, None removing them, under a manifest that is right."""
    state = {**json.loads((checkpoint / "state.json").read_text()), **changes}
    tensors = {file.name: file.read_bytes() for file in checkpoint.glob("*.safetensors")}
    with whole_directory(checkpoint) as beside:
        write_json(beside / "state.json", {key: value for key, value in state.items() if value is not None})
        for name, content in tensors.items():
            (beside / name).write_bytes(content)


def test_a_manifest_that_lists_nothing_is_damage(tmp_path):
    tiny = Tiny(tmp_path, **TRYING)
    abandon(tiny.fit("damaged"), Updated, 14)
    file = tmp_path / "damaged" / "checkpoints" / "step-12" / "manifest.json"
    file.write_text('{"format": 1, "files": {}}')
    events = list(tiny.fit("damaged", resume=True))
    passed = f"checkpoint passed over: {file}: does not list model.safetensors"
    assert events[0] == Warned(f"{passed}; it is kept as {aside(file)}")
    assert events[1].step == 8


def test_a_checkpoint_of_a_newer_format_is_passed_over_with_a_warning_and_kept_as_it_is(tmp_path):
    tiny = Tiny(tmp_path, **TRYING)
    abandon(tiny.fit("damaged"), Updated, 14)
    file = tmp_path / "damaged" / "checkpoints" / "step-12" / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 2}))
    content = contents(file.parent)
    events = list(tiny.fit("damaged", resume=True))
    assert f"{file.parent}: format 2 is newer than this program's 1; it is kept as " in events[0].message
    assert events[1].step == 8
    assert contents(aside(file)) == content


def test_a_damaged_tokenizer_is_written_anew_with_a_warning(tmp_path):
    tiny = Tiny(tmp_path, max_updates=6)
    list(tiny.fit("run"))
    file = tmp_path / "run" / "tokenizer" / "shared.json"
    whole = file.read_text()
    file.write_text(whole.replace("b", "c"))
    changed = rf"{file}: its content has changed \(its SHA-256 is not the manifest's\)"
    with pytest.raises(CheckpointError, match=f"damaged tokenizer: {changed}"):
        Run.open(tmp_path / "run").load_model("last")
    assert re.fullmatch(f"damaged tokenizer written anew: {changed}", next(tiny.fit("run", resume=True)).message)
    assert file.read_text() == whole


def test_a_damaged_tokenizer_of_a_run_that_does_not_know_its_text_is_refused(tmp_path):
    tiny = Tiny(tmp_path, max_updates=6)
    list(tiny.fit("run"))
    rewrite(tmp_path / "run" / "checkpoints" / "step-6", content=None)
    (tmp_path / "run" / "tokenizer" / "manifest.json").write_text("")
    with pytest.raises(CheckpointError, match=r"damaged tokenizer: .*manifest\.json: not a manifest"):
        list(tiny.fit("run", resume=True))


def test_a_run_with_another_vocabulary_is_refused(tmp_path):
    tiny, other = Tiny(tmp_path, max_updates=6), Tiny(tmp_path / "other")
    list(tiny.fit("run"))
    fewer = train_tokenizers(other.config.tokenizer, ["a b"], ["a b"], 1)
    Run.open(tmp_path / "run").keep_tokenizers(fewer)
    message = r"run: its source vocabulary is not that of this run's data \(6 and 14 pieces\)"
    with pytest.raises(CheckpointError, match=message):
        list(tiny.fit("run", resume=True))


@pytest.mark.parametrize("damage", [b"", b'{"event": "tr', b"\xff\n" * 4, b"[]\n3\n"])
def test_metrics_that_are_missing_or_damaged_are_warned_of(tmp_path, damage):
    tiny = Tiny(tmp_path, **TRYING)
    abandon(tiny.fit("damaged"), Updated, 14)  # the checkpoint of update 12 counts two validations
    file = tmp_path / "damaged" / "metrics.jsonl"
    first = file.read_bytes().splitlines(True)[0]
    file.write_bytes(first + damage)
    warning = next(tiny.fit("damaged", resume=True))
    assert warning == Warned(f"{file}: 1 of 2 lines before the checkpoint are missing or damaged")
    assert file.read_bytes() == first


def test_a_damaged_note_of_the_best_is_written_anew(tmp_path):
    tiny = Tiny(tmp_path, max_updates=6)
    list(tiny.fit("run"))
    file = tmp_path / "run" / "checkpoints" / "best.json"
    whole = file.read_text()
    file.write_text("{")
    list(tiny.fit("run", resume=True))
    assert file.read_text() == whole


@pytest.mark.parametrize("text", ["", "training: [", "\x00\x01", "model: 3\n"])
def test_a_damaged_config_of_a_run_is_named(tmp_path, text):
    tiny = Tiny(tmp_path, max_updates=6)
    list(tiny.fit("run"))
    (tmp_path / "run" / "config.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"run/config\.yaml"):
        tiny.fit("run", resume=True)


def test_checkpoints_of_before_a_key_was_kept_are_resumed(tmp_path):
    tiny = Tiny(tmp_path, max_updates=6)
    list(tiny.fit("run"))
    rewrite(tmp_path / "run" / "checkpoints" / "step-6", baseline=None, skipped=None, skipped_in_a_row=None)
    longer = Tiny(tmp_path, max_updates=8)
    assert list(longer.fit("run", resume=True))[-1] == Stopped(8, "max_updates")


@pytest.mark.parametrize(
    "left", [[], [".writing-config.yaml.01234567"], ["config.yaml"], ["config.yaml", "checkpoints/"]]
)
def test_a_run_that_was_killed_while_it_was_made_can_be_begun(tmp_path, left):
    """What lies there after each step of `Run.create`, with the lock's file, which a killed process leaves."""
    tiny = Tiny(tmp_path, max_updates=6)
    list(tiny.fit("whole"))
    (tmp_path / "killed").mkdir()
    for name in [".lock", *left]:
        path = tmp_path / "killed" / name
        path.mkdir() if name.endswith("/") else path.write_bytes((tmp_path / "whole" / "config.yaml").read_bytes())
    assert list(tiny.fit("killed", resume=True))[-1] == Stopped(6, "max_updates")
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == sorted(
        path.name for path in (tmp_path / "whole").iterdir()
    )


def test_other_text_is_refused_on_resuming(tmp_path):
    list(Tiny(tmp_path, max_updates=6).fit("run"))
    other = Tiny(tmp_path)
    with (tmp_path / "text.en").open("a") as en, (tmp_path / "text.de").open("a") as de:
        print("a", file=en)
        print("a", file=de)
    other.data = tiny_data(other.config, tmp_path)
    with pytest.raises(CheckpointError, match="run: the text is not the one that the run was trained on"):
        list(other.fit("run", resume=True))


def test_a_state_that_does_not_know_its_text_is_resumed(tmp_path):
    tiny = Tiny(tmp_path, max_updates=6)
    list(tiny.fit("run"))
    rewrite(tmp_path / "run" / "checkpoints" / "step-6", content=None)
    assert list(tiny.fit("run", resume=True))[-1] == Stopped(6, "max_updates")


@pytest.mark.parametrize("name", ["manifest.json", "model.safetensors", "training.safetensors"])
def test_a_run_without_a_whole_checkpoint_is_not_begun_anew_in_silence(tmp_path, name):
    tiny = Tiny(tmp_path)
    abandon(tiny.fit("run"), Updated, 7)
    (tmp_path / "run" / "checkpoints" / "step-6" / name).write_text("")
    with pytest.raises(CheckpointError, match=f"no whole checkpoint to resume from: .*step-6/{name}") as refused:
        list(tiny.fit("run", resume=True))
    assert refused.value.hint == "--overwrite starts anew"


def test_a_finished_run_that_is_resumed_stays_as_it_is(tmp_path):
    tiny = Tiny(tmp_path, **TRYING)
    list(tiny.fit("run"))
    before = (checkpoint_bytes(tmp_path / "run", 24), metrics(tmp_path / "run"))
    assert list(tiny.fit("run", resume=True))[-1] == Stopped(24, "max_updates")
    assert (checkpoint_bytes(tmp_path / "run", 24), metrics(tmp_path / "run")) == before


def test_a_limit_may_be_raised_on_resuming(tmp_path):
    tiny = Tiny(tmp_path, **TRYING)
    list(tiny.fit("whole"))
    shorter = Tiny(tmp_path, **{**TRYING, "max_updates": 16, "average_last": 0, "validate_every": 4})
    longer = Tiny(tmp_path, **{**TRYING, "validate_every": 4})
    list(shorter.fit("short"))
    assert list(longer.fit("short", resume=True))[-1] == Stopped(24, "max_updates")
    assert checkpoint_bytes(tmp_path / "whole", 24) == checkpoint_bytes(tmp_path / "short", 24)


@pytest.mark.parametrize(
    ("schedule", "search", "changed"),
    [
        ({"name": "cosine", "warmup": 2}, {}, "training.max_updates"),
        ({"name": "constant"}, {"max_length_ratio": 3.0}, "search.max_length_ratio"),
    ],
)
def test_limits_that_are_settings_are_refused_on_resuming(tmp_path, schedule, search, changed):
    list(Tiny(tmp_path, max_updates=6, schedule=schedule).fit("run"))
    other = Tiny(tmp_path, max_updates=8, schedule=schedule)
    other.config = other.config.model_copy(update={"search": Beam.Options(**search)})
    with pytest.raises(ConfigError, match=rf"other settings \({changed}\)"):
        other.fit("run", resume=True)


def test_the_search_after_training_may_change_on_resuming(tmp_path):
    list(Tiny(tmp_path, max_updates=6).fit("run"))
    other = Tiny(tmp_path, max_updates=8)
    other.config = other.config.model_copy(update={"search": Beam.Options(beam_size=2, stopping="first")})
    assert list(other.fit("run", resume=True))[-1] == Stopped(8, "max_updates")


def test_other_settings_are_refused_on_resuming(tmp_path):
    list(Tiny(tmp_path, max_updates=6).fit("run"))
    other = Tiny(tmp_path, label_smoothing=0.3, seed=2)
    message = r"run: the run was started with other settings \(training.label_smoothing, training.seed\)"
    with pytest.raises(ConfigError, match=message):
        other.fit("run", resume=True)
