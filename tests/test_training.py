"""The training loop: what it minimises, when it stops, what it says."""

import itertools
import math
import sys

import pytest
import torch
from tiny_run import RNN, TRANSFORMER, Tiny, checkpoint_bytes, metrics, tiny_data
from torch.utils._python_dispatch import TorchDispatchMode

from nmt.batch import make_batch
from nmt.data.ahead import Ahead
from nmt.data.batching import Batches
from nmt.errors import CheckpointError, TrainingError
from nmt.events import Logged, Skipped, Started, Stopped, Updated, Validated, describe
from nmt.loss import translation_loss
from nmt.storage.lock import check_free
from nmt.storage.tensors import average, weights
from nmt.training import check_start, fit
from nmt.training.state import begin
from nmt.training.update import places, update


def scripted(*scores):
    """A validation that gives these scores in turn."""
    given = iter(scores)
    return lambda model: {"bleu": next(given), "loss": 1.0}


def steps(events, kind):
    return [event.step for event in events if isinstance(event, kind)]


@pytest.mark.parametrize("model", [RNN, TRANSFORMER], ids=["rnn", "transformer"])
def test_training_learns(tmp_path, model):
    adam = {"name": "adam", "learning_rate": 0.03}
    tiny = Tiny(tmp_path, model, max_updates=60, label_smoothing=0.0, batch_tokens=256, optimizer=adam)
    losses = [event.loss for event in tiny.fit("run") if isinstance(event, Updated)]
    assert losses[0] == pytest.approx(math.log(14), abs=0.7)  # 10 letters and 4 special pieces
    assert losses[-1] < losses[0] - 0.5


def test_events_come_in_order(tmp_path):
    events = list(Tiny(tmp_path).fit("run"))
    assert isinstance(events[0], Started)
    assert events[-1] == Stopped(24, "max_updates")
    assert steps(events, Updated) == list(range(1, 25))
    assert steps(events, Validated) == [6, 12, 18, 24]
    assert steps(events, Logged) == [20]


def test_accumulated_batches_follow_the_gradient_of_one_batch_of_them_all(tmp_path):
    tiny = Tiny(tmp_path, {**RNN, "dropout": 0.0}, accumulate=3, clip_norm=None)
    training = begin(tiny.config, tiny.data, tiny.run("run"), torch.device("cpu"))
    whole = begin(tiny.config, tiny.data, tiny.run("other"), torch.device("cpu"))
    list(update(training))
    loss = translation_loss(whole.model, joined(list(itertools.islice(whole.batches, 3))), 0.1)
    (loss.total / loss.tokens).backward()
    for ours, theirs in zip(training.model.parameters(), whole.model.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("model", [RNN, TRANSFORMER], ids=["rnn", "transformer"])
def test_batches_computed_in_parts_give_the_gradient_and_the_figures_of_whole_ones(tmp_path, model):
    tiny = Tiny(tmp_path, {**model, "dropout": 0.0})
    gradients, told = [], []
    for room in (sys.maxsize, 20):
        training = begin(tiny.config, tiny.data, tiny.run(f"run{room}"), torch.device("cpu"))
        training.model.double()
        training.worker.room = room
        told.append(next(update(training)))
        gradients.append([parameter.grad for parameter in training.model.parameters()])
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-12)
    assert (told[0].loss, told[0].nll) == pytest.approx((told[1].loss, told[1].nll), rel=1e-12)
    assert told[0].tokens == told[1].tokens


def joined(batches):
    """One batch with the pairs of all."""
    sources, targets = [], []
    for batch in batches:
        (source,) = batch.sources
        sources += [ids[mask].tolist() for ids, mask in zip(source.ids_BS, source.mask_BS, strict=True)]
        targets += [ids[mask].tolist() for ids, mask in zip(batch.target_BT, batch.mask_BT, strict=True)]
    return make_batch([sources], targets, range(len(targets)))


def test_gradients_are_clipped_to_the_norm_and_logged_as_they_were(tmp_path):
    tiny = Tiny(tmp_path, clip_norm=1e-3)
    training = begin(tiny.config, tiny.data, tiny.run("run"), torch.device("cpu"))
    list(update(training))
    clipped = torch.cat([parameter.grad.flatten() for parameter in training.model.parameters()])
    assert float(clipped.norm()) == pytest.approx(1e-3, rel=1e-3)
    assert training.progress.window.gradient_norm > 1e-2


def test_early_stopping_waits_for_patience_validations(tmp_path):
    tiny = Tiny(tmp_path, patience=2, select_by="bleu", validate_every=3, checkpoint_every=12)
    events = list(tiny.fit("run", validate=scripted(1.0, 5.0, 5.0, 4.0)))
    assert events[-1] == Stopped(12, "patience")
    assert [event.best for event in events if isinstance(event, Validated)] == [True, True, False, False]
    assert tiny.run("run", resume=True).checkpoint("best").name == "step-6"


def test_loss_is_better_when_lower(tmp_path):
    losses = iter([3.0, 1.0, 2.0, 4.0])
    tiny = Tiny(tmp_path)
    list(tiny.fit("run", validate=lambda model: {"loss": next(losses)}))
    assert tiny.run("run", resume=True).checkpoint("best").name == "step-12"


def test_the_last_validation_counts_after_an_update_that_was_saved_before_it(tmp_path):
    tiny = Tiny(tmp_path, select_by="bleu", validate_every=16, checkpoint_every=12)
    list(tiny.fit("run", validate=scripted(1.0, 2.0)))
    assert tiny.run("run", resume=True).checkpoint("best").name == "step-24"
    assert not any(isinstance(event, Validated) for event in tiny.fit("run", resume=True))


def test_weights_that_are_not_finite_take_no_checkpoints_place(tmp_path):
    def overflowing(model):
        if next(calls):
            next(model.parameters()).view(-1)[3] = math.inf
        return {"loss": 1.0}

    calls, tiny = itertools.count(), Tiny(tmp_path, checkpoint_every=4, validate_every=4, keep_last=1)
    with pytest.raises(TrainingError, match=r"update 8: not all numbers of .+ are finite") as caught:
        list(tiny.fit("run", validate=overflowing))
    assert caught.value.hint.startswith("the checkpoint of update 4 is kept")
    assert tiny.run("run", resume=True).steps() == [4]


def test_a_score_that_is_not_a_number_is_never_best(tmp_path):
    tiny = Tiny(tmp_path, select_by="bleu")
    list(tiny.fit("run", validate=scripted(math.nan, 2.0, math.nan, 1.0)))
    assert tiny.run("run", resume=True).checkpoint("best").name == "step-12"


def test_epochs_end_a_run(tmp_path):
    tiny = Tiny(tmp_path, max_updates=None, max_epochs=2)
    events = list(tiny.fit("run"))
    settings = tiny.config.training
    batches = Batches(tiny.data.train, settings.batch_tokens, settings.seed)
    assert events[-1] == Stopped(batches.batches_per_epoch(0) + batches.batches_per_epoch(1), "max_epochs")


def test_the_part_that_is_done_grows_within_an_epoch(tmp_path):
    events = list(Tiny(tmp_path, max_updates=None, max_epochs=2, accumulate=2).fit("run"))
    done = [event.done for event in events if isinstance(event, Updated)]
    assert done[0] < 0.2
    assert sum(later > before for before, later in itertools.pairwise(done)) >= len(done) - 4
    assert max(done[:-1]) < 1.0 <= done[-1]


def test_minutes_end_a_run(tmp_path):
    events = list(Tiny(tmp_path, max_updates=None, max_minutes=0.001).fit("run"))
    assert events[-1].reason == "max_minutes"
    assert steps(events, Validated)[-1] == events[-1].step


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_a_loss_or_gradient_that_is_not_finite_stops_with_the_batch_named(tmp_path, monkeypatch, what):
    def broken(model, batch, *others):
        loss = translation_loss(model, batch, *others)
        if next(calls) == 8:
            seen.extend(batch.lines)
            total = loss.total * math.nan if what == "loss" else Overflowing.apply(loss.total)
            return loss._replace(total=total)
        return loss

    seen, calls = [], itertools.count(1)
    monkeypatch.setattr("nmt.training.update.translation_loss", broken)
    tiny = Tiny(tmp_path)
    with pytest.raises(TrainingError) as caught:
        list(tiny.fit("run"))
    lines = ", ".join(f"{tmp_path / 'text.en'}:{line + 1}" for line in seen[:8])
    assert caught.value.message.startswith(f"update 8: the {what} is not finite; its batch has the lines {lines}")
    assert (tmp_path / "run" / "train.log").read_text().endswith(f" error: {caught.value.message}\n")
    assert caught.value.hint.startswith("the checkpoint of update 6 is kept; try a lower learning_rate")
    assert tiny.run("run", resume=True).steps() == [6]


def not_finite_at(numbers, calls):
    """The loss, which is not a number in the calls of these numbers."""

    def loss(*given):
        found = translation_loss(*given)
        return found._replace(total=found.total * math.nan) if next(calls) in numbers else found

    return loss


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_an_update_that_is_not_finite_is_left_out_when_asked(tmp_path, monkeypatch, what):
    def broken(model, batch, *others):
        loss = translation_loss(model, batch, *others)
        if next(calls) == 8:
            seen.extend(batch.lines)
            loss = loss._replace(total=loss.total * math.nan if what == "loss" else Overflowing.apply(loss.total))
        return loss

    seen, calls = [], itertools.count(1)
    tiny = Tiny(tmp_path, non_finite="skip")
    training = begin(tiny.config, tiny.data, tiny.run("run"), torch.device("cpu"))
    monkeypatch.setattr("nmt.training.update.translation_loss", broken)
    for _ in range(7):
        list(update(training))
    before = kept(training)
    (event,) = update(training)
    lines = [f"{tmp_path / 'text.en'}:{line + 1}" for line in seen[:8]]
    assert event == Skipped(8, training.batches.epoch, what, lines, len(seen) - 8, 1)
    assert describe(event).endswith(f"{lines[-1]}, …")
    assert_equal(kept(training), before)
    list(update(training))
    assert (training.progress.step, training.progress.window.updates, training.progress.skipped) == (9, 8, 1)
    assert any(not torch.equal(now, then) for now, then in zip(kept(training), before, strict=True))


@pytest.mark.parametrize("broken", [3, 4])
def test_of_several_batches_that_which_is_not_finite_is_named(tmp_path, monkeypatch, broken):
    """With two batches an update, the third is the first of update 2 and the fourth its second."""

    def loss(model, batch, *others):
        seen.append(batch.lines)
        return not_a_number(model, batch, *others)

    seen, not_a_number = [], not_finite_at({broken}, itertools.count(1))
    monkeypatch.setattr("nmt.training.update.translation_loss", loss)
    with pytest.raises(TrainingError) as caught:
        list(Tiny(tmp_path, accumulate=2).fit("run"))
    lines = ", ".join(f"{tmp_path / 'text.en'}:{line + 1}" for line in seen[broken - 1][:8])
    assert caught.value.message.startswith(f"update 2: the loss is not finite; its batch has the lines {lines}")


class Asked(TorchDispatchMode):
    """Counts what a host would have to wait for a device for: values, and sizes that depend on values."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        indices = args[1] if name == "index" else ()
        by_mask = any(index is not None and index.dtype == torch.bool for index in indices)
        if by_mask or name in ("_local_scalar_dense", "nonzero", "is_nonzero", "equal", "masked_select"):
            self.names.append(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("model", [RNN, TRANSFORMER])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_an_update_asks_for_no_values_before_it_reads_loss_and_norm(tmp_path, model, precision):
    """These are read by `tolist`, which is not dispatched. On a GPU a batch is computed whole, as here. There is no
    dropout, which rounds a number of the host's: tests/test_contracts.py has it."""
    tiny = Tiny(tmp_path, {**model, "dropout": 0.0}, accumulate=2, precision=precision)
    training = begin(tiny.config, tiny.data, tiny.run("run"), torch.device("cpu"))
    with Asked() as asked:
        list(update(training))
    assert asked.names == []


def test_who_asks_for_values_is_noticed():
    tensor = torch.ones(3)
    for ask in (
        lambda: float(tensor[0]),
        lambda: tensor[tensor > 0],
        tensor.nonzero,
        lambda: bool(tensor.any()),
    ):
        with Asked() as asked:
            ask()
        assert asked.names


def kept(training):
    """Copies of what an update that is left out must not change: weights, moments, their counter, the baseline."""
    tensors = [*training.model.parameters()]
    tensors += [value for state in training.optimizer.state.values() for value in state.values()]
    return [tensor.detach().clone() for tensor in tensors] + [torch.tensor(training.progress.baseline)]


def assert_equal(left, right):
    assert all(torch.equal(one, other) for one, other in zip(left, right, strict=True))


def test_updates_that_are_left_out_are_counted_across_a_resume(tmp_path, monkeypatch):
    """Of two batches an update: the first of updates 4 and 21, the second of 8 and 9, between which one run stops."""
    tiny = Tiny(tmp_path, non_finite="skip", accumulate=2)
    for name, ends in (("whole", [0]), ("stopped", [8, 0])):
        calls = itertools.count(1)
        monkeypatch.setattr("nmt.training.update.translation_loss", not_finite_at({7, 16, 18, 41}, calls))
        for end in ends:
            asked = itertools.count(1)
            list(tiny.fit(name, resume=name == "stopped", stop=lambda asked=asked, end=end: next(asked) == end))
    assert metrics(tmp_path / "whole") == metrics(tmp_path / "stopped")
    told = [line for line in metrics(tmp_path / "whole") if line["event"] == "skipped"]
    assert [(line["step"], line["skipped"]) for line in told] == [(4, 1), (8, 2), (9, 3), (21, 4)]
    assert checkpoint_bytes(tmp_path / "whole", 24) == checkpoint_bytes(tmp_path / "stopped", 24)


def test_ten_updates_in_a_row_that_are_not_finite_end_a_run_that_leaves_them_out(tmp_path, monkeypatch):
    """Nine are left out, those of updates 3 to 11, and one is not, then nine more, and the tenth is one too many."""
    tiny = Tiny(tmp_path, non_finite="skip")
    broken = {*range(3, 12), *range(13, 23)}
    monkeypatch.setattr("nmt.training.update.translation_loss", not_finite_at(broken, itertools.count(1)))
    with pytest.raises(
        TrainingError, match=r"update 22: the loss is not finite, as in the 9 updates before; its batch"
    ):
        list(tiny.fit("run"))
    last = metrics(tmp_path / "run")[-1]
    assert (last["event"], last["step"], last["skipped"]) == ("skipped", 21, 18)


def test_a_run_that_ended_at_a_loss_that_is_not_finite_can_be_told_to_leave_it_out(tmp_path, monkeypatch):
    stopping, skipping = Tiny(tmp_path), Tiny(tmp_path, non_finite="skip")
    monkeypatch.setattr("nmt.training.update.translation_loss", not_finite_at({8}, itertools.count(1)))
    with pytest.raises(TrainingError) as caught:
        list(stopping.fit("run"))
    assert caught.value.hint.endswith("; --resume --set training.non_finite=skip leaves it out")
    monkeypatch.setattr("nmt.training.update.translation_loss", not_finite_at({2}, itertools.count(1)))
    assert list(skipping.fit("run", resume=True))[-1] == Stopped(24, "max_updates")


def test_the_baseline_follows_the_mean_log_probability_of_a_sentence(tmp_path, monkeypatch):
    """b ← 0.9 b + 0.1 mean: after batches of 2, 1 and 4 sentences with log P of −10, −3 and −20 in all, by hand
    0.1 · −5 = −0.5, 0.9 · −0.5 + 0.1 · −3 = −0.75, 0.9 · −0.75 + 0.1 · −5 = −1.175."""
    tiny = Tiny(tmp_path)
    training = begin(tiny.config, tiny.data, tiny.run("run"), torch.device("cpu"))
    batch, baselines, given = next(training.batches), [], []

    def loss(model, batch, smoothing, baseline):
        given.append(baseline)
        return translation_loss(model, batch, smoothing)._replace(nll=torch.tensor(next(nlls)))

    monkeypatch.setattr("nmt.training.update.translation_loss", loss)
    nlls = iter([10.0, 3.0, 20.0])
    for sentences in (2, 1, 4):
        taken = batch._replace(lines=batch.lines[:1] * sentences)
        monkeypatch.setattr(Ahead, "__next__", lambda _, taken=taken: taken)
        list(update(training))
        baselines.append(training.progress.baseline)
    assert baselines == pytest.approx([-0.5, -0.75, -1.175])
    assert given == pytest.approx([0.0, -0.5, -0.75])


def test_lines_are_named_in_the_files_that_they_stand_in(tmp_path):
    files = [tmp_path / name for name in ("a", "b", "c")]
    for file, text in zip(files, ("1\n2\n3\n", "4\n", "5\n6\n"), strict=True):
        file.write_text(text)
    names = [f"{files[0]}:1", f"{files[0]}:3", f"{files[1]}:1", f"{files[2]}:1", f"{files[2]}:2"]
    assert places(files, [0, 2, 3, 4, 5]) == names


class Overflowing(torch.autograd.Function):
    """The identity with an infinite gradient."""

    @staticmethod
    def forward(ctx, value):
        return value.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * math.inf


def test_validation_leaves_the_random_numbers_alone(tmp_path):
    def drawing(model):
        torch.rand(5)
        return tiny.validate(model)

    tiny = Tiny(tmp_path)
    list(tiny.fit("quiet"))
    list(tiny.fit("drawing", validate=drawing))
    assert metrics(tmp_path / "quiet") == metrics(tmp_path / "drawing")


def test_average_is_the_mean_of_the_last_checkpoints(tmp_path):
    tiny = Tiny(tmp_path, average_last=3, keep_last=1)
    events = list(tiny.fit("run"))
    run = tiny.run("run", resume=True)
    files = [run.path / "checkpoints" / f"step-{step}" / "model.safetensors" for step in (12, 18, 24)]
    models = [weights(run.load_model(f"step-{step}")) for step in (12, 18, 24)]
    for name, mean in weights(run.load_model("average")).items():
        torch.testing.assert_close(mean, (models[0][name] + models[1][name] + models[2][name]) / 3)
        assert torch.equal(mean, average(files)[name])
    assert [event.checkpoint for event in events if isinstance(event, Validated)][-1] == "average"
    assert metrics(run.path)[-1]["checkpoint"] == "average"


def test_only_the_last_checkpoints_and_the_best_are_kept(tmp_path):
    tiny = Tiny(tmp_path, keep_last=2, validate_every=6, checkpoint_every=4, select_by="bleu")
    list(tiny.fit("run", validate=scripted(9.0, 1.0, 2.0, 3.0)))
    assert tiny.run("run", resume=True).steps() == [6, 20, 24]


def test_metrics_hold_means_per_token_and_the_figures_of_validation(tmp_path):
    tiny = Tiny(tmp_path)
    updates = [event for event in tiny.fit("run") if isinstance(event, Updated)][:20]
    train, validation = metrics(tmp_path / "run")[3], metrics(tmp_path / "run")[0]
    tokens = sum(event.tokens for event in updates)
    assert (train["event"], train["step"], train["tokens"]) == ("train", 20, tokens)
    assert train["loss"] == pytest.approx(sum(event.loss * event.tokens for event in updates) / tokens)
    assert train["learning_rate"] == pytest.approx(1e-3 * math.sqrt(5 / 20))
    assert (validation["event"], validation["step"]) == ("validation", 6)
    assert set(validation) == {"event", "step", "epoch", "checkpoint", "loss", "best"}


def test_a_run_starts_from_the_weights_of_another(tmp_path):
    first = Tiny(tmp_path)
    list(first.fit("first"))
    second = Tiny(tmp_path, start_from=str(tmp_path / "first"), max_updates=1)
    events = list(second.fit("second"))
    started = first.run("first", resume=True).load_model("best")
    assert events[0].message.startswith("starting from the weights of")
    moved = second.run("second", resume=True).load_model("last")
    assert max(map(distance, weights(started).values(), weights(moved).values())) <= 1e-3 / 5 * 1.001  # one step


def distance(left, right):
    return float((left - right).abs().max())


def test_weights_of_another_shape_are_refused_by_name(tmp_path):
    list(Tiny(tmp_path).fit("first"))
    other = Tiny(tmp_path, {**RNN, "decoder": {"name": "rnn", "size": 10}}, start_from=str(tmp_path / "first"))
    with pytest.raises(CheckpointError, match=r"has shape \(8,\), the config's model \(10,\)"):
        list(other.fit("second"))


def test_a_run_cannot_start_from_itself_or_from_nothing(tmp_path):
    own, missing = (Tiny(tmp_path, start_from=str(tmp_path / name)) for name in ("first", "missing"))
    with pytest.raises(CheckpointError, match="is the place of the new run itself"):
        check_start(own.config, own.data, tmp_path / "first")
    with pytest.raises(CheckpointError, match="missing: no such run directory"):
        check_start(missing.config, missing.data, tmp_path / "first")


def test_weights_for_another_vocabulary_are_refused(tmp_path):
    list(Tiny(tmp_path / "a").fit("first"))
    tiny = Tiny(tmp_path / "b", start_from=str(tmp_path / "a" / "first"))
    tokenizer = tiny.config.tokenizer.model_copy(update={"vocabulary_size": 9})
    tiny.config = tiny.config.model_copy(update={"tokenizer": tokenizer})
    tiny.data = tiny_data(tiny.config, tmp_path / "b")
    message = r"its source vocabulary is not that of this run's data \(14 and 9 pieces\)"
    with pytest.raises(CheckpointError, match=message):
        list(tiny.fit("second"))


def test_a_training_that_cannot_begin_keeps_no_other_out(tmp_path, monkeypatch):
    def refuse(*_):
        raise CheckpointError("does not fit")

    tiny = Tiny(tmp_path)
    run = tiny.run("run")
    monkeypatch.setattr("nmt.training.loop.begin", refuse)
    with pytest.raises(CheckpointError, match="does not fit"):
        next(fit(tiny.config, tiny.data, run, tiny.validate, device="cpu"))
    check_free(run.path)
