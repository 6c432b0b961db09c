"""YAML files mean what is written in them: no key is dropped, and a number is a number however it is spelt."""

import re

import pytest

from sim2sky.config import Distribution, Histogram
from sim2sky.config.check import ConfigError
from sim2sky.config.files import as_written, read_yaml


@pytest.fixture
def read(tmp_path):
    def read(text, name="study.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return read_yaml(path, name)

    return read


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", ["study.yaml: a: is given 2 times, in line 1 and 3; keep one"]),
        ("a: {b: 1, c: 2, b: 1}\n", ["study.yaml: a.b: is given 2 times, in line 1;"]),
        ("a:\n- b\n- c:\n    d: 1\n    'd': 2\n", ["a.1.c.d: is given 2 times, in line 4 and 5"]),
        ("a: 1\na: 2\na: 3\nb: {c: 1, c: 2}\n", ["b.c", "a: is given 3 times, in line 1 and 2 and 3"]),
        ("p: &p {q: 1}\na: {<<: *p, <<: *p}\n", ["a.<<: is given 2 times", "`<<: [*first, *second]`"]),
        ("p: &p {q: 1, q: 2}\na: *p\nb: {<<: *p}\n", ["p.q: is given 2 times, in line 1"]),
        ("012: 1\n12: 2\n012: 3\n", ["study.yaml: 012: is given 2 times, in line 1 and 3"]),
        ('{"a": 1,\n\t"a": 2}', ["a: is given 2 times, in line 1 and 2"]),
    ],
)
def test_key_that_is_given_twice_is_refused_with_both_lines(read, text, words):
    with pytest.raises(ConfigError) as error:
        read(text)
    for word in words:
        assert word in str(error.value)
    assert str(error.value).count("is given") == len([word for word in words if not word.startswith("`")])


def test_key_beside_the_one_that_it_overrides_is_no_fault(read):
    text = "deep: {er: {one: &one {<<: &base {x: 1, y: 2}, x: 3}}}\ntwo: {<<: [*one, *base], y: 4}\nthree: *one\n"
    assert read(text)["two"] == {"x": 3, "y": 4} and read(text)["three"] == {"x": 3, "y": 2}


@pytest.mark.parametrize(
    "text", ["1e0", "1E0", "1e+0", "10e-1", "1.", "1.e0", "0.1e1", ".1e1", "+1", "1.0", "1e00", "01", "001.0"]
)
def test_number_in_any_usual_spelling(read, text):
    raw = read(f"x: {text}\ny: [{text}]\nz: {{{text}: {text}}}\n")
    assert raw == {"x": 1, "y": [1], "z": {text: 1}}
    assert not isinstance(raw["x"], str | bool)
    for model, value in ((Distribution, {"constant": 1}), (Histogram, {"values": [1], "weights": [1]})):
        assert model.model_validate(raw["x"]).params() == model.model_validate(text).params() == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-1e-4", -1e-4),
        ("1e5", 1e5),
        ("50_000", 50000),
        ("1_000.5", 1000.5),
        ("012", 12),
        ("0x10", 16),
        ("0o17", 15),
        ("true", True),
        ("~", None),
        ("", None),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01 12:00:00", "2024-01-01 12:00:00"),
        ("no", "no"),
        ("off", "off"),
        ("y", "y"),
        ("1e", "1e"),
        ("1_", "1_"),
        ("_1", "_1"),
        ("'1e0'", "1e0"),
        ("=", "="),
        ("1.2.3", "1.2.3"),
    ],
)
def test_plain_value_is_what_it_looks_like(read, text, value):
    raw = read(f"x: {text}\n")["x"]
    assert raw == value and type(raw) is type(value)
    if not text.startswith("'"):
        assert as_written({"a": [text]}) == {"a": [value]}, "the same on the command line"


@pytest.mark.parametrize("name", ["no", "off", "y", "null", "2024-01-01", "1e3", "012", "1:30", "true", "~"])
def test_key_is_a_name_as_written(read, name):
    assert read(f"runs:\n  {name}: {{}}\n") == {"runs": {name: {}}}


def test_infinity_and_nan_are_read_for_the_schema_to_refuse(read):
    raw = read("a: .inf\nb: -.INF\nc: .NaN\n")
    assert raw["a"] == -raw["b"] == float("inf") and raw["c"] != raw["c"]
    with pytest.raises(ValueError, match="finite"):
        Distribution.model_validate(raw["a"])


def test_json_with_tabs_is_read(read):
    assert read('{\n\t"a": ["1e0", 1e0]\n}\n', "mine.json") == {"a": ["1e0", 1.0]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n", "must hold keys and values"),
        ("", "must hold keys and values"),
        ("a: [\n", "not valid YAML.*line 2"),
        ("? [a, b]\n: 1\n", "a key must be a name"),
        ("a: !!python/name:os.system\n", "not valid YAML"),
        ("a: 1\n---\nb: 2\n", "not valid YAML.*single document"),
    ],
)
def test_what_is_no_mapping_is_refused(read, text, words):
    with pytest.raises(ConfigError, match=re.compile(f"^study.yaml: .*{words}", re.DOTALL)):
        read(text)


def test_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigError, match="gone.yaml: cannot be read: No such file"):
        read_yaml(tmp_path / "gone.yaml", "gone.yaml")


@pytest.mark.parametrize("value", ["many", "1:30", [0, 1], "1e"])
def test_what_is_no_distribution_is_told_the_forms(value):
    with pytest.raises(ValueError, match="give exactly one of: a number, {uniform"):
        Distribution.model_validate(value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nseeds: !!int x\n", "x is no int that can be read"),
        ("a: !!float abc\n", "abc is no float that can be read"),
        ("a: !!timestamp abc\n", "abc is no timestamp that can be read"),
        ("a: !!bool maybe\n", "maybe is no bool that can be read"),
        (f"a: {'9' * 5000}\n", "999... is no int that can be read"),
        (f"a: {'[' * 5000}{']' * 5000}\n", "nested too deeply"),
        (f"a: {'{a: ' * 5000}1{'}' * 5000}\n", "nested too deeply"),
    ],
    ids=lambda text: text[:20],
)
def test_what_no_reader_understands_is_told_with_the_file(read, text, words):
    with pytest.raises(ConfigError, match=re.escape(words)) as error:
        read(text)
    assert str(error.value).startswith("study.yaml: not valid YAML: ")


@pytest.mark.parametrize("value", [{}, {"uniform": None}, {"constant": None}, {"constant": 1, "normal": [1, 2]}])
def test_a_distribution_is_of_one_kind_and_null_is_none(value):
    with pytest.raises(ValueError, match="give exactly one of"):
        Distribution.model_validate(value)


def test_weights_have_a_finite_sum():
    with pytest.raises(ValueError, match="must be positive and finite"):
        Histogram(values=[1, 2], weights=[1e308, 1e308])
