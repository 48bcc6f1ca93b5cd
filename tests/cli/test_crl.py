"""`crl inspect`: where a list comes from, what it is checked against, and what is refused."""

import contextlib
import io
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from appliance.cli.main import main
from appliance.formats import crl, pem
from tests.cli.test_certificate import Hearth, hearth, hierarchy
from tests.formats.record_crl import GOLDEN

__all__ = ["hearth", "hierarchy"]
NAME = "empty"


@pytest.fixture(autouse=True)
def files(hearth: Hearth) -> None:
    for suffix in ("crl", "pem"):
        shutil.copy(GOLDEN / f"{NAME}.{suffix}", f"ca.{suffix}")


@contextlib.contextmanager
def served(content: bytes, status: int = 200) -> Iterator[str]:
    """Serve octets at a URL of plain HTTP."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/ca.crl"
        finally:
            server.shutdown()
            thread.join()


def test_a_list_is_valid_by_its_cas_certificate(hearth: Hearth) -> None:
    assert "        Valid: true\n" in hearth("crl", "inspect", "--ca", "ca.pem", "ca.crl")
    shown = hearth("crl", "inspect", "--insecure", "ca.crl")
    assert "        Valid: false\n" in shown
    assert "Reason" not in shown


def test_without_a_certificate_insecure_must_be_said(hearth: Hearth) -> None:
    assert "requires the '--insecure' flag" in hearth("crl", "inspect", "ca.crl", code=1)


@pytest.mark.parametrize("form", ["pem", "der"])
def test_a_list_is_turned_into_the_other_form(form: str) -> None:
    octets = Path("ca.crl").read_bytes()
    Path("other.crl").write_text(pem.encode(crl.LABEL, octets))
    for name in ("ca.crl", "other.crl"):
        printed = io.BytesIO()
        with contextlib.redirect_stdout(io.TextIOWrapper(printed, write_through=True)):
            assert main(("crl", "inspect", "--insecure", "--format", form, name)) == 0
            expected = octets if form == "der" else Path("other.crl").read_bytes()
            assert printed.getvalue() == expected


def test_a_list_is_downloaded(hearth: Hearth) -> None:
    with served(Path("ca.crl").read_bytes()) as url:
        assert "Valid: true" in hearth("crl", "inspect", "--ca", "ca.pem", url)
        loud = url.replace("http:", "HTTP:")
        assert "Valid: true" in hearth("crl", "inspect", "--ca", "ca.pem", loud)
    with served(b"", 404) as url:
        shown = hearth("crl", "inspect", "--insecure", url, code=1)
        assert shown.startswith("error downloading crl: ")
        assert "404" in shown
    assert "error downloading crl: " in hearth("crl", "inspect", "--insecure", url, code=1)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--insecure", "password"), "error parsing crl: "),
        (("--insecure", "none.crl"), "none.crl"),
        (("--ca", "password", "ca.crl"), "password"),
        (("--ca", "none.pem", "ca.crl"), "none.pem"),
        (("--insecure", "--format", "xml", "ca.crl"), "invalid value 'xml' for flag '--format'"),
        (("--from", "leaf.crt"), "failed to get CRL distribution points from leaf.crt"),
        (("--insecure", "ca.crl", "ca.crl"), "too many positional arguments"),
    ],
)
@pytest.mark.usefixtures("hierarchy")
def test_what_is_wrong_is_told(arguments: tuple[str, ...], told: str, hearth: Hearth) -> None:
    assert told in hearth("crl", "inspect", *arguments, code=1)
