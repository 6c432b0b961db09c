"""What tests of several folders share."""

import pytest
import torch

from tests.workflow.conftest import TINY_RUN, Project, write_sky

torch.backends.cudnn.allow_tf32 = False  # on a GPU, too, results are compared to rounding
# Groups of tests that take minutes: they start first, in this order, so that all processes end at about the same time.
LONG = ["cluster", "finished", "test_faults.py", "test_torchvision_networks.py", "test_parallel.py"]
LONG += ["test_cosmosim.py", "test_how_to.py", "test_docs_site.py"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Side by side (`make test`), tests of one file stay together, and all that share a cluster or a finished project.

    pytest 9.2 hides the names of groups from xdist 3.8, which then ignores them; hence 9.0 in constraints.txt.
    """
    groups = {}
    for item in items:
        shared = [name for name in ("cluster", "finished") if name in item.fixturenames]
        groups[item] = (shared or [item.path.name])[0]
        item.add_marker(pytest.mark.xdist_group(groups[item]))
    if hasattr(config, "workerinput"):  # in a process of xdist
        items.sort(key=lambda item: LONG.index(groups[item]) if groups[item] in LONG else len(LONG))


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A project in which the tiny DAG has run, with made-up cutouts as the real sky. All tests share it and leave it as it is."""
    project = Project(tmp_path_factory.mktemp("finished"))
    write_sky(project.folder / "cutouts.fits")
    result = project.snakemake(*TINY_RUN)
    assert result.returncode == 0, result.stdout + result.stderr
    return project
