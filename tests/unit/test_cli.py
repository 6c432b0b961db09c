"""The console command: quick help, and mistakes in one line."""

import subprocess
import sys

import pytest

from sim2sky import __version__
from sim2sky.cli import main
from sim2sky.tools import plan, why

HEAVY = ("torch", "numpy", "pandas", "matplotlib", "pydantic", "zarr", "snakemake")
COMMANDS = ("reconstruct", "picture", "plan", "why")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_imports_nothing_but_the_standard_library(command):
    code = f"""
import sys
from sim2sky.cli import main
try:
    main([*{command.split()}, "--help"])
finally:
    print("imported:", *({HEAVY} & sys.modules.keys()), file=sys.stderr)
"""
    code = code.replace(f"{HEAVY}", f"set({HEAVY})")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0 and result.stderr == "imported:\n"
    assert all(name in result.stdout for name in ([command] if command else COMMANDS))


def test_it_is_called_as_a_module_too():
    result = subprocess.run([sys.executable, "-m", "sim2sky", "--version"], capture_output=True, text=True)
    assert result.stdout == f"sim2sky {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["picture"], ["nonsense"], ["reconstruct", "a.png", "--model", "b", "--c"]])
def test_wrong_command_lines_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and "error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["reconstruct", "arc.png", "--model", "none.safetensors"], "none.safetensors: no such file of networks"),
        (["why"], "No Snakefile found"),
        (["plan"], "profile directory given (slurm)"),
        (["why", "--no-such-option"], "unrecognized arguments: --no-such-option"),
        (["picture", "a.png", "--pixels", "20", "--output", "a.png"], "a.png: the name of a shard ends in .zarr.zip"),
    ],
)
def test_mistakes_end_in_one_line(arguments, words, tmp_path):
    result = subprocess.run([sys.executable, "-m", "sim2sky", *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.startswith(f"sim2sky {arguments[0]}: error: ") and result.stderr.count("\n") == 1
    assert words in result.stderr


@pytest.mark.parametrize(("command", "module", "called"), [("why", why, "explain"), ("plan", plan, "main")])
def test_further_arguments_are_those_of_snakemake(monkeypatch, command, module, called):
    taken = []
    monkeypatch.setattr(module, called, lambda arguments: taken.extend(arguments))
    arguments = ["--profile", "profiles/demo", "--co", "2", "-n", "--config", "a=b", "--", "target"]
    main([command, *arguments])
    assert taken == arguments
