"""What differs between two nested values, in words."""

from sim2sky.provenance.differences import differences


def test_differences_of_nested_values():
    old = {"a": {"b": 1, "c": [1, 2]}, "gone": 1, "same": {"x": 0}}
    new = {"a": {"b": 2, "c": list(range(99))}, "new": {"k": 1}, "same": {"x": 0}}
    assert list(differences(old, new)) == [
        "a.b: 1 -> 2",
        "a.c: [1, 2] -> 99 items",
        "gone: 1 -> (not there)",
        "new: (not there) -> {k}",
    ]
