"""``sim2sky measure``: what it writes, and one sentence for each thing that may be wrong."""

import gzip
import itertools
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table
from safetensors.numpy import save_file

from sim2sky.cli import main
from sim2sky.measure import run as tools
from sim2sky.measure.networks import FOLDER, choose
from sim2sky.models.measuring import MeasuringNetwork
from sim2sky.models.network_file import read_tensors, write_tensors
from tests import pages
from tests.unit.measure.made import read_network, write_image, write_network


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Four images and networks of DES g, of another band, scale, size, and of nothing on the sky."""
    monkeypatch.setattr(MeasuringNetwork, "read", read_network)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    for index in range(4):
        write_image(tmp_path / f"images/{index}.fits", 0.8 + 0.5 * index)
    networks = {"network": {}, "i": {"bands": ["i"]}, "fine": {"pixel_scale": 0.1}, "large": {"pixels": 90}}
    networks["counts"] = {"pixel_scale": None, "zero_points": None, "unit": "8-bit counts"}
    for name, changes in networks.items():
        write_network(tmp_path / f"{name}.safetensors", **changes)
    return tmp_path


MODEL = ["--model", "network.safetensors"]


def refused(arguments, capsys) -> str:
    """The one line in which a command ends."""
    with pytest.raises(SystemExit) as ended:
        main(["measure", *arguments])
    text = str(ended.value.code)
    assert "\n" not in text and "Traceback" not in text and len(text) < 1000
    assert not any(os.scandir("images-measured")) if os.path.isdir("images-measured") else True
    return text


def test_a_folder_becomes_a_catalogue_and_a_page(folder, capsys):
    main(["measure", "images", *MODEL, "--coolest"])
    out = folder / "images-measured"
    names = {"catalogue.parquet", "catalogue.fits", "catalogue.ecsv", "catalogue.html", "coolest"}
    assert {path.name for path in out.iterdir()} == names and len(list((out / "coolest").iterdir())) == 4
    table = Table.read(out / "catalogue.fits")
    np.testing.assert_allclose(table["theta_E_median"], [0.8, 1.3, 1.8, 2.3], rtol=1e-6)
    page = (out / "catalogue.html").read_text()
    assert page.count("data:image/png;base64,") == 2 and "4 of 4 images were measured" in page
    text = capsys.readouterr().out
    assert "It has not seen" in text and "4 of 4 images measured" in text and "catalogue.html" in text


def test_a_catalogue_is_replaced_only_if_asked_for(folder, capsys):
    main(["measure", "images", *MODEL])
    with pytest.raises(
        SystemExit, match="images-measured holds a catalogue .*; name another folder, or replace it with"
    ):
        main(["measure", "images", *MODEL])
    main(["measure", "images", *MODEL, "--overwrite"])
    main(["measure", "images", *MODEL, "--out", "elsewhere/deep"])
    assert (folder / "elsewhere/deep/catalogue.parquet").exists()


def test_formats_are_listed(capsys):
    main(["measure", "--list-formats"])
    assert "euclid" in capsys.readouterr().out


@pytest.fixture
def printed(folder, monkeypatch):
    """A folder with all that the page names, and the network that fits."""
    (folder / "images").rename(folder / "cutouts")
    monkeypatch.setattr(tools, "choose", lambda entries, reading: choose(entries, reading, folder / "networks"))
    (folder / "networks").mkdir()
    named = folder / "results/measure/<study>/<run>/network.safetensors"
    named.parent.mkdir(parents=True)
    for path in (folder / "networks/des_g.safetensors", named):
        write_network(path)
    rows = [f"cutouts/{index}.fits,lens {index},10.0,-20.0,1.0,0.1" for index in range(4)]
    (folder / "list.csv").write_text("\n".join(["file,name,ra,dec,theta_E,theta_E_err", *rows]))
    cube = np.random.default_rng(0).normal(size=(12, 24, 24)) + 1
    fits.PrimaryHDU(cube.astype("f4")).writeto(folder / "des_cutouts_g.fits")
    return folder


COMMANDS = [command for command, test in pages.ELSEWHERE.items() if test.endswith("tools/test_measure.py")]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run_as_they_are_printed(printed, command, capsys):
    arguments = shlex.split(command)
    # eight processes would take longer to start than the images to read
    arguments = ["2" if before == "--processes" else each for before, each in itertools.pairwise(arguments)]
    main(arguments)
    assert "--list-formats" in arguments or "images measured" in capsys.readouterr().out
    assert "--list-formats" in arguments or list(printed.glob("*/catalogue.html"))


def no_images(folder):
    shutil.rmtree(folder / "images")
    (folder / "images").mkdir()


def only(name):
    """A change that leaves one image, by a function of its path."""

    def change(make):
        def apply(folder):
            no_images(folder)
            make(folder / "images" / name)

        return apply

    return change


def truncated(path):
    write_image(path)
    path.write_bytes(path.read_bytes()[:3000])


def of(values):
    """A FITS file with these pixels and nothing else."""
    return lambda path: fits.PrimaryHDU(np.asarray(values)).writeto(path)


def turned(path):
    write_image(path, CD1_1=0.0, CD2_2=0.0)


def out_is_a_file(folder):
    (folder / "images-measured").write_text("")


def table_of(text):
    return lambda folder: (folder / "list.csv").write_text(text)


def impossible(path):
    write_image(path)
    path.write_bytes(path.read_bytes().replace(b"NAXIS   =                    2", b"NAXIS   =                 9999"))


def table_in(folder):
    folder.mkdir()
    (folder / "catalogue.fits").write_text("mine")


def folder_in_place(folder):
    (folder / "out/catalogue.fits").mkdir(parents=True)


FITS = only("a.fits")
NOISE = np.random.default_rng(0).normal(size=(20, 20)).astype("f4")
# What is done to the folder, arguments, and words of the sentence
MISTAKES = {
    "no path": (None, [], "PATH: name a folder"),
    "no such path": (None, ["nowhere", *MODEL], "nowhere"),
    "empty folder": (no_images, ["images", *MODEL], "images"),
    "folder of text": (only("a.txt")(lambda path: path.write_text("no")), ["images", *MODEL], "images"),
    "a text file": (lambda folder: (folder / "a.txt").write_text("no"), ["a.txt", *MODEL], "a.txt"),
    "text called FITS": (FITS(lambda path: path.write_text("no")), ["images", *MODEL], "a.fits: not a FITS file"),
    "an empty file": (FITS(lambda path: path.touch()), ["images", *MODEL], "a.fits"),
    "a truncated file": (FITS(truncated), ["images", *MODEL], "a.fits"),
    "a damaged gzip": (only("a.fits.gz")(lambda p: p.write_bytes(gzip.compress(b"SIMPLE" * 999)[:40])), ["images", *MODEL], "a.fits.gz"),
    "a table of stars": (FITS(lambda path: Table({"a": [1.0]}).write(path)), ["images", *MODEL], "a.fits"),
    "no image in it": (FITS(lambda path: fits.PrimaryHDU().writeto(path)), ["images", *MODEL], "a.fits"),
    "a spectrum": (FITS(of(np.ones(20, "f4"))), ["images", *MODEL], "a.fits"),
    "no pixel scale": (FITS(of(NOISE)), ["images", *MODEL], "a.fits"),
    "all NaN": (FITS(lambda path: write_image(path, np.nan)), ["images", *MODEL], "a.fits"),
    "all zero": (FITS(lambda path: write_image(path, 0.0)), ["images", *MODEL], "a.fits"),
    "a singular WCS": (FITS(turned), ["images", *MODEL], "a.fits"),
    "too small": (FITS(lambda path: write_image(path, pixels=12)), ["images", *MODEL], "a.fits"),
    "another scale": (FITS(lambda path: write_image(path, scale=0.1)), ["images", *MODEL], "0.1 arcsec"),
    "another band": (FITS(lambda path: write_image(path, band="i")), ["images", *MODEL], "a.fits"),
    "no zero point": (FITS(lambda path: write_image(path, MAGZERO=None)), ["images", *MODEL], "a.fits"),
    "zero point denied": (None, ["images", *MODEL, "--zero-point", "25"], "25"),
    "pixel scale denied": (None, ["images", *MODEL, "--pixel-scale", "0.2"], "0.2"),
    "no such HDU": (None, ["images", *MODEL, "--hdu", "SCI"], "SCI"),
    "no such HDU number": (None, ["images", *MODEL, "--hdu", "7"], "7"),
    "no such format": (None, ["images", *MODEL, "--survey", "hst"], "--survey: "),
    "a misspelt format": (None, ["images", *MODEL, "--survey", "euclid_stak"], "euclid_stack"),
    "a negative pixel scale": (None, ["images", *MODEL, "--pixel-scale", "-1"], "--pixel-scale: "),
    "too much to fill": (None, ["images", *MODEL, "--fill-up-to", "2"], "--fill-up-to: "),
    "no processes": (None, ["images", *MODEL, "--processes", "0"], "--processes: 0 is less than 1"),
    "position of none": (None, ["images", *MODEL, "--centre", "position"], "position"),
    "no such network": (None, ["images", "--model", "none.safetensors"], "none.safetensors: "),
    "an image as network": (None, ["images", "--model", "images/0.fits"], "images/0.fits: "),
    "a folder as network": (None, ["images", "--model", "images"], "images: "),
    "network of another band": (None, ["images", "--model", "i.safetensors"], "0.fits"),
    "network of another scale": (None, ["images", "--model", "fine.safetensors"], "0.263 arcsec, those of the network 0.1"),
    "network of larger images": (None, ["images", "--model", "large.safetensors"], "0.fits"),
    "network of counts": (None, ["images", "--model", "counts.safetensors"], "nowhere on the sky"),
    "out holds a table": (lambda f: table_in(f / "out"), ["images", *MODEL, "--out", "out"], "out holds a catalogue (catalogue.fits)"),
    "out holds a folder": (folder_in_place, ["images", *MODEL, "--out", "out"], "out/catalogue.fits is a folder"),
    "an error below zero": (table_of("file,theta_E,theta_E_err\nimages/0.fits,1,-1\n"), ["list.csv", *MODEL], "row 1: theta_E"),
    "more values than columns": (table_of("file\nimages/0.fits,1\n"), ["list.csv", *MODEL], "no readable table"),
    "an impossible header": (FITS(impossible), ["images/a.fits", *MODEL], "a.fits: cannot be read, the file may be damaged"),
    "no such domain": (None, ["images", *MODEL, "--domain", "hsc"], "no domain hsc"),
    "out is a file": (out_is_a_file, ["images", *MODEL], "--out: images-measured is no folder"),
    "out lies in a file": (None, ["images", *MODEL, "--out", "network.safetensors/a"], "--out: network.safetensors/a is no folder"),
    "out in /proc": (None, ["images", *MODEL, "--out", "/proc/sim2sky"], "--out: /proc/sim2sky is no folder"),
    "list of nothing": (table_of("file,ra,dec\n"), ["list.csv", *MODEL], "list.csv"),
    "list without files": (table_of("ra,dec\n1,2\n"), ["list.csv", *MODEL], "list.csv"),
    "list of missing files": (table_of("file\nimages/x.fits\n"), ["list.csv", *MODEL], "x.fits"),
    "impossible position": (table_of("file,ra,dec\nimages/0.fits,400,0\n"), ["list.csv", *MODEL], "list.csv"),
    "a damaged list": (lambda f: (f / "list.parquet").write_text("no"), ["list.parquet", *MODEL], "list.parquet"),
    "a damaged shard": (lambda f: (f / "a.zarr.zip").write_text("no"), ["a.zarr.zip", *MODEL], "a.zarr.zip"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_ends_in_one_sentence(folder, capsys, mistake):
    change, arguments, words = MISTAKES[mistake]
    if change:
        change(folder)
    assert words in refused(arguments, capsys)
    assert len(list(folder.rglob("catalogue.*"))) == mistake.startswith("out holds")


def test_weights_of_another_program_are_refused(tmp_path):
    for number, provenance in enumerate(("[1, 2]", "{}", '"text"')):
        path = tmp_path / f"{number}.safetensors"
        save_file({"weight": np.zeros(3)}, path, {"provenance": provenance})
        with pytest.raises(ValueError, match="not a readable network file"):
            MeasuringNetwork.read(path)


def test_a_network_file_that_lacks_something_is_refused(tmp_path):
    tensors, said = read_tensors(next(FOLDER.glob("*.safetensors")))
    del said["sha256"]
    for key in said["measuring"]:  # as files of other versions may
        lacking = {name: value for name, value in said["measuring"].items() if name != key}
        write_tensors(tmp_path / "x", tensors, said | {"measuring": lacking})
        with pytest.raises(ValueError, match=f"x: no network file of this version of sim2sky: .*{key}"):
            MeasuringNetwork.read(tmp_path / "x")


def test_what_is_cut_says_so_and_goes_on(folder, monkeypatch, capsys):
    def cut(*_):
        raise KeyboardInterrupt

    whole = Path("whole/catalogue.fits")
    main(["measure", "images", *MODEL, "--out", "whole"])
    monkeypatch.setattr("sim2sky.measure.tables._write_ecsv", cut)  # after the other two files
    with pytest.raises(SystemExit) as ended:
        main(["measure", "images", *MODEL])
    assert ended.value.code == 130 and "sim2sky measure: interrupted" in capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.setattr(MeasuringNetwork, "read", read_network)
    monkeypatch.chdir(folder)
    main(["measure", "images", *MODEL])
    assert Path("images-measured/catalogue.fits").read_bytes() == whole.read_bytes()


def test_lenses_of_a_catalogue_that_is_replaced_are_removed(folder):
    main(["measure", "images", *MODEL, "--coolest"])
    other = folder / "images-measured/coolest/mine.json"
    other.write_text("{}")
    main(["measure", "images/0.fits", *MODEL, "--out", "images-measured", "--overwrite", "--coolest"])
    assert sorted(path.name for path in other.parent.iterdir()) == ["0000000-0.json", "mine.json"]


def test_names_that_are_no_utf_8_have_their_rows(folder):
    os.rename(b"images/3.fits", b"images/\xff.fits")
    main(["measure", "images", *MODEL])
    for kind in ("parquet", "ecsv"):
        table = Table.read(f"images-measured/catalogue.{kind}")
        assert table["name"][3] == "\\xff" and table["theta_E_median"][3] > 2


def test_there_are_at_least_forty_such_cases():
    assert len(MISTAKES) >= 40


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to_is_refused(folder, capsys):
    (folder / "locked").mkdir(mode=0o500)
    assert "locked is no folder that can be written to" in refused(["images", *MODEL, "--out", "locked"], capsys)


def test_a_tenth_of_damaged_files_is_a_tenth_of_flagged_rows(folder, capsys):
    for index in range(4, 20):
        write_image(folder / f"images/{index}.fits", 1.0 + index / 20)
    truncated(folder / "images/a.fits")
    (folder / "images/b.fits").write_text("no")
    main(["measure", "images", *MODEL])
    table = pd.read_parquet("images-measured/catalogue.parquet")
    assert table.flag_not_measured.tolist() == [False] * 20 + [True] * 2 and (table.reason[20:] != "").all()
    assert "20 of 22 images measured" in capsys.readouterr().out


def test_the_process_ends_without_a_traceback(tmp_path):
    arguments = [sys.executable, "-m", "sim2sky", "measure", "nowhere", "--model", "none.safetensors"]
    result = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr.count("\n") == 1 and result.stdout == ""
    assert result.stderr.startswith("sim2sky measure: error: ") and not any(tmp_path.iterdir())
