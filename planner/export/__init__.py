"""A plan for other engines: what each task asks for, attempt by attempt, in files that an engine reads by itself.

`planner.export.rules` has what is exported, `planner.export.targets` one module per engine.
"""
