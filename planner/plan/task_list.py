"""The tasks of a pipeline: every region of every sample, with names, array indices and placeholders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from planner.core import pipelines, shell
from planner.core.config import Config
from planner.core.errors import InputError
from planner.core.records import Task
from planner.core.regions import Region, part_name
from planner.core.samples import Sample


def tasks(
    config: Config,
    samples: Sequence[Sample],
    regions: Sequence[Region],
    features: Mapping[str, Mapping[str, float]],
) -> list[Task]:
    """Return the tasks of a pipeline: every region of every sample.

    Parameters
    ----------
    features : mapping of task name to features
        See `planner.plan.features`.
    """
    named = names(config, samples, regions)
    told = pipelines.region_columns(config, list(samples))
    return [
        Task(
            name=name,
            tool=config.pipeline.tool,
            sample=sample.name,
            chromosome=region.chromosome,
            region=region.name,
            length_bp=region.length_bp,
            cpus=config.pipeline.cpus_tried[0],
            element=element,
            features=features[name],
            parameters=parameters(sample, region, told),
        )
        for (name, sample, region), element in zip(named, elements(config, named), strict=True)
    ]


def parameters(sample: Sample, region: Region, told: Collection[str]) -> Mapping[str, str]:
    """Return the further placeholders of a task: the columns of its sample, and those of its region."""
    if not told:
        return sample.columns
    values = region.values()
    return {**sample.columns, **{name: values[name] for name in told}}


def elements(config: Config, named: Sequence[tuple[str, Sample, Region]]) -> list[int]:
    """Return the array index of each task of a pipeline, which is the same in every round and order.

    For an existing script it is the script's own index; for whole chromosomes of one sample the chromosome's place in
    the genome (23 for X of a human one); otherwise tasks are numbered from 1.
    """
    if config.wrap:
        return [one.index for one in config.wrap.elements]
    places = [region.place if region.is_whole else 0 for _, _, region in named]
    own = all(places) and len(set(places)) == len(places)
    return places if own else list(range(1, len(named) + 1))


def names(config: Config, samples: Sequence[Sample], regions: Sequence[Region]) -> list[tuple[str, Sample, Region]]:
    """Return (task name, sample, region) of every task of a pipeline.

    Raises
    ------
    InputError
        When two tasks would have the same name.
    """
    if config.wrap:
        whole = {region.chromosome: region for region in regions}
        return [(sample.task or "", sample, _element_region(sample, whole)) for sample in samples]
    found = [(task_name(sample.name, region.label), sample, region) for sample in samples for region in regions]
    if len({name for name, _, _ in found}) < len(found):
        twice = next(name for name, count in Counter(name for name, _, _ in found).items() if count > 1)
        raise InputError(f"two tasks would be called {twice}", "rename a sample")
    return found


def _element_region(sample: Sample, whole: Mapping[str, Region]) -> Region:
    chromosome = sample.chromosome or ""
    if sample.span is not None:
        start, end = sample.span
        name = part_name(chromosome, sample.span)
        return Region(chromosome=chromosome, name=name, label="", start=start, end=end, is_whole=False)
    return whole.get(chromosome) or Region(chromosome=chromosome, name=chromosome, label="")


def task_name(sample: str, label: str) -> str:
    """Return ``sample.chr5``, or ``chr5`` for a cohort, from a region's label; safe in job and file names."""
    return f"{shell.safe_name(sample)}.{label}" if sample else label
