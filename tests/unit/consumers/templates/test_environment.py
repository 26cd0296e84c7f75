"""os.environ of each function's own, while several run side by side."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from streamstore.consumers.templates import environment


def test_each_thread_sees_the_variables_of_the_function_it_runs() -> None:
    own, seen = os.environ, {}
    meet = threading.Barrier(2, timeout=10)

    def work(name: str) -> None:
        variables = {"NAME": name}
        with environment.of(variables):
            meet.wait()
            os.environ["SET"] = name
            meet.wait()
            seen[name] = (os.environ["NAME"], os.getenv("SET"), os.environ.get("PATH"))
        assert variables == {"NAME": name, "SET": name}

    with environment.installed():
        threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "other")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert os.environ["PATH"] == own["PATH"]
        assert "SET" not in os.environ
    assert seen == {"one": ("one", "one", None), "other": ("other", "other", None)}
    assert os.environ is own


def test_it_is_a_mapping_as_os_environ_is() -> None:
    with environment.installed(), environment.of({"A": "1"}):
        assert dict(os.environ) == os.environ.copy() == {"A": "1"}
        assert {**os.environ, "B": "2"} == os.environ | {"B": "2"} == {"A": "1", "B": "2"}
        assert {"B": "2"} | os.environ == {"A": "1", "B": "2"}
        del os.environ["A"]
        assert len(os.environ) == 0
        with pytest.raises(KeyError):
            os.environ["A"]
        with pytest.raises(TypeError):
            os.environ["A"] = 1  # type: ignore[assignment]


def test_programs_that_a_handler_runs_may_be_given_it() -> None:
    with environment.installed(), environment.of({"A": "1"}):
        code = "import os; print(os.environ['A'])"
        said = subprocess.run(
            [sys.executable, "-c", code], env=os.environ, capture_output=True, check=True
        )
    assert said.stdout == b"1\n"
