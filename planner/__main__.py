"""``python -m planner`` is ``chromplan``."""

from planner.cli import main

main()
