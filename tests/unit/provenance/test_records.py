"""Whether Snakemake has a record of a result as it is, and what results say of themselves."""

import json
import os
from base64 import urlsafe_b64encode

import numpy as np
import pandas as pd
import pytest
from PIL import Image, PngImagePlugin
from safetensors.numpy import save_file
from snakemake.persistence import MetadataRecord
from snakemake.persistence.file import FilePersistence

from sim2sky import store
from sim2sky.evaluate.predict import write_predictions
from sim2sky.provenance.record import write_provenance
from sim2sky.provenance.records import described, lacks_record, unrecorded
from sim2sky.provenance.remembered import remembered
from sim2sky.provenance.said import otherwise

ABOUT = {"config": {"recipe": {"epochs": 2}}, "fingerprint": {"sim2sky.train.loop": "a"}, "domains": {}}


@pytest.fixture
def result(tmp_path, monkeypatch):
    """A result with the record that Snakemake itself writes; its name is long enough for several folders."""
    monkeypatch.chdir(tmp_path)
    path = f"results/train/{'long/' * 60}model.safetensors"
    os.makedirs(os.path.dirname(path))
    open(path, "w").close()
    FilePersistence()._write_record(path, MetadataRecord(rule="train", endtime=os.stat(path).st_mtime))
    return path


def test_a_result_has_its_record(result):
    assert not lacks_record(result) and not unrecorded("results")
    assert not lacks_record("results/train/not_there.csv")


@pytest.mark.parametrize("date", [1e9, 4e9])
def test_another_file_in_its_place_has_none(result, date):
    os.utime(result, (date, date))
    assert lacks_record(result) and [str(path) for path in unrecorded("results")] == [result]
    FilePersistence()._write_record(result, MetadataRecord(rule="train", endtime=date))
    assert not lacks_record(result)


def test_a_copy_has_none(result):
    os.rename(".snakemake", "elsewhere")
    assert lacks_record(result)
    assert described(unrecorded("results")).startswith(f"1, taken by the provenance that they carry: {result}")
    assert described([]) == "none"


def written(kind, folder, about):
    """A file of a kind that says `about`."""
    path = folder / f"result{kind}"
    if kind == ".zarr.zip":
        store.write_shard(path, {"lens": store.Variable(np.arange(3))}, about)
    elif kind == ".safetensors":
        save_file({"weight": np.zeros(2, np.float32)}, path, {"provenance": json.dumps(about)})
    elif kind == ".parquet":
        table = pd.DataFrame({"a": [1]})
        table.attrs = about
        write_predictions(table, path)
    elif kind == ".png":
        text = PngImagePlugin.PngInfo()
        text.add_text("provenance", json.dumps(about))
        Image.new("L", (2, 2)).save(path, pnginfo=text)
    else:
        (folder / "table.csv").write_text("a\n1\n")
        write_provenance(path, [folder / "table.csv"], about)
    return path


@pytest.mark.parametrize("kind", [".zarr.zip", ".safetensors", ".parquet", ".png", ".json"])
def test_every_kind_of_result_says_what_it_was_made_with(tmp_path, kind):
    path = written(kind, tmp_path, ABOUT)
    config, code = ABOUT["config"], ABOUT["fingerprint"]
    assert list(otherwise(path, config, code)) == []
    assert list(otherwise(path, {"recipe": {"epochs": 400}}, code)) == ["configuration: recipe.epochs: 2 -> 400"]
    assert list(otherwise(path, config, {"sim2sky.train.loop": "b"})) == ["code: sim2sky.train.loop"]
    path.write_bytes(b"damaged")
    (text,) = otherwise(path, config, code)
    assert f"{path}: no readable provenance" in text


def test_what_is_known_of_a_file_is_found_out_again_once_it_is_another(tmp_path):
    path, memory, asked = tmp_path / "cube.fits", tmp_path / "memory/known.json", []

    def ask(question="sum"):
        def answer():
            asked.append(question)
            return {"content": path.read_text()}

        return remembered(memory, path, question, answer)["content"]

    path.write_text("one")
    assert [ask(), ask(), ask("other"), ask()] == ["one"] * 4 and asked == ["sum", "other"]
    date = path.stat().st_mtime_ns
    (tmp_path / "new").write_text("two")
    os.utime(tmp_path / "new", ns=(date, date))  # of the same size and date
    os.replace(tmp_path / "new", path)
    assert ask() == "two" and ask() == "two" and asked == ["sum", "other", "sum"]
    memory.write_text("damaged")
    assert ask() == "two"


def test_records_are_called_as_snakemake_calls_them(result):
    """This test finds out if a release of Snakemake calls them otherwise."""
    name = urlsafe_b64encode(result.encode()).decode()
    assert len(name) > 254 and os.path.isfile(f".snakemake/metadata/@{name[:254]}/{name[254:]}")
