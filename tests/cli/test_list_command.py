"""`nmt list`: every name of every union, with what its docstring says."""

import re
from pathlib import Path

import pytest
from command_line import Command

from nmt.attention.normalizers import NormalizerOptions
from nmt.attention.scopes import ScopeOptions
from nmt.attention.scores import ScoreOptions
from nmt.cli.listing import KINDS, explain
from nmt.settings import component, members

ZOO = Path(__file__).parents[2] / "configs/zoo"
ATTENTION = {
    name: component(options)
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
    assert listed.startswith(f"{name} {explain(ATTENTION[name]).paragraphs[0]}")


def test_an_explanation_has_equation_keys_and_source(run: Command) -> None:
    assert (
        """
  local_p
      p_t = S · sigmoid(v_p^T tanh(W_p s_t)); α_t(j) = align(s_t, h_j) · exp(−(j
        − p_t)² / (2σ²)), σ = D / 2.
      align is the normalizer over the window around p_t, which is real-valued
        and differentiable through the Gaussian. Rows sum to less than 1 unless
        `renormalize`.
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


@pytest.mark.parametrize("part", ATTENTION.values(), ids=ATTENTION)
def test_every_part_of_attention_explains_itself(part: type) -> None:
    assert len(explain(part).paragraphs[0]) > 10


def test_a_key_that_asks_for_a_mechanism_has_an_entry_of_its_own(run: Command) -> None:
    assert run("list", "gated_layers").out == (
        """
model.gated_layers
------------------

  gated_layers
      y_j = γ · o_j + x_j, o_j = W_v Σ_i β_{j,i} W_h x_i, β_j = softmax_i((W_f
        x_i)^T W_g x_j).
      γ starts at 0, where y = x. W_f, W_g and W_h map to an eighth of the
        width.
      gated_layers: 0   # gated self-attention over the encoder's states (SAGAN)
      Source: Zhang et al. 2018 (SAGAN), §3, eq. 1–3
      Config: configs/zoo/gated_layers.yaml
"""
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("attend", "c_t = Σ_j α_j h_j"),
        ("coverage", "cov_t = Σ_{t'<t} α_{t'}"),
        ("hard", "`sampled` = λ_r log α_{t,a_t}, which the loss multiplies with the reward"),
        ("lstmn", "TapeLayer: a_i = v^T tanh(W_h h_i + W_x x_t + W_h~ h~_{t−1})"),
        ("rnn", "`query: current` s_t = f(s_{t−1}, y_{t−1}), c_t = attend(s_t)"),
        ("rnn", "AttentionalState: s~ = tanh(W_c [c; s])."),
        ("transformer", "self_attention: {score: scaled_dot, normalizer: softmax, scope: global}"),
    ],
)
def test_an_entry_has_the_equations_that_make_it(run: Command, name: str, said: str) -> None:
    entries = re.split(r"\n  (\w+)\n", run("list", "attention").out)
    listed = [" ".join(text.split()) for entry, text in zip(entries[1::2], entries[2::2], strict=True) if entry == name]
    assert any(said in text for text in listed)


def test_every_recipe_is_named_and_nothing_else(run: Command) -> None:
    named = set(re.findall(r"configs/zoo/(\w+)\.yaml", run("list", "attention").out))
    assert named == {path.stem for path in ZOO.glob("*.yaml")}


def test_every_entry_of_attention_has_its_source_and_its_config(run: Command) -> None:
    entries = re.split(r"\n  (\w+)\n", run("list", "attention").out)
    bare = [name for name, text in zip(entries[1::2], entries[2::2], strict=True) if "Source: " not in text]
    assert bare == []
    assert len(re.findall("Config: configs/zoo/", "".join(entries))) == len(entries) // 2


def test_an_unknown_kind_is_refused(run: Command) -> None:
    assert run("list", "scores") == (
        2,
        "",
        "error: nmt list scores: unknown kind\n"
        "hint: did you mean 'score'? "
        "allowed: attention, models, tokenizers, optimizers, schedules, search, "
        "coverage, heads, hops, score, normalizer, scope, combine, co_attention, source_embeddings, gated_layers, "
        "encoder, decoder, output, cell, bridge, positions, "
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
    whole = run("list", kind).out.replace("\n" + 10 * " ", "   ")
    keys = [line for line in whole.splitlines() if re.match(r"      [a-z_]+: \S", line)]
    assert [line for line in keys if "   # " not in line and "Source" not in line] == []
