"""Lensing undone with predicted parameters."""

import numpy as np
import pandas as pd

from sim2sky import store
from sim2sky.evaluate.reconstruction import reconstruct_block
from sim2sky.provenance import record
from tests.unit.cosmosim_images import TRUE, finished, simulation_of


def test_block_of_predictions(tmp_path):
    simulation = simulation_of(crop={"pixels": 100})
    image, _ = finished(simulation)
    variables = {"image": store.Variable(np.stack([image] * 4)[:, None], store.IMAGE_DIMS)}
    store.write_shard(tmp_path / "a.zarr.zip", variables | {"lens": store.Variable(np.arange(4))}, {})
    rows = [
        {"seed": seed, "lens": lens, "parameter": name, "true": value, "predicted": value + 3 * seed + (lens == 3)}
        for seed in (0, 1)
        for lens in (2, 3)
        for name, value in TRUE.items()
    ]
    predictions = pd.DataFrame(rows).assign(domain="test", statistics="running")
    predictions.attrs = {"config": {"network": "alexnet"}}
    predictions.to_parquet(tmp_path / "predictions.parquet")
    files = {"table": tmp_path / "table.csv", "images": tmp_path / "images.zarr.zip", "provenance": tmp_path / "a.json"}
    about = {"domain": "test", "statistics": "running", "count": 5, "fingerprint": {}}
    reconstruct_block(tmp_path / "predictions.parquet", [tmp_path / "a.zarr.zip"], simulation, **about, **files)
    table = pd.read_csv(files["table"])
    assert table.lens.to_list() == [2, 3]
    assert table.rms[0] == 0 < table.rms[1]
    assert table["predicted_R_E"].to_list() == [12, 13]
    assert store.open_shards([files["images"]]).read("undone").shape[0] == 2
    made_with = record.read_provenance(files["provenance"], [files["table"]])["config"]
    assert made_with["recipe"] == {"network": "alexnet"} and made_with["simulation"] == simulation.params()
