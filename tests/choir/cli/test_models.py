"""``choir models`` and ``choir search`` as a person at a terminal meets them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner

from choir.cli import main, models, search
from choir.embed.model import FILES

runner = CliRunner()


def test_where_prints_the_directory(tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).touch()
    done = runner.invoke(models.app, ["where"], env={"CHOIR_MODEL_DIR": str(tmp_path)})
    assert (done.exit_code, done.stdout.strip()) == (0, str(tmp_path))


def test_where_says_what_to_do(tmp_path: Path) -> None:
    done = runner.invoke(models.app, ["where"], env={"CHOIR_MODEL_DIR": str(tmp_path)})
    assert done.exit_code == 1
    assert "choir models fetch" in done.stderr


class _Api(BaseHTTPRequestHandler):
    seen: dict[str, list[str]]

    def do_GET(self) -> None:
        type(self).seen = parse_qs(urlsplit(self.path).query)
        refused = self.seen["q"] == ["bad"]
        body = (
            {"data": None, "error": {"message": "q is bad"}, "metadata": {}}
            if refused
            else {
                "data": {
                    "items": [
                        {
                            "thread_id": "rivers",
                            "message_index": 3,
                            "author": "Ana",
                            "highlight": {"text": "the river\nruns", "spans": [[4, 9]]},
                        }
                    ],
                    "next_cursor": None,
                },
                "error": None,
                "metadata": {"degraded": "the vector store does not answer"},
            }
        )
        raw = json.dumps(body).encode()
        self.send_response(400 if refused else 200)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def api() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Api)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_search_prints_results(api: str) -> None:
    done = runner.invoke(search.app, ["a river", "--thread", "rivers", "--api", api])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == ["rivers #3 · Ana", "    the river runs"]
    assert "by words alone" in done.stderr
    assert _Api.seen == {"q": ["a river"], "thread": ["rivers"], "limit": ["10"]}
    done = runner.invoke(search.app, ["a river", "--json", "--api", api])
    assert json.loads(done.stdout)["data"]["items"][0]["message_index"] == 3


def test_search_hands_on_a_refusal_and_an_absent_api(
    api: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", "bad", "--api", api]) == 2
    assert capsys.readouterr().err == "choir search: q is bad\n"
    assert main(["search", "bad", "--api", api, "--json"]) == 2
    told = json.loads(capsys.readouterr().err)
    assert (told["error"], told["message"]) == ("InvalidInput", "q is bad")
    assert main(["search", "x", "--api", "http://127.0.0.1:1"]) == 6
    assert "no API answers" in capsys.readouterr().err


def test_where_in_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHOIR_MODEL_DIR", str(tmp_path))
    assert main(["models", "where", "--json"]) == 1
    told = json.loads(capsys.readouterr().err)
    assert (told["ok"], told["error"]) == (False, "ModelMissing")
    for name in FILES:
        (tmp_path / name).touch()
    assert main(["models", "where", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"directory": str(tmp_path)}
