"""Every command and example on a page is run: here, but for the test command itself, which .ci/run
takes from README.
"""

from __future__ import annotations

import queue
import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import click
import pytest

import streamstore
from streamstore.cli.main import main
from streamstore.operations.registry import ABSENT

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "streamstore/README.md", "streamstore/testing/README.md")
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
    example = blocks("python")[0]
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("INSERT") == 2
    assert (tmp_path / "app.db").exists()


def test_the_other_python_examples_run_on_the_store_of_the_first(tmp_path: Path) -> None:
    """`store` is what the ten lines made. An example that follows for ever ends with its store."""
    first, *others = blocks("python")
    exec(first.replace("app.db", str(tmp_path / "app.db")), {"print": lambda *_: None})
    assert len(others) >= 2
    for example in others:
        store = streamstore.open(tmp_path / "app.db")
        said: queue.Queue[tuple[object, ...]] = queue.Queue()
        failed: list[BaseException] = []

        def run(
            example: str = example,
            names: dict[str, object] | None = None,
            failed: list[BaseException] = failed,
        ) -> None:
            try:
                exec(example, names)
            except streamstore.StoreError:
                pass  # the store was closed under one that follows
            except BaseException as error:
                failed.append(error)

        names = {"store": store, "print": lambda *words, said=said: said.put(words)}
        thread = threading.Thread(target=run, kwargs={"names": names}, daemon=True)
        thread.start()
        if example.startswith("for record in store.follow"):
            deadline = 200
            while said.empty() and deadline:
                store.client.put_item(TableName="users", Item={"id": {"S": f"{deadline}"}})
                thread.join(0.05)
                deadline -= 1
            assert said.get(timeout=5)[0] == "INSERT"
        else:
            thread.join(60)
        store.close()
        thread.join(10)
        assert not thread.is_alive()
        assert not failed, failed


def test_every_absent_operation_is_named_on_the_readme() -> None:
    missing = [name for name in ABSENT if f"`{name}`" not in README]
    assert not missing


def named_commands() -> set[str]:
    """What stands behind `streamstore` in code spans and in blocks of shell, a command a line."""
    found = set()
    for page in (*PAGES, "CHANGELOG.md"):
        text = (ROOT / page).read_text()
        shell = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        lines = [line for block in shell for line in block.splitlines()]
        spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        for line in (*lines, *spans):
            match = re.search(r"(?:^|/bin/|&& )streamstore ([a-z].*)", line)
            if match is not None:
                found.add(re.split(r"[|>#]", match[1])[0].strip())
    return found


def test_every_command_and_flag_that_a_page_names_exists() -> None:
    tried = 0
    for named in sorted(named_commands()):
        words = shlex.split(named)
        command: click.Command = main
        while isinstance(command, click.Group) and words:
            inner = command.get_command(click.Context(command), words.pop(0))
            assert inner is not None, f"`streamstore {named}` is no command"
            command = inner
        known = {flag for parameter in command.params for flag in parameter.opts}
        for word in words:
            if word.startswith("--"):
                assert word in known, f"`streamstore {named}`: no {word}"
        tried += 1
    assert tried >= 10


def test_every_bug_found_is_run_again_by_the_test_that_the_readme_names() -> None:
    rows = re.findall(r"\| `(\S+\.py) -k (\w+)` \|", README)
    assert len(rows) >= 6
    for file, word in rows:
        names = re.findall(r"^def (test_\w+)", (ROOT / "tests/crash" / file).read_text(), re.M)
        assert [name for name in names if word in name], f"{file} has no test of {word}"


@pytest.mark.parametrize("page", PAGES)
def test_links_of_a_page_lead_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    for target in re.findall(r"\]\(([^)#]+)", (ROOT / page).read_text()):
        if not target.startswith("http"):
            assert (folder / target).exists(), target


def test_the_examples_of_the_testing_page_find_what_was_planted_in_them() -> None:
    page = (ROOT / "streamstore/testing/README.md").read_text()
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        said: list[str] = []
        exec(example, {"print": lambda *words, said=said: said.append(" ".join(map(str, words)))})
        [finding] = said
        assert finding.startswith("found: ")
        assert "are gone (seed 1, operation" in finding or "gaps (first:" in finding
