"""JSON of strangers: what is read, and what is refused before it costs memory or a traceback."""

import json

import pytest

from nmt.storage.json_source import MAX_DEPTH, differences, parse_json


@pytest.mark.parametrize("value", [None, [], {"a": [1, -2.5, "é😀", {"b": True}]}, 10**18 - 1])
def test_plain_values_are_read(value):
    assert parse_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "nested too deep"),
        ("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), "nested too deep"),
        ('{"a":' * 900 + "1" + "}" * 900, "nested too deep"),
        ("[" + "[]," * 1_000_000 + "1]", "more than 1,000,000 lists and objects"),
        ("9" * 5000, "a whole number of more than 19 digits"),
        ('["\\ud800"]', "a lone surrogate, \\ud800, is no character"),
        ("", "Expecting value"),
    ],
)
def test_the_others_are_refused_in_words(text, reason):
    with pytest.raises(ValueError, match="^" + reason.replace("\\", "\\\\")):
        parse_json(text)


def test_two_values_differ_in_their_innermost_parts():
    left = {"a": {"b": 1, "c": [1, 2, 3], "d": [1]}, "same": 0, "gone": "x"}
    right = {"a": {"b": 1, "c": [1, 4, 3], "d": [1, 2]}, "same": 0, "new": {"e": 5}}
    assert sorted(differences(left, right)) == [
        ("a.c.1", 2, 4),
        ("a.d", [1], [1, 2]),
        ("gone", "x", None),
        ("new", None, {"e": 5}),
    ]
