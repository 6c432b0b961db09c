"""Random streams depend on seed, purpose and index, and on nothing else."""

import numpy as np

from sim2sky import streams


def test_same_three_things_same_numbers():
    np.testing.assert_array_equal(
        streams.generator(1, "noise", 7).random(5), streams.generator(1, "noise", 7).random(5)
    )
    assert streams.torch_seed(1, "noise", 7) == streams.torch_seed(1, "noise", 7)


def test_any_other_thing_other_numbers():
    draws = [
        streams.generator(*key).random()
        for key in [(1, "noise", 7), (2, "noise", 7), (1, "sky", 7), (1, "noise", 8), (1, "noise")]
    ]
    assert len(set(draws)) == len(draws)


def test_neighbouring_lenses_are_uncorrelated():
    draws = np.array([streams.generator(1, "noise", lens).standard_normal(200) for lens in range(200)])
    assert abs(np.corrcoef(draws)[np.triu_indices(200, 1)]).max() < 0.4
