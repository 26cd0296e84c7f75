"""Transcripts of `streamstore filter test`: files of commands, `---`, and the exact output.

Blocks are separated by blank lines; a line that starts with `#` is a remark. To write the outputs
anew, run with STREAMSTORE_WRITE_SCRIPTS=1 and read the difference.

    file NAME CONTENT           a file; \\n in the content ends a line, \\xff is a byte
    stdin CONTENT               what stdin gives to the commands that follow
    test PATTERN RECORD [...]   the command: its output, its messages after "!", its exit code
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamstore.cli.main import main

FOLDER = Path(__file__).parent / "filters"


def written(content: str) -> bytes:
    return (
        content.replace("\\n", "\n").replace("\\xff", "\udcff").encode("utf-8", "surrogateescape")
    )


def run(line: str, state: dict[str, bytes]) -> list[str]:
    verb, _, rest = line.partition(" ")
    if verb == "file":
        name, _, content = rest.partition(" ")
        Path(name).write_bytes(written(content))
        return []
    if verb == "stdin":
        state["stdin"] = written(rest)
        return []
    words = rest.split(" ")
    if "--output" not in words:
        words += ["--output", "table"]
    result = CliRunner().invoke(main, ["filter", verb, *words], input=state.get("stdin", b""))
    said = [f"! {text}" for text in result.stderr.splitlines()]
    return [*result.stdout.splitlines(), *said, f"exit {result.exit_code}"]


def replay(text: str) -> str:
    """The transcript as it is when its commands are run now."""
    state: dict[str, bytes] = {}
    blocks = []
    for block in re.split(r"\n\n+", text.strip("\n")):
        commands = block.split("\n---", 1)[0].splitlines()
        answers = [answer for line in commands if line[0] != "#" for answer in run(line, state)]
        ends = [] if all(line[0] == "#" for line in commands) else ["---", *answers]
        blocks.append("\n".join([*commands, *ends]))
    return "\n\n".join(blocks) + "\n"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_a_transcript_of_filters_comes_out_as_it_is_written(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = path.read_text()
    replayed = replay(text)
    if os.environ.get("STREAMSTORE_WRITE_SCRIPTS"):
        path.write_text(replayed)
    assert replayed == text
