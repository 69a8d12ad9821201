"""Pages opened in a headless Chromium: what the console says, and what does not fit."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

PROGRAM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
WITHOUT = "no Chromium: apt-get install chromium"
# a frame as narrow as a telephone: the window itself cannot be that narrow everywhere
_FRAME = """<!doctype html><meta charset="utf-8">
<iframe id="page" style="border:0;width:{width}px;height:4000px"></iframe>
<script>
const frame = document.getElementById("page");
frame.onload = () => {{
  const inside = frame.contentDocument, root = inside.documentElement;
  const right = one => one.getBoundingClientRect().right;
  const scrolls = one => {whole} ? false : one.closest(".scroll") !== null;
  const wide = [...inside.querySelectorAll("main *")].filter(one => !scrolls(one) && right(one) > {width} + 0.5);
  const texts = [...inside.querySelectorAll("svg text")];
  const out = texts.filter(one => {{
    const box = one.getBBox(), view = one.ownerSVGElement.viewBox.baseVal;
    return box.x < -0.5 || box.x + box.width > view.width + 0.5 || box.y + box.height > view.height + 0.5;
  }});
  const crossing = [];
  for (const drawing of inside.querySelectorAll("svg")) {{
    const boxes = [...drawing.querySelectorAll("text:not(.cross)")].map(one => [one.textContent, one.getBBox()]);
    for (let a = 0; a < boxes.length; a++) for (let b = a + 1; b < boxes.length; b++) {{
      const p = boxes[a][1], q = boxes[b][1];
      if (p.x < q.x + q.width - 1 && q.x < p.x + p.width - 1 && p.y < q.y + q.height - 3 && q.y < p.y + p.height - 3)
        crossing.push(boxes[a][0] + " / " + boxes[b][0]);
    }}
  }}
  document.title = "seen " + JSON.stringify({{
    width: root.scrollWidth,
    wide: wide.map(one => one.tagName + "." + one.className),
    cut: out.map(one => one.textContent),
    crossing: crossing,
    ink: frame.contentWindow.getComputedStyle(inside.body).color,
    unnamed: [...inside.querySelectorAll("svg")].filter(one => !one.getAttribute("aria-label")).length,
  }});
}};
frame.src = "{page}";
</script>
"""


def look(
    page: Path, width: int, *, dark: bool = False, printed: bool = False, folder: Path
) -> tuple[dict[str, Any], list[str]]:
    """Return what a frame of a width shows of a page, as on paper where ``printed``, and what the console said."""
    assert PROGRAM
    frame = folder / "frame.html"
    if printed:
        (folder / "printed.html").write_text(page.read_text().replace("@media print", "@media all"))
        page = folder / "printed.html"
    frame.write_text(_FRAME.format(width=width, page=page.as_uri(), whole=str(printed).lower()))
    done = subprocess.run(
        [
            PROGRAM,
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--dump-dom"),
            *("--enable-logging=stderr", "--virtual-time-budget=10000", f"--window-size={max(width, 600)},1000"),
            f"--user-data-dir={folder / 'profile'}",
            *(["--blink-settings=preferredColorScheme=0"] if dark else []),
            frame.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    title = re.search(r"<title>seen (.*?)</title>", done.stdout, re.DOTALL)
    assert title, done.stderr[-2000:]
    seen: dict[str, Any] = json.loads(title[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    return seen, [line for line in done.stderr.splitlines() if "CONSOLE" in line]
