"""Files with a flipped bit or a missing end are refused, or hold what was written; never anything else."""

import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sim2sky import store
from sim2sky.config import Recipe
from sim2sky.config.load import ConfigError, load
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.network_file import read_networks, write_networks
from sim2sky.train import checkpoint

ROOT = Path(__file__).parents[2]
RECIPE = Recipe.model_validate({"network": "lens_cnn", "epochs": 1, "batch_size": 8, "optimiser": {"lr": 1e-3}})
TARGETS = ["theta_E"]
IMAGES = np.zeros((7, 1, 3, 3), np.float32)  # a chunk that is lost would be read as zeros, too
IMAGES[:3] = np.arange(27, dtype=np.float32).reshape(3, 1, 3, 3)
WEIGHTS = {3: {"a.weight": torch.arange(60.0).reshape(6, 10), "a.count": torch.tensor(7)}}
STATE = {"rows": [{"epoch": 1, "loss": 0.5}], "learner": {"network": WEIGHTS[3]}}


def write_shard(path):
    variables = {"image": store.Variable(IMAGES, store.IMAGE_DIMS), "theta_E": store.Variable(np.arange(7.0) + 1)}
    store.write_shard(path, variables, {"seed": 1})


def read_shard(path):
    shard = store.open_shards([path])
    return [shard.read("image").tobytes(), shard.read("theta_E").tobytes(), shard.attributes["seed"]]


def write_model(path):
    write_networks(path, WEIGHTS, LabelEncoding(TARGETS), {"config": {"lr": 1e-3}})


def read_model(path):
    weights, labels = read_networks(path, RECIPE, TARGETS)
    return [{key: tensor.tolist() for key, tensor in weights[3].items()}, labels.state()]


def read_checkpoint(path):
    state = checkpoint.load(path, {"code": "1"}, torch.device("cpu"))
    if state is None:
        raise ValueError(f"{path}: training starts over")
    return [state["rows"], {key: tensor.tolist() for key, tensor in state["learner"]["network"].items()}]


FILES = {
    "shard.zarr.zip": (write_shard, read_shard),
    "model.safetensors": (write_model, read_model),
    "last.ckpt": (lambda path: checkpoint.save(path, {"code": "1"}, STATE), read_checkpoint),
}


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_or_a_missing_end_never_goes_unnoticed(tmp_path, name):
    write, read = FILES[name]
    path = tmp_path / name
    write(path)
    whole, expected = path.read_bytes(), read(path)
    random = np.random.default_rng(0)
    damaged = [whole[:length] for length in random.integers(len(whole), size=20)]
    for position in random.integers(len(whole), size=400):
        byte = whole[position] ^ (1 << random.integers(8))
        damaged.append(whole[:position] + bytes([byte]) + whole[position + 1 :])
    refused = 0
    for content in damaged:
        path.write_bytes(content)
        try:
            found = read(path)
        except (store.StoreError, ValueError) as error:
            assert name in str(error)
            refused += 1
        else:
            assert found == expected
    assert refused > 200


def test_a_crafted_file_of_networks_runs_nothing(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    for name, write in {
        "pickle": lambda path: path.write_bytes(pickle.dumps(Trap())),
        "torch": lambda path: torch.save({"state": Trap()}, path),
        "names": lambda path: save_file({"no-seed": torch.ones(1)}, path, {"provenance": "{}"}),
        "bare": lambda path: save_file({"0/a": torch.ones(1)}, path),
    }.items():
        path = tmp_path / f"{name}.safetensors"
        write(path)
        with pytest.raises(ValueError, match=f"{name}.safetensors: not a readable file of networks"):
            read_networks(path, RECIPE, TARGETS)
        assert checkpoint.load(path, {}, torch.device("cpu")) is None
    assert not (tmp_path / "sprung").exists()


def test_no_code_loads_a_pickle_or_unsafe_yaml(tmp_path):
    unsafe = re.compile(
        r"import pickle|pickle\.load|yaml\.(unsafe_load|full_load)\(|yaml\.load\((?!.*yaml\.CSafeLoader\))|allow_pickle=True|weights_only=False|(?<![.\w])eval\("
    )
    for path in [
        *(ROOT / "workflow").rglob("*.py"),
        *(ROOT / "workflow").rglob("*.smk"),
        *ROOT.glob("benchmarks/*.py"),
    ]:
        assert not unsafe.search(path.read_text()), path
    loads = [
        line
        for path in (ROOT / "workflow").rglob("*.py")
        for line in path.read_text().splitlines()
        if "torch.load(" in line
    ]
    assert loads and all("weights_only=True" in line for line in loads)
    crafted = tmp_path / "config/studies/crafted.yaml"
    crafted.parent.mkdir(parents=True)
    crafted.write_text(f"title: !!python/object/apply:os.mkdir [{tmp_path}/made]\n")
    with pytest.raises(ConfigError, match="crafted.yaml: not valid YAML"):
        load({"studies": ["crafted"]}, tmp_path)
    assert not (tmp_path / "made").exists()
