"""Real images are listed and summed once; their content decides what is made again, and dates do not."""

import os
import shutil
from itertools import pairwise

import pytest

from sim2sky.observe.ingest.entries import Entries
from sim2sky.provenance import listing
from sim2sky.provenance.listing import checksums, listed

SHARDS = ["0000000-0000002", "0000003-0000005", "0000006-0000006"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Seven files in two folders."""
    monkeypatch.chdir(tmp_path)
    for number in range(7):
        path = tmp_path / f"images/{'b' if number > 3 else 'a'}/{number}.fits"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"image {number}")
    return tmp_path / "images"


def entries(path):
    files = sorted(map(str, path.rglob("*.fits")))
    return Entries(len(files), files, files)


def sums(path, read=None, shards=SHARDS, code="code"):
    """Checksums by shard; `read` collects the paths that are listed."""

    def list_images(path):
        if read is not None:
            read.append(path)
        return entries(path)

    return checksums(path, listed(path, code, list_images), shards, ["g"])


def changed(before, now):
    return [shard for shard in SHARDS if before[shard] != now[shard]]


def test_only_what_is_new_is_looked_at(folder, monkeypatch):
    listings, opened = [], []
    monkeypatch.setattr(listing, "sum_of_file", lambda path: opened.append(path) or os.path.basename(path))
    first = sums(folder, listings)
    assert len(listings) == 1 and len(opened) == 7
    assert sums(folder, listings) == first and len(listings) == 1 and len(opened) == 7
    (folder / "b/4.fits").write_text("another")
    sums(folder, listings)
    assert len(listings) == 1 and [os.path.basename(path) for path in sorted(opened[7:])] == ["3.fits", "4.fits", "5.fits"]  # fmt: skip
    sums(folder, listings, code="other code")
    assert len(listings) == 2


def test_other_content_is_of_its_shard_alone_and_a_date_of_none(folder):
    first = sums(folder)
    os.utime(folder / "a/0.fits")
    assert sums(folder) == first
    state = (folder / "b/4.fits").stat()
    (folder / "b/4.fits").write_text("imagE 4")  # of the same size
    os.utime(folder / "b/4.fits", ns=(state.st_atime_ns, state.st_mtime_ns))  # and date
    assert changed(first, sums(folder)) == [SHARDS[1]]


@pytest.mark.parametrize("new", ["b/7.fits", "b/c/7.fits"])
def test_a_file_more_is_seen_in_any_folder(folder, new):
    first = sums(folder)
    (folder / new).parent.mkdir(exist_ok=True)
    (folder / new).write_text("image 7")
    assert listed(folder, "code", entries).total == 8
    assert changed(first, sums(folder)) == []
    assert sums(folder, shards=["0000006-0000007"])["0000006-0000007"] != first[SHARDS[2]]


def test_files_that_change_places_are_other_images(folder):
    first = sums(folder)
    for old, new in pairwise(["a/0.fits", "x", "a/2.fits"]):
        (folder / old).rename(folder / new)
    assert changed(first, sums(folder)) == SHARDS


def test_another_place_of_the_folder_changes_nothing(folder, tmp_path):
    first = sums(folder)
    shutil.copytree(folder, tmp_path / "copy")
    assert sums(tmp_path / "copy") == first


def test_a_folder_without_memory_is_listed_each_time(folder, monkeypatch):
    (folder / "file").write_text("")
    monkeypatch.setattr(listing, "MEMORY", folder / "file/below")
    assert sums(folder) == sums(folder)


def test_what_a_table_says_of_an_image_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.csv").write_text("file,ra,dec")
    for band in "gr":
        (tmp_path / f"{band}.fits").write_text(band)
    files = ["{band}.fits", "gone.fits"]

    def found(ra, bands=("g", "r")):
        made = Entries(2, files, ["one", "two"], None, [ra, 2.0], [3.0, 4.0])
        (tmp_path / "list.csv").write_text(f"file,ra,dec {ra}")
        return checksums("list.csv", listed("list.csv", "code", lambda path: made), ["0000000-0000000", "0000001-0000001"], bands)  # fmt: skip

    first = found(1.0)
    again = found(1.5)
    assert [first[shard] == again[shard] for shard in first] == [False, True]
    only = found(1.0, ["g"])
    assert [first[shard] == only[shard] for shard in first] == [False, True]
    (tmp_path / "gone.fits").write_text("here now")
    back = found(1.0)
    assert [first[shard] == back[shard] for shard in first] == [True, False]
