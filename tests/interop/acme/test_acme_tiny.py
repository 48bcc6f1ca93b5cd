"""acme-tiny issues and renews; it cannot revoke."""

from pathlib import Path

from tests.support.acme_house import DOMAIN, House, present


def test_acme_tiny(house: House, tmp_path: Path) -> None:
    name = f"tiny.{DOMAIN}"
    house.run("openssl", "genrsa", "-out", "account.key", "2048", cwd=tmp_path)
    house.run(
        "openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "key",
        "-out", "csr", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
        cwd=tmp_path,
    )  # fmt: skip
    serials = set()
    with house.serving_files() as challenges:
        for _ in range(2):
            said = house.run(
                present("acme-tiny"), "--quiet", "--account-key", "account.key", "--csr", "csr",
                "--acme-dir", challenges, "--directory-url", house.url(), "--disable-check",
                "--contact", "mailto:anna@home.example", cwd=tmp_path,
            )  # fmt: skip
            file = tmp_path / "chain"
            file.write_text(said)
            serials.add(house.take(file, name).serial_number)
    assert len(serials) == 2
