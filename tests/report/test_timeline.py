"""The picture of a schedule: what it says, that it stays readable, that it is drawn."""

from pathlib import Path

import pytest

from planner.core.errors import InputError
from planner.report import timeline
from planner.schedule.listing import Machine, list_schedule, slots_of

MEM, WALL = [4.0, 3.0, 2.0, 1.0], [4.0, 3.0, 2.0, 1.0]


def texts(names: list[str], *, cap: float | None = None, note: str = "") -> list[str]:
    """Return every text in the figure of two panels."""
    from matplotlib.text import Text

    mem = [MEM[i % 4] for i in range(len(names))]
    wall = [WALL[i % 4] for i in range(len(names))]
    tasks = timeline.Tasks(names=names, mem=mem, wall=wall, mem_unit="GB", time_unit="hours", note=note)
    panels = [
        timeline.Panel(title=title, order=order, schedule=list_schedule(order, mem, wall, Machine(slots=2, cap_mb=cap)))
        for title, order in (("Natural order", range(len(names))), ("Order found", range(len(names))[::-1]))
    ]
    figure = timeline.draw_figure(tasks, panels, "4 tasks, 2 at a time", cap)
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_both_schedules_are_named_with_their_order_units_peak_and_end() -> None:
    said = texts(["a", "b", "c", "d"])
    assert "Natural order\na, b, c, d" in said
    assert "Order found\nd, c, b, a" in said
    assert said.count("time (hours)") == 2
    assert "memory in use (GB)" in said
    assert "memory of a task\n(GB)" in said
    assert {"memory in use, peak 7 GB", "done after 5 hours"} <= set(said)


def test_every_bar_that_has_room_bears_its_tasks_name() -> None:
    said = texts(["a", "b", "c", "d"])
    assert [said.count(name) for name in "abcd"] == [2, 2, 2, 2]


def test_names_stay_whole() -> None:
    assert "Natural order\nS1.chr1, S1.chr2, S2.chr1, S2.chr2" in texts(["S1.chr1", "S1.chr2", "S2.chr1", "S2.chr2"])


def test_a_picture_has_a_title_and_a_description_for_those_who_do_not_see_it(tmp_path: Path) -> None:
    tasks = timeline.Tasks(names=["a"], mem=[1], wall=[1], mem_unit="GB", time_unit="s")
    schedule = list_schedule([0], [1], [1], Machine(slots=1))
    timeline.draw(
        tmp_path / "a.svg", tasks, [timeline.Panel(title="one", order=[0], schedule=schedule)], heading="1 < 2 tasks"
    )
    text = (tmp_path / "a.svg").read_text()
    assert text.count("<title>") == 1
    assert "<title>1 &lt; 2 tasks</title>" in text
    assert "<desc>Above: memory in use" in text


def test_a_long_list_of_tasks_is_cut_between_two_names() -> None:
    said = texts([f"{i}-sample" for i in range(100)])
    (title,) = (line for line in said if line.startswith("Natural order"))
    assert title.endswith("-sample, … (100 tasks)")
    assert all(len(line) <= 64 for line in title.splitlines())


def test_a_cap_is_a_line_with_its_name_or_named_where_it_is_far_above() -> None:
    assert "cap 9 GB" in texts(["a", "b", "c", "d"], cap=9)
    assert "cap 7 GB" in texts(["a", "b", "c", "d"], cap=7)
    assert "cap 700 GB, far above" in texts(["a", "b", "c", "d"], cap=700)


@pytest.mark.parametrize(("tasks", "slots"), [(66, 66), (66, 16), (22, 4), (44, 4), (22, 1), (100, 100)])
def test_names_stay_inside_their_bars(tasks: int, slots: int) -> None:
    names = [f"HG0009{i % 3}.chr{1 + i // 3 % 22}" for i in range(tasks)]
    mem, wall = [100.0 + i % 7 for i in range(tasks)], [5.0 + i % 4 for i in range(tasks)]
    schedule = list_schedule(range(tasks), mem, wall, Machine(slots=slots))
    panel = timeline.Panel(title="mode packed", order=range(tasks), schedule=schedule)
    shown = timeline.Tasks(names=names, mem=mem, wall=wall, mem_unit="GB", time_unit="hours")
    figure = timeline.draw_figure(shown, [panel], "heading", None)
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure).draw()
    bars = figure.axes[1]
    boxes = [bar.get_window_extent() for bar in bars.patches]
    written = [text for text in bars.texts if ".chr" in text.get_text()]
    assert len(written) == tasks
    for text in written:
        inside = text.get_window_extent()
        assert any(
            box.x0 <= inside.x0 and inside.x1 <= box.x1 and box.y0 - 1 <= inside.y0 and inside.y1 <= box.y1 + 1
            for box in boxes
        ), text


def test_slots_are_reused_whatever_the_rounding_of_the_times() -> None:
    start = [0.0, 0.1 + 0.2, 0.6]
    assert slots_of([0, 1, 2], [each / 3.6 for each in start], [0.3 / 3.6, 0.3 / 3.6, 0.1]) == [0, 0, 0]


@pytest.mark.parametrize("name", ["order.gif", "order"])
def test_other_formats_are_refused(tmp_path: Path, name: str) -> None:
    tasks = timeline.Tasks(names=["a"], mem=[1], wall=[1], mem_unit="GB", time_unit="s")
    with pytest.raises(InputError, match="cannot draw"):
        timeline.draw(tmp_path / name, tasks, [], heading="")
