"""What holds for every command there is: help, JSON, exit codes, completion, a row in the docs."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from choir import cli
from choir.cli import exit_codes, main

PAGE = Path(__file__).parents[3] / "docs/cli.md"
RUN = [sys.executable, "-c", "import sys; from choir.cli import main; sys.exit(main())"]


def _commands() -> Iterator[tuple[str, object]]:
    """Each command's name and its Click command."""
    for name in cli.COMMANDS:
        app = cli._loaded(name)
        assert app is not None, cli._missing
        yield from _below(name, typer.main.get_command(app))


def _below(name: str, command: object) -> Iterator[tuple[str, object]]:
    inner = getattr(command, "commands", None)
    if not inner:
        yield name, command
        return
    for each, below in inner.items():
        yield from _below(f"{name} {each}", below)


COMMANDS = dict(_commands())


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    written = capsys.readouterr()
    return code, written.out, written.err


def test_there_are_as_many_as_one_thinks() -> None:
    assert {"thread create", "program deploy", "doctor", "localnet", "models fetch"} <= set(
        COMMANDS
    )
    assert len(COMMANDS) >= 35


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_it_does_and_how_it_ends(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    code, out, _ = _run(capsys, *name.split(), "--help")
    assert code == 0
    assert f"Usage: choir {name}" in out
    said = COMMANDS[name].help or ""  # type: ignore[attr-defined]
    assert said[:1].isupper(), "help is a sentence"
    assert "." in said, "help is a sentence"
    assert "xit code" in out, "help says what it ends with"
    assert "--json" in out, "what it says can be had as JSON"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name: str) -> None:
    for param in COMMANDS[name].params:  # type: ignore[attr-defined]
        if param.param_type_name == "option" and param.name != "help":
            assert param.help, f"{name} {param.opts}"


def test_the_page_has_a_row_for_every_command() -> None:
    rows = set(re.findall(r"^\| `choir ([a-z -]+?)`", PAGE.read_text(), re.MULTILINE))
    assert set(COMMANDS) - rows == set()


def test_wrong_usage_is_one_line_of_what_where_and_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = _run(capsys, "thread", "create", "garden")
    assert (code, out) == (2, "")
    assert err == (
        "choir thread create: Missing option '--deposit'. See choir thread create --help\n"
    )
    code, _, err = _run(capsys, "thread", "show", "garden", "--messages", "many", "--json")
    told = json.loads(err)
    assert (code, told["error"], told["ok"]) == (2, "UsageError", False)
    assert "--messages" in told["message"]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("choir th", {"thread"}),
        ("choir thread cr", {"create"}),
        ("choir program ", {"deploy", "upgrade", "verify", "close"}),
        ("choir thread create --pri", {"--privacy", "--priority-fee"}),
        ("choir thread post --comm", {"--commitment"}),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_commands_and_options(
    words: str,
    offered: set[str],
    shell: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("_CHOIR_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", words)
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    main([])
    out = capsys.readouterr().out
    assert all(re.search(rf"(^|\W){re.escape(each)}(\W|$)", out) for each in offered), out


def test_the_completion_script_is_for_choir(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.run(
        [*RUN, "--show-completion", "bash"],
        env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "_CHOIR_COMPLETE=complete_bash" in done.stdout
    assert re.search(r"complete .*_choir_completion choir", done.stdout)


def _on_a_terminal(*arguments: str, **environment: str) -> str:
    """What a command writes when a person looks on."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", **environment}
    process = subprocess.Popen(
        [*RUN, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            piece = os.read(ours, 1 << 16)
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not piece:
            break
        written += piece
    process.wait()
    os.close(ours)
    return written.decode()


def test_colours_are_for_terminals_and_for_those_who_want_them(tmp_path: Path) -> None:
    arguments = ("doctor", "--state-dir", str(tmp_path), "--limit", "1")
    colour = re.compile(r"\x1b\[[0-9;]*3[0-9]")
    assert colour.search(_on_a_terminal(*arguments))
    assert not colour.search(_on_a_terminal(*arguments, NO_COLOR="1"))
    piped = subprocess.run([*RUN, *arguments], capture_output=True, text=True, check=False)
    assert "\x1b" not in piped.stdout + piped.stderr


def test_every_exit_code_is_on_the_page_as_in_the_code() -> None:
    def rows(text: str) -> set[str]:
        return set(re.findall(r"^\| (\d+) \|", text, re.MULTILINE))

    assert rows(PAGE.read_text()) == rows(exit_codes.__doc__ or "")
