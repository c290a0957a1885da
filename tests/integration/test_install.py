"""`make install`: what stands where below DESTDIR, and that the paths in it are those of PREFIX."""

import os
import subprocess
from pathlib import Path

from tests.requirements import require_command

PROJECT = Path(__file__).resolve().parents[2]


def install(target: Path) -> None:
    require_command("make", "apt-get install make")
    command = ["make", "install", f"DESTDIR={target}", "PREFIX=/opt/mda"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_install_and_install_again(tmp_path: Path) -> None:
    target = tmp_path / "with a space"
    install(target)
    program = target / "opt/mda/libexec/mda-pipe"
    assert subprocess.run([program], capture_output=True, check=False).returncode == os.EX_TEMPFAIL
    assert "argv=/opt/mda/libexec/mda-pipe " in (target / "opt/mda/share/doc/mda/postfix/master.cf").read_text()
    assert (target / "opt/mda/share/doc/mda/postfix/main.cf").exists()
    assert "ExecStart=/opt/mda/bin/mda serve" in (target / "etc/systemd/system/mda.service").read_text()
    assert (target / "etc/systemd/system/mda.socket").exists()

    settings = target / "etc/mda/mda.toml"
    settings.write_text("# the admin's own\n")
    install(target)
    assert settings.read_text() == "# the admin's own\n"
