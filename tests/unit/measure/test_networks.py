"""Which network fits some images is asked of the reader of images."""

import pytest

from sim2sky.config import Reading
from sim2sky.measure.networks import choose, frame_of, said_of
from sim2sky.observe.ingest import list_images
from tests.unit.measure.made import about, write_image, write_network

VIS = {"bands": ["VIS"], "pixel_scale": 0.1, "zero_points": [24.6], "survey": "Euclid", "study": "euclid_lenses"}


@pytest.fixture
def folder(tmp_path, networks):
    """A network of DES g and one of Euclid VIS."""
    (tmp_path / "networks").mkdir()
    write_network(tmp_path / "networks/des_g.safetensors")
    write_network(tmp_path / "networks/euclid_vis.safetensors", **VIS)
    (tmp_path / "images").mkdir()
    return tmp_path


def chosen(folder, **reading):
    return choose(list_images(folder / "images"), Reading(**reading), folder / "networks")


@pytest.mark.parametrize(
    ("scale", "band", "name"), [(0.263, "g", "des_g"), (0.1, "VIS", "euclid_vis"), (0.1, None, "euclid_vis")]
)
def test_the_one_whose_band_and_scale_fit_is_taken(folder, scale, band, name):
    for index in range(3):
        write_image(folder / f"images/{index}.fits", scale=scale, band=band)
    path, network = chosen(folder)
    assert path.name == f"{name}.safetensors" and network.about.pixel_scale == scale


def test_a_few_images_of_another_kind_do_not_matter(folder):
    for index in range(5):
        write_image(folder / f"images/{index}.fits")
    write_image(folder / "images/5.fits", scale=0.1, band="VIS")
    (folder / "images/6.fits").write_text("no")
    assert chosen(folder)[0].name == "des_g.safetensors"


def test_if_none_fits_all_are_named_with_the_reason(folder):
    write_image(folder / "images/0.fits", scale=0.5, band="g")
    with pytest.raises(ValueError, match="none of the networks") as refused:
        chosen(folder)
    text = str(refused.value)
    assert "des_g.safetensors (band g, 20 x 20 pixels of 0.263 arcsec, Dark Energy Survey): its pixels are 0.5" in text
    assert "euclid_vis.safetensors" in text and "--model" in text and "images/0.fits" in text


def test_if_several_fit_one_has_to_be_named(folder):
    write_network(folder / "networks/des_again.safetensors")
    write_image(folder / "images/0.fits")
    with pytest.raises(ValueError, match="several networks fit.*--model.*des_again.*des_g"):
        chosen(folder)


def test_a_folder_without_networks_says_so(folder, tmp_path):
    write_image(folder / "images/0.fits")
    with pytest.raises(ValueError, match="nothing holds no network; name one with --model"):
        choose(list_images(folder / "images"), Reading(), tmp_path / "nothing")


def test_it_is_said_what_a_network_has_and_has_not_seen():
    text = " ".join(said_of(about()))
    assert (
        "trained for: Errors one can believe" in text and "theta_E from 0.5 to 3 arcsec, e1 from -0.4 to 0.4." in text
    )
    assert "It has not seen: images without a lens" in text and "2 seeds; band g" in text


def test_images_that_lie_nowhere_on_the_sky_have_no_frame():
    with pytest.raises(ValueError, match="error_bars, flow, measures 8-bit counts that lie nowhere on the sky"):
        frame_of(about(pixel_scale=None, zero_points=None, unit="8-bit counts"))
