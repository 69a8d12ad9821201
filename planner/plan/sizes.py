"""Task sizes while nothing is known of the tool, from the features that differ between tasks.

The pilot and the dynamic scheduler share this definition. A number that all tasks have in common (threads, a panel's
samples) does not order them, and one that falls while the others grow (a depth that is lower with more samples) must
not cancel them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from planner.core.records import Task

# a feature whose log correlates with the size of tasks below this counts as falling
_FALLS = -0.5
# logs that differ by less are equal
_SAME = 1e-9

Floats = NDArray[np.float64]


def relative_sizes(tasks: Sequence[Task], measured: Collection[str] = ()) -> dict[str, float]:
    """Return each task's size relative to the largest, in (0, 1], by name.

    The size is the geometric mean of the features that vary and do not fall as tasks grow. The direction of growth is
    given by the measured amounts of input, otherwise by the length of the region, and by the features listed earlier in
    ``[features]``. Without such a feature the size is the length of the region; without a length all tasks have the
    same size.

    Parameters
    ----------
    tasks : sequence of Task
        All tasks of the pipeline, from which it is judged which features vary.
    measured : collection of str
        Features that are amounts of input: lengths, bytes, records, samples.
    """
    if not tasks:
        return {}
    length = _log_varying([float(task.length_bp) for task in tasks])
    names = [name for name in tasks[0].features if all(name in task.features for task in tasks)]
    columns = {name: _log_varying([task.features[name] for task in tasks]) for name in names}
    growing = _growing([columns[name] for name in names if name in measured], [])
    known = growing or _growing([length], [])
    growing += _growing([columns[name] for name in names if name not in measured], known)
    sizes = np.exp(np.mean(growing or known or [np.zeros(len(tasks))], axis=0))
    return dict(zip((task.name for task in tasks), (sizes / sizes.max()).tolist(), strict=True))


def _growing(columns: Iterable[Floats | None], known: Sequence[Floats]) -> list[Floats]:
    """Return the columns that vary, and do not fall as the known ones or those accepted earlier grow."""
    found: list[Floats] = []
    for column in columns:
        if column is not None and not any(_falls(column, other) for other in (*known, *found)):
            found.append(column)
    return found


def _log_varying(values: Sequence[float]) -> Floats | None:
    """Return the logs of a feature, shifted to start at 1 unless all values are positive; None when it is constant."""
    column = np.array(values, dtype=float)
    low = float(column.min())
    logs = np.asarray(np.log(column if low > 0 else column - low + 1.0))
    return logs if float(np.ptp(logs)) > _SAME else None


def _falls(column: Floats, other: Floats) -> bool:
    """Whether one column falls as the other grows."""
    return float(np.corrcoef(column, other)[0, 1]) < _FALLS
