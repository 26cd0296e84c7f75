"""Every command and example on a page is run: here, but for the test command itself, which .ci/run
takes from README.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from streamstore.operations.registry import ABSENT

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_readme_shows_the_two_commands_in_a_form_that_ci_can_take() -> None:
    demo = re.search(r"<!-- demo-command -->\n```sh\n(.*?)\n```", README)
    test = re.search(r"<!-- test-command -->\n```sh\n(.*?)\n```", README)
    assert demo is not None
    assert test is not None
    assert demo[1].startswith("python3 -m venv .venv && ")
    assert demo[1].endswith("streamstore demo")
    assert test[1].startswith("python3 -m venv .venv && ")


def test_the_ten_lines_of_python_run_as_written(tmp_path: Path) -> None:
    (example,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("INSERT") == 2
    assert (tmp_path / "app.db").exists()


def test_every_absent_operation_is_named_on_the_readme() -> None:
    missing = [name for name in ABSENT if f"`{name}`" not in README]
    assert not missing


def test_every_command_that_a_page_names_exists() -> None:
    """Commands in code blocks and in running text; those of the running text at least parse with
    --help.
    """
    commands = set()
    for page in ("README.md", "streamstore/README.md", "CHANGELOG.md"):
        text = (ROOT / page).read_text()
        commands |= set(
            re.findall(r"streamstore ((?:[a-z]+ ?)+)", " ".join(re.findall(r"`([^`\n]+)`", text)))
        )
    tried = 0
    for command in sorted(commands):
        words = []
        for word in command.split():
            if word in KNOWN_WORDS:
                words.append(word)
        if not words:
            continue
        done = subprocess.run(
            [sys.executable, "-m", "streamstore", *words, "--help"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"streamstore {shlex.join(words)}: {done.stderr}"
        tried += 1
    assert tried >= 4


KNOWN_WORDS = {
    "clock", "advance", "compact", "demo", "healthcheck", "serve", "shards", "show", "split",
}  # fmt: skip


@pytest.mark.parametrize("page", ["README.md", "streamstore/README.md"])
def test_links_of_a_page_lead_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    for target in re.findall(r"\]\(([^)#]+)", (ROOT / page).read_text()):
        if not target.startswith("http"):
            assert (folder / target).exists(), target
