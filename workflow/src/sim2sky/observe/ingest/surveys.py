"""Formats of surveys: how the image of a band is found, and which cards are not what they seem.

Numbers without a source beside them are those of the surveys' own papers and manuals, listed in ``docs/how-to/formats.md``.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np

from sim2sky.config import Reading
from sim2sky.observe.ingest.bands import BandImage, find_image
from sim2sky.observe.ingest.fits_file import Unit, Unusable
from sim2sky.observe.ingest.registry import register_survey
from sim2sky.observe.sky import number

POGSON = 2.5 / np.log(10)
# Bits of the masks of the LSST pipelines that say that a pixel is no measurement; DETECTED, for one, says that there is light.
LSST_BAD = ("BAD", "SAT", "CR", "NO_DATA", "EDGE", "SUSPECT", "UNMASKEDNAN")
MAGGIES = 1e-6  # largest usual pixel of images in maggies; one of magnitude 15 all in one pixel


@register_survey("EXTNAME=(VIS|NIR_[YJH])_(FLUX|RMS|PSF)")
def euclid_stack(units: tuple[Unit, ...], band: str, reading: Reading) -> BandImage:
    """Cutouts of Euclid in all its bands: HDUs ``<band>_FLUX``, ``<band>_RMS`` and ``<band>_PSF``, MAGZERO of each; no data are 0."""
    return replace(find_image(units, band, reading.hdu), no_data=0.0)


@register_survey("SOFTINST=Euclid.*")
def euclid_mer(units: tuple[Unit, ...], band: str, reading: Reading) -> BandImage:
    """Mosaics of Euclid's MER pipeline and cutouts of them, one band each: MAGZERO; no data are 0."""
    return replace(find_image(units, band, reading.hdu), no_data=0.0)


@register_survey("SURVEY=(DECaLS|BASS|MzLS|BASS\\+MzLS|BASS/MzLS|DES|LegacySurvey).*", "VERSION=DR.*")
def legacy_surveys(units: tuple[Unit, ...], band: str, reading: Reading) -> BandImage:
    """DESI Legacy Imaging Surveys: HDUs of IMAGETYP image and invvar for each BAND, or a cube with BANDS; nanomaggies, which no card says."""
    image = find_image(units, band, reading.hdu)
    return replace(
        image, zero_point=22.5, source="nanomaggies of the Legacy Surveys", believed="BUNIT" not in image.unit.header
    )


@register_survey("FPA.TELESCOPE=PS1")
def pan_starrs(units: tuple[Unit, ...], band: str, reading: Reading) -> BandImage:
    """Pan-STARRS: FPA.ZP is that of one count per second, for stacks as well; BLANK is one of integers that the pixels were before.

    Stacks have asinh of the flux as pixels, with BSOFTEN and BOFFSET (Waters et al. 2020, ApJS 251, 4).
    """
    image = find_image(units, band, reading.hdu)
    header = image.unit.header
    if kind := re.search(r"\.(wt|mask|exp|expwt|num)\.fits", str(header.get("OFILE", ""))):
        raise Unusable(f"is no image of the sky: OFILE ends with {kind[0]!r} (variance, mask or number of exposures)")
    try:
        zero_point = float(header["FPA.ZP"]) + 2.5 * math.log10(float(header["EXPTIME"]))
    except (KeyError, TypeError, ValueError):
        raise Unusable("has no FPA.ZP and EXPTIME, which give the zero point of Pan-STARRS") from None
    linear = None
    if "BSOFTEN" in header and "BOFFSET" in header:
        softening, offset = float(header["BSOFTEN"]), float(header["BOFFSET"])

        def linear(pixels: np.ndarray) -> np.ndarray:
            return offset + 2 * softening * np.sinh(pixels.astype(np.float64) / POGSON)

    return replace(image, zero_point=zero_point, source="FPA.ZP and EXPTIME", linear=linear)


@register_survey("INSTRUME=OMEGACAM", "ZEROPNT")
def kids(units: tuple[Unit, ...], band: str, reading: Reading) -> BandImage:
    """KiDS: ZEROPNT is 0 and means it: the pixels, of about 1e-12, are maggies."""
    image = find_image(units, band, reading.hdu)
    zero_point = number(image.unit.header, "ZEROPNT") or 0.0
    if not zero_point and not np.nanmedian(np.abs(image.unit.read(0 if image.cutouts else image.plane))) < MAGGIES:
        return image  # of another unit; then nothing says the zero point
    return replace(image, zero_point=zero_point, source="ZEROPNT")


@register_survey("INSTRUME=MegaPrime", "SOFTNAME=SWarp")
def cfhtls(units: tuple[Unit, ...], band: str, reading: Reading) -> BandImage:
    """Stacks of CFHTLS by TERAPIX: 30, to which they are scaled; PHOT_C is that of one of the exposures."""
    return replace(find_image(units, band, reading.hdu), zero_point=30.0, source="stacks of TERAPIX", believed=True)


@register_survey("EXTNAME=MASK", "MP_NO_DATA")
def lsst_pipelines(units: tuple[Unit, ...], band: str, reading: Reading) -> BandImage:
    """HSC and Rubin, by the LSST pipelines: FLUXMAG0 or BUNIT nJy; HDUs IMAGE, MASK (bits by name, ``MP_...``) and VARIANCE."""
    image = find_image(units, band, reading.hdu)
    mask = image.companions.get("mask")
    bits = [int(mask.header[f"MP_{name}"]) for name in LSST_BAD if f"MP_{name}" in mask.header] if mask else []
    return replace(image, mask_bits=sum(1 << bit for bit in set(bits)))


@register_survey("EXTNAME=COADD", "BANDS")
def des_exposures(units: tuple[Unit, ...], band: str, reading: Reading) -> BandImage:
    """Single exposures of DES in a cube, a table of them, and their coadd, whose planes are bands: the coadd at 30, 0.263 arcsec."""
    coadd = [unit for unit in units if unit.label.split()[-1] == "COADD"]
    image = find_image(units if reading.hdu is not None else tuple(coadd), band, reading.hdu)
    if image.cutouts:
        raise Unusable(
            "its exposures, in several bands with sky and gaps, have no zero point; leave out `hdu` to read the coadd"
        )
    return replace(image, zero_point=30.0, pixel_scale=0.263, source="coadds of DES", believed=True)


@register_survey("INSTRUME=DECam", "FILTER", "MAGZERO")
def des(units: tuple[Unit, ...], band: str, reading: Reading) -> BandImage:
    """Coadds of DES: MAGZERO, 30, and 0.263 arcsec, which are believed of files without cards if the format is named."""
    image = find_image(units, band, reading.hdu)
    silent = "MAGZERO" not in image.unit.header
    return replace(
        image, zero_point=30.0 if silent else None, pixel_scale=0.263, source="coadds of DES", believed=silent
    )


@register_survey()
def generic(units: tuple[Unit, ...], band: str, reading: Reading) -> BandImage:
    """Any other file: what its cards say, and what is said about it."""
    return find_image(units, band, reading.hdu)
