"""`nmt list`: every name of every union, with what its docstring says."""

import re

import pytest
from command_line import Command

from nmt.attention.normalizers import NormalizerOptions
from nmt.attention.scopes import ScopeOptions
from nmt.attention.scores import ScoreOptions
from nmt.cli.listing import KINDS, explain
from nmt.settings import Settings, members

ATTENTION = {
    name: options
    for union in (ScoreOptions, NormalizerOptions, ScopeOptions)
    for name, options in members(union).items()
}


def test_the_short_list_names_every_place(run: Command) -> None:
    lines = run("list").out
    assert "model.encoder: rnn, transformer, conv, lstmn, snail\n" in lines
    assert "training.optimizer: adam, adamw\n" in lines
    assert "tokenizer: unigram, bpe, word, char\n" in lines


@pytest.mark.parametrize("name", ATTENTION)
def test_every_part_of_attention_is_listed_with_its_equation(run: Command, name: str) -> None:
    out = run("list", "attention").out
    listed = " ".join(out[out.index(f"\n  {name}\n") :].split())
    assert listed.startswith(f"{name} {explain(ATTENTION[name]).text}")


def test_an_explanation_has_equation_keys_and_source(run: Command) -> None:
    assert (
        """
  local_p
      p_t = S · sigmoid(v_p^T tanh(W_p s_t)); α_t(j) = align(s_t, h_j) · exp(−(j
        − p_t)² / (2σ²)), σ = D / 2.
      window: 10   # half-width D, in positions
      renormalize: false   # divide the weights by their sum, so that rows sum
          to 1
      Source: Luong et al. 2015, eq. 9–10
      Config: configs/zoo/scope_local_p.yaml
"""
        in run("list", "attention").out
    )


def test_a_gru_is_explained_whole(run: Command) -> None:
    listed = " ".join(run("list", "models").out.split())
    assert (
        "gru r, z = σ(W x + U h + b), h' = (1 − z) ⊙ n + z ⊙ h; the reset gate r acts after the product with U "
        "(torch's form), n = tanh(W_n x + b_n + r ⊙ (U_n h + b_u)), or before it (Cho et al.), "
        "n = tanh(W_n x + b_n + U_n (r ⊙ h)). reset: after"
    ) in listed


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_listed_within_eighty_columns(run: Command, kind: str) -> None:
    answer = run("list", kind)
    assert answer.code == 0
    assert [line for line in answer.out.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("options", ATTENTION.values(), ids=ATTENTION)
def test_every_part_of_attention_explains_itself(options: type[Settings]) -> None:
    assert len(explain(options).text) > 10


def test_an_unknown_kind_is_refused(run: Command) -> None:
    assert run("list", "scores") == (
        2,
        "",
        "error: nmt list scores: unknown kind\n"
        "hint: did you mean 'score'? "
        "allowed: attention, models, tokenizers, optimizers, schedules, search, "
        "score, normalizer, scope, combine, encoder, decoder, output, cell, bridge, positions, "
        "tokenizer, optimizer, schedule\n",
    )


def test_one_part_is_listed_by_its_key(run: Command) -> None:
    out = run("list", "score").out
    assert [name for name in members(ScoreOptions) if f"\n  {name}\n" not in out] == []
    assert out.startswith("\nmodel.decoder.attention.score\n")
    assert "scope" not in out
    assert "model.decoder.attention.scope" in run("list", "attention").out


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("decoder", "query: previous # previous | current; "),
        ("decoder", "cell: gru # gru | lstm "),
        ("cell", "reset: after # after | before; "),
        ("encoder", "activation: relu # relu | gelu; "),
        ("tokenizers", "normalization: identity # identity | nfkc | nfkc_cf; "),
        ("search", "stopping: exact # exact | first; "),
    ],
)
def test_a_choice_shows_what_it_allows(run: Command, kind: str, line: str) -> None:
    assert line in " ".join(run("list", kind).out.split())


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_explained(run: Command, kind: str) -> None:
    keys = [line for line in run("list", kind).out.splitlines() if re.match(r"      [a-z_]+: \S", line)]
    assert [line for line in keys if "   # " not in line and "Source" not in line] == []
