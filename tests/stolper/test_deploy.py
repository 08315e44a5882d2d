"""What deploy/ holds says what the software does."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.settings import declared, load_settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def test_settings_in_deploy_exist(tmp_path: Path) -> None:
    """Each STOLPER_ variable of unit and container is a setting, with a value that it can have."""
    known = {setting.env for setting in declared()}
    given = {
        name: value
        for path in (DEPLOY / "stolper.service", DEPLOY / "Containerfile")
        for name, value in re.findall(r"(STOLPER_\w+)=([^\s\\]+)", path.read_text())
    }

    assert set() == given.keys() - known
    assert "json" == load_settings(tmp_path, env=given).log.format


def test_the_container_copies_what_is_there() -> None:
    """Files that it names are in the tree, and what is built inside is not sent to the builder."""
    text = (DEPLOY / "Containerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    paths = [path for words in copied for path in words.split()]

    assert {"package.json", "package-lock.json", "."} == set(paths)
    assert [] == [path for path in paths if not (ROOT / path).exists()]
    assert {"node_modules", ".venv", "data", "**/dist"} <= set(
        (ROOT / ".dockerignore").read_text().split()
    )


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_reads_the_unit(tmp_path: Path) -> None:
    """systemd knows every line of the unit; the program it starts is this one's."""
    unit = (DEPLOY / "stolper.service").read_text()
    program = str(Path(sys.executable).with_name("stolper"))
    assert "/opt/stolper/bin/stolper up" in unit
    here = tmp_path / "stolper.service"
    here.write_text(unit.replace("ExecStart=/opt/stolper/bin/stolper", f"ExecStart={program}"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", str(here)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = [line for line in done.stderr.splitlines() if "stolper" in line]

    assert (0, []) == (done.returncode, told)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_the_unit_leaves_the_server_few_rights(tmp_path: Path) -> None:
    """systemd's own measure of how exposed a service is says "OK" or better: below 4 of 10."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(DEPLOY / "stolper.service")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = re.search(r"Overall exposure level for stolper\.service: ([\d.]+)", done.stdout)

    assert found, done.stderr
    assert float(found[1]) < 4
