"""The demo runs to its end on a machine with Java and Beagle, and on one that has neither."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parent.parent / "examples" / "beagle22" / "demo.sh"


def run(folder: Path, programs: Path | None, home: Path) -> str:
    """Run the demo with little more in its environment than a container gives."""
    path = [str(Path(sys.executable).parent), str(programs) if programs else os.environ["PATH"]]
    environment = {"HOME": str(home), "PATH": ":".join(path), "TERM": "dumb"}
    done = subprocess.run([str(DEMO), str(folder)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def without_beagle(tmp_path: Path) -> Path:
    """Return a folder with this machine's programs, but neither java nor beagle."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for folder in ("/bin", "/usr/bin"):
        for program in Path(folder).iterdir():
            if program.name not in ("java", "beagle") and not (programs / program.name).is_symlink():
                (programs / program.name).symlink_to(program)
    return programs


@pytest.mark.slow
def test_without_java_and_beagle_it_computes_relationship_matrices(tmp_path: Path, without_beagle: Path) -> None:
    for _ in ("once", "again"):
        shown = run(tmp_path / "demo", without_beagle, tmp_path)
        assert "== Done." in shown
        assert "relationship matrix" in shown
    assert len(list((tmp_path / "demo" / "output").glob("*.npy"))) == 22


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("java") and shutil.which("beagle")), reason="no Beagle here")
def test_with_beagle_it_imputes(tmp_path: Path) -> None:
    shown = run(tmp_path / "demo", None, tmp_path)
    assert "== Done." in shown
    assert "impute with Beagle" in shown
    assert len(list((tmp_path / "demo" / "output").glob("*.vcf.gz"))) == 22
