"""What tests of several folders share."""

import numpy as np
import pytest
from astropy.io import fits

from tests.workflow.conftest import TINY_RUN, Project


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A project in which the tiny DAG has run, with made-up cutouts as the real sky. All tests share it and leave it as it is."""
    project = Project(tmp_path_factory.mktemp("finished"))
    sky = np.random.default_rng(0).normal(0, 2.9, (20, 60, 60)).astype(np.float32)
    fits.writeto(project.folder / "cutouts.fits", sky)
    result = project.snakemake(*TINY_RUN)
    assert result.returncode == 0, result.stdout + result.stderr
    return project
