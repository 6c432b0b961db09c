"""``python -m sim2sky``: the same as the command ``sim2sky``."""

from sim2sky.cli import main

main()
