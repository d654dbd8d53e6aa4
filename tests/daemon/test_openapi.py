"""The OpenAPI document: it is valid, it is the one in the docs, and the server does what it says."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from pointsman.daemon.openapi import document
from pointsman.daemon.problems import SORTS, Kind
from pointsman.daemon.table import ENDPOINTS

from .rig import Rig, serving

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "docs" / "openapi.json"
FUZZ_SECONDS = 60


def test_the_document_is_valid():
    """The document is OpenAPI 3.1."""
    whole = json.loads(document(ENDPOINTS))

    validate(whole)
    assert whole["openapi"].startswith("3.1.")


def test_the_copy_in_the_docs_is_the_document():
    """docs/openapi.json is what the server says.

    To write it anew: python -c "from pointsman.daemon.openapi import document; from pointsman.daemon.table import
    ENDPOINTS; print(document(ENDPOINTS).decode())" > docs/openapi.json
    """
    assert GOLDEN.read_bytes().rstrip() == document(ENDPOINTS)


def test_every_endpoint_is_in_it():
    """Each declaration is one operation, under a name of its own."""
    paths = json.loads(document(ENDPOINTS))["paths"]
    names = [operation["operationId"] for methods in paths.values() for operation in methods.values()]

    assert sorted(names) == sorted(endpoint.name for endpoint in ENDPOINTS)
    assert len(set(names)) == len(names)


def test_every_kind_of_problem_has_a_status():
    """Whatever can go wrong has a status and a title."""
    assert set(SORTS) == set(Kind)


@pytest.mark.parametrize("admin", [False, True])
async def test_both_listeners_show_it(rig: Rig, admin: bool):
    """The document and its pages are served where clients and operators are, without a key."""
    said = await rig.get("/openapi.json", client=None, admin=admin)
    page = await rig.get("/docs", client=None, admin=admin)

    assert json.loads(said.body) == json.loads(document(ENDPOINTS))
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


async def test_pages_load_nothing_from_elsewhere(rig: Rig):
    """The policy of the pages allows what comes from here and nothing else, and nothing in them asks for more."""
    for path in ("/docs", "/docs/page.js", "/docs/page.css"):
        said = await rig.get(path, client=None)
        assert said.status == 200
        assert "default-src 'none'" in said.headers["Content-Security-Policy"]
        assert "unsafe" not in said.headers["Content-Security-Policy"]
        for word in ("http://", "https://", "innerHTML", "eval(", "style=", "onclick="):
            assert word not in said.body.decode(), (path, word)


def fuzz(url: str, key: str, *more: str) -> "subprocess.CompletedProcess[str]":
    """Let schemathesis try out every operation."""
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        "run",
        f"{url}/openapi.json",
        f"--url={url}",
        f"--header=Authorization: Bearer {key}",
        "--exclude-operation-id=streamEvents",
        "--checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        "--phases=examples,coverage,fuzzing",
        "--max-examples=5",
        "--seed=18",
        "--no-color",
        "--generation-database=none",
        "--suppress-health-check=all",
        *more,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=FUZZ_SECONDS, check=False)


@pytest.mark.timeout(90)
async def test_the_server_does_what_the_document_says(tmp_path):
    """Schemathesis finds no 5xx and no answer that the document does not know, on either listener."""
    async with serving(tmp_path) as rig:
        results = []

        def run() -> None:
            results.append(fuzz(rig.url, rig.keys["shop"].key, "--exclude-tag=management"))
            results.append(fuzz(rig.admin_url, "x", "--include-tag=management", "--exclude-operation-id=reload"))

        thread = threading.Thread(target=run)
        thread.start()
        while thread.is_alive():
            await rig.service._clock.sleep(0.05)

        for result in results:
            assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
        assert rig.lines.of("http.failed") == []
