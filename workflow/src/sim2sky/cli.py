"""The console command ``sim2sky``.

A subcommand imports what it needs when it is called, so that help is printed at once. What a user can get wrong ends in one line on
standard error and the status 1, or 2 if it is about the command line itself.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from sim2sky import __version__

# What a subcommand runs, given the options and the arguments that are left for Snakemake
_Run = Callable[[argparse.Namespace, Sequence[str]], None]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; `arguments` are those of the process if not given."""
    parser = _parser()
    options, further = parser.parse_known_args(arguments)
    if further and not options.for_snakemake:
        parser.error(f"unrecognized arguments: {' '.join(further)}")
    try:
        options.run(options, further)
    except (ValueError, OSError, RuntimeError) as error:
        sys.exit(f"sim2sky {options.command}: error: {' '.join(str(error).split())}")
    except KeyboardInterrupt:
        print(f"sim2sky {options.command}: interrupted", file=sys.stderr)
        sys.exit(130)  # 128 and the number of the signal, as shells have it


def _parser() -> argparse.ArgumentParser:
    """The command line with its subcommands; each sets `run` and whether further arguments go to Snakemake."""
    parser = argparse.ArgumentParser(
        prog="sim2sky",
        description="Measure images of your own with trained networks, and ask what the workflow would do.",
        epilog="The workflow itself is run with snakemake.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name: str, run: _Run, text: str, for_snakemake: bool = False) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            usage=f"sim2sky {name} [-h] [argument of snakemake ...]" if for_snakemake else None,
            allow_abbrev=not for_snakemake,
        )
        command.set_defaults(run=run, for_snakemake=for_snakemake)
        return command

    command = add(
        "reconstruct", _reconstruct, "undo the lensing of an image with the parameters that a network estimates"
    )
    command.add_argument("image", metavar="IMAGE", help="FITS, PNG or another picture; square, with one lens alone")
    command.add_argument("--model", required=True, help="model.safetensors of a run on CosmoSim images")
    command.add_argument("--seed", type=int, help="which network of the file; its first by default")
    command.add_argument("--output", metavar="PNG", help="picture to write; IMAGE-reconstructed.png by default")

    command = add("picture", _picture, "centre, crop and average images as simulated ones are, into a shard")
    command.add_argument("images", nargs="+", metavar="IMAGE", help="FITS, PNG or another picture; square")
    command.add_argument("--pixels", type=int, required=True, help="side of the middle part that is kept")
    centre = ("none", "pixel", "subpixel")
    command.add_argument(
        "--centre", choices=centre, default="pixel", help="how light is centred: %(default)s by default"
    )
    command.add_argument("--downscale", type=int, metavar="PIXELS", help="side to which that part is averaged")
    command.add_argument("--output", required=True, metavar="SHARD", help="shard to write; ends in .zarr.zip")

    _describe_measure(
        add("measure", _measure, "measure images of lenses: a catalogue with errors and flags, and a page")
    )
    add("plan", _plan, "print what a run of the configured studies costs: jobs, hours and disk", for_snakemake=True)
    add("why", _why, "print which jobs snakemake would run, and for which reasons", for_snakemake=True)
    return parser


def _describe_measure(command: argparse.ArgumentParser) -> None:
    """Arguments of ``measure``. Those that say how images are read are the keys of `sim2sky.config.Reading`."""
    command.add_argument(
        "path", metavar="PATH", nargs="?", help="folder of FITS files, list or table of them, cube or shard"
    )
    command.add_argument(
        "--model", metavar="FILE", help="network file; the one of resources/networks that fits by default"
    )
    command.add_argument("--domain", help="which of its domains the images are of; the one it adapted to by default")
    command.add_argument(
        "--out", metavar="DIR", help="folder of the catalogue; PATH-measured in this folder by default"
    )
    command.add_argument("--overwrite", action="store_true", help="replace the catalogue that is there")
    command.add_argument(
        "--processes", type=int, default=1, metavar="N", help="processes that read files (%(default)s)"
    )
    command.add_argument("--coolest", action="store_true", help="write each measured lens in the COOLEST standard, too")
    group = command.add_argument_group("what the files may not say")
    group.add_argument("--survey", help="format of the files; found by their headers by default (--list-formats)")
    group.add_argument("--hdu", help="name or number of the HDU with the image")
    group.add_argument("--zero-point", type=float, metavar="MAG", help="AB magnitude of one unit of the images")
    group.add_argument("--pixel-scale", type=float, metavar="ARCSEC", help="size of a pixel")
    group.add_argument("--resample", action="store_true", help="resample images of another pixel scale")
    group.add_argument(
        "--centre",
        choices=("position", "brightest", "middle"),
        help="what the frame is cut about; position if it is known",
    )
    group.add_argument(
        "--fill-up-to",
        type=float,
        default=0.05,
        metavar="FRACTION",
        help="most bad pixels that are filled (%(default)s)",
    )
    group.add_argument("--list-formats", action="store_true", help="print the formats that are known, and end")


def _measure(options: argparse.Namespace, _: Sequence[str]) -> None:
    from sim2sky.tools.measure import formats, run

    if options.list_formats:
        print(formats())
    elif options.path is None:
        raise ValueError("PATH: name a folder, a list, a cube or a shard of images")
    else:
        run(options)


def _reconstruct(options: argparse.Namespace, _: Sequence[str]) -> None:
    from sim2sky.measure.reconstruct import reconstruct_file

    print(reconstruct_file(options.image, options.model, options.seed, options.output))


def _picture(options: argparse.Namespace, _: Sequence[str]) -> None:
    if not options.output.endswith(".zarr.zip"):
        raise ValueError(f"--output: {options.output}: the name of a shard ends in .zarr.zip")
    from pydantic import ValidationError

    from sim2sky.config import CentreCrop
    from sim2sky.measure.picture import picture_shard

    try:
        crop = CentreCrop(centre=options.centre, pixels=options.pixels, downscale=options.downscale)
    except ValidationError as error:
        mistakes = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}".lstrip(": ") for item in error.errors()]
        raise ValueError("; ".join(mistakes).replace("Value error, ", "")) from None
    for doubt in picture_shard(crop, options.images, options.output):
        print(f"warning: {doubt}")
    print(f"{options.output}: {len(options.images)} images")


def _plan(_: argparse.Namespace, for_snakemake: Sequence[str]) -> None:
    from sim2sky.tools.plan import main

    main(for_snakemake)


def _why(_: argparse.Namespace, for_snakemake: Sequence[str]) -> None:
    from sim2sky.tools.why import explain

    print(explain(for_snakemake))
