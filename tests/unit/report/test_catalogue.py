"""The page of a catalogue, and what its figures show."""

import re

import numpy as np
import pandas as pd
import pytest

from sim2sky.measure.catalogue import columns, rows
from sim2sky.measure.run import metadata
from sim2sky.measure.tables import join_parts, write_part
from sim2sky.report.catalogue import chosen, read_numbers, read_text
from sim2sky.report.figures import catalogue as figures
from sim2sky.report.figures import style
from sim2sky.report.page.catalogue import write_catalogue_page
from tests.unit.measure.made import PARAMETERS, POPULATION, about, estimates

COUNT = 60


@pytest.fixture
def catalogue(tmp_path, monkeypatch):
    """Sixty images in two parts: every tenth is not measured, some lie outside the population, published values 1 % larger."""
    monkeypatch.setattr(style, "DPI", 40)
    known = columns(PARAMETERS, {"resampled": "was resampled"}, published=["theta_E"])
    theta_E = np.linspace(0.4, 2.5, COUNT)
    measured = np.arange(COUNT) % 10 != 3
    reasons = np.where(measured, "", [f"has {index} pixels" for index in range(COUNT)])
    images = pd.DataFrame({"name": [f"<lens> ${index}" for index in range(COUNT)], "file": "a.fits", "reason": reasons})
    images = images.assign(theta_E_published=1.01 * theta_E, theta_E_published_error=0.1)
    for first in (0, 40):
        part = slice(first, first + 40)
        median = np.stack([theta_E[part][measured[part]], np.zeros(measured[part].sum())], axis=1)
        table = rows(list(known), images[part], measured[part], estimates(median, std=0.02), POPULATION)
        write_part(table, tmp_path / f"{first}.parquet", known, metadata(about()))
    return join_parts([tmp_path / "0.parquet", tmp_path / "40.parquet"], tmp_path / "catalogue.parquet")[0]


def image(row):
    return np.random.default_rng(row).normal(size=(1, 20, 20)).astype("f4")


def test_the_page_holds_everything_and_escapes_what_names_say(catalogue, tmp_path):
    write_catalogue_page(catalogue, tmp_path / "page.html", "my <cutouts>", ["It has seen nothing."], image)
    text = (tmp_path / "page.html").read_text()
    assert "54 of 60 images were measured" in text and "my &lt;cutouts&gt;" in text and "It has seen nothing." in text
    assert text.count("data:image/png;base64,") == 5 and not re.search(r'(src|href)="(?!data:|#)', text)
    assert (
        '<td class="number">6</td><td class="text">has 3 pixels</td>' in text
    )  # reasons that differ in a number are one
    assert "ab" * 32 in text and "\n..." not in text  # as YAML ends a number


def test_without_truth_there_is_nothing_to_compare(catalogue, tmp_path):
    table = read_numbers(catalogue)
    assert set(figures.pictures(table)) == {
        "Distribution", "Measured against true or published values", "Failures against images kept",
    }  # fmt: skip
    assert set(figures.pictures(table.assign(theta_E_published=np.nan))) == {"Distribution"}


def test_flagged_images_are_shown_apart(catalogue):
    table = read_numbers(catalogue)
    clean, doubtful = chosen(table)
    assert len(clean) == 24 and not table.doubtful[clean].any() and not table.flag_not_measured[clean].any()
    assert table.doubtful[doubtful].all() and len(doubtful) == table.doubtful.sum()
    assert table.theta_E_median[clean].is_monotonic_increasing
    assert clean[0] == table.index[~table.doubtful & ~table.flag_not_measured][0] and clean[-1] == COUNT - 1


def test_text_of_rows_comes_in_their_order(catalogue):
    assert read_text(catalogue, [50, 3, 41])["name"].tolist() == ["<lens> $50", "<lens> $3", "<lens> $41"]
    assert read_text(catalogue, [3])["reason"].tolist() == ["has 3 pixels"]


def test_failures_are_counted_in_the_order_of_the_relative_error():
    table = pd.DataFrame({"theta_E_median": [1.0, 1.0, 2.0, 1.0], "theta_E_std": [0.3, 0.1, 0.4, 0.4]})
    table["theta_E_true"] = [1.0, 1.1, 1.0, 2.0]  # only the third and the fourth are off by more than 15 %
    kept, failed = figures.failure_curve(table, "theta_E", 8)
    assert kept.tolist() == [0.125, 0.25, 0.375, 0.5]
    assert failed == pytest.approx([0, 1 / 2, 1 / 3, 2 / 4])


def test_nothing_measured_has_a_page_too(tmp_path, catalogue):
    known = columns(PARAMETERS, {})
    images = pd.DataFrame({"name": ["a"], "file": "a", "reason": "is empty"})
    write_part(rows(list(known), images, np.zeros(1, bool), None, POPULATION), tmp_path / "p", known, metadata(about()))
    files = join_parts([tmp_path / "p"], tmp_path / "none/catalogue.parquet")
    write_catalogue_page(files[0], tmp_path / "none.html", "none", [], image)
    assert "0 of 1 images were measured" in (tmp_path / "none.html").read_text()
