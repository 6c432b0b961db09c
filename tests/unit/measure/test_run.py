"""Images become a catalogue: every one a row, in parts that a measurement goes on from."""

import numpy as np
import pandas as pd
import pytest

from sim2sky.config import Reading
from sim2sky.measure import run
from sim2sky.measure.run import measure, summary
from tests.unit.measure.made import write_image, write_network


@pytest.fixture
def folder(tmp_path, networks):
    """Nine images, of which the fifth is none, and a network."""
    for index in range(9):
        write_image(tmp_path / f"images-{index}.fits", 0.6 + 0.2 * index)
    (tmp_path / "images-4.fits").write_text("no")
    images = tmp_path / "images"
    images.mkdir()
    for path in tmp_path.glob("images-*.fits"):
        path.rename(images / path.name)
    write_network(tmp_path / "network.safetensors")
    return tmp_path


def measured(folder, out="out", reading=None, **options):
    said = []
    given = {"model": folder / "network.safetensors", "say": said.append} | options
    found = measure(folder / "images", folder / out, reading or Reading(), **given)
    return pd.read_parquet(found.files[0]), said, found


def test_every_image_has_a_row_in_order(folder):
    table, said, found = measured(folder)
    assert table.name.tolist() == [f"images-{index}" for index in range(9)]
    assert table.flag_not_measured.tolist() == [index == 4 for index in range(9)]
    assert "not a FITS file" in table.reason[4] and table.file[4].endswith("images-4.fits")
    np.testing.assert_allclose(table.theta_E_median.drop(4), [0.6 + 0.2 * i for i in range(9) if i != 4], rtol=1e-6)
    assert sorted(path.name for path in (folder / "out").iterdir()) == [
        f"catalogue.{s}" for s in ("ecsv", "fits", "parquet")
    ]
    assert any("trained for: Errors one can believe" in line for line in said) and "9 of 9 images" in said[-1]
    assert summary(found.files[0])[0] == "8 of 9 images measured"
    np.testing.assert_allclose(found.image(8)[0, 9:11, 9:11], 2.2, rtol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 4, 100])
def test_rows_do_not_depend_on_the_size_of_parts(folder, monkeypatch, size):
    whole, *_ = measured(folder, "whole")
    monkeypatch.setattr(run, "PART", size)
    # the first part must hold an image that can be measured, and here each does
    parts, *_ = measured(folder, "parts")
    pd.testing.assert_frame_equal(parts, whole)


def test_an_image_gives_the_same_row_alone(folder):
    whole, *_ = measured(folder)
    for path in (folder / "images").iterdir():
        if path.name != "images-3.fits":
            path.unlink()
    alone, *_ = measured(folder, "alone")
    pd.testing.assert_frame_equal(alone, whole.loc[[3]].reset_index(drop=True))


def test_processes_change_nothing(folder):
    one, *_ = measured(folder)
    two, *_ = measured(folder, "two", processes=2)
    pd.testing.assert_frame_equal(two, one)


def test_a_measurement_that_was_cut_goes_on_and_gives_the_same(folder, networks, monkeypatch):
    whole, *_, found = measured(folder, "whole")
    monkeypatch.setattr(run, "PART", 2)
    expected = measured(folder, "expected")[2]

    class Cut(Exception):
        pass

    def cut(line):
        if line.startswith("6 of 9"):
            raise Cut

    with pytest.raises(Cut):
        measured(folder, say=cut)
    assert not (folder / "out/catalogue.parquet").exists() and len(list((folder / "out" / run.PARTS).iterdir())) == 3
    table, _, found = measured(folder)
    assert networks[-1].given == 3  # images 6, 7 and 8
    pd.testing.assert_frame_equal(table, whole)
    assert [a.read_bytes() for a in found.files] == [b.read_bytes() for b in expected.files]


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: write_network(folder / "network.safetensors", sha256="cd" * 32),
        lambda folder: write_network(folder / "network.safetensors", domain="other"),
        lambda folder: ((folder / "images/images-0.fits").unlink(), write_image(folder / "images/images-0.fits", 2.9)),
        lambda folder: (folder / "images/images-1.fits").unlink(),
        lambda folder: {"reading": Reading(fill_up_to=0.5)},
    ],
    ids=["network", "domain", "image replaced", "image gone", "reading"],
)
def test_parts_of_other_images_or_another_network_are_not_taken(folder, networks, monkeypatch, change):
    monkeypatch.setattr(run, "join_parts", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        measured(folder)
    monkeypatch.undo()
    monkeypatch.setattr(run.MeasuringNetwork, "read", lambda *_: networks.append(made(folder)) or networks[-1])
    options = change(folder)
    table, *_ = measured(folder, **(options if isinstance(options, dict) else {}))
    assert networks[-1].given == len(table) - 1  # all but the damaged one, again


def made(folder):
    from tests.unit.measure.made import read_network

    return read_network(folder / "network.safetensors")


def test_published_values_stand_beside_the_estimates(folder):
    lines = [f"images-{i}.fits,lens {i},{10 + i},-5,{1 + i / 10 if i else ''},0.1" for i in range(9)]
    (folder / "images/list.csv").write_text("\n".join(["file,name,ra,dec,theta_E,theta_E_err", *lines]))
    given = {"model": folder / "network.safetensors", "say": lambda _: None}
    found = measure(folder / "images/list.csv", folder / "out", Reading(centre="middle"), **given)
    table = pd.read_parquet(found.files[0])
    assert table.name[3] == "lens 3" and table.ra[3] == 13 and table.theta_E_published[3] == np.float32(1.3)
    assert np.isnan(table.theta_E_published[0]) and table.theta_E_published_error[3] == np.float32(0.1)
    assert "e1_published" not in table


def test_damaged_files_do_not_stop_the_others(folder):
    for index in (1, 7):
        path = folder / f"images/images-{index}.fits"
        path.write_bytes(path.read_bytes()[:3000])
    table, *_ = measured(folder)
    assert table.flag_not_measured.sum() == 3 and (table.reason[[1, 4, 7]] != "").all() and table.theta_E_median[8] > 2
