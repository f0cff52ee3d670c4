"""`python -m omni_actors` is the same as `omni-actors`."""

from omni_actors.cli import main

main()
