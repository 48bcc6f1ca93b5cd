"""dehydrated issues by each kind of challenge, renews and revokes."""

from pathlib import Path

import pytest

from tests.support.acme_house import DOMAIN, House, present, script

HOOK = """
case "$1 $CHALLENGETYPE" in
    "deploy_challenge dns-01") echo "$4" >>"$ZONE/_acme-challenge.$2" ;;
    "deploy_challenge tls-alpn-01")
        openssl s_server -quiet -accept "127.0.0.1:$TLS_PORT" -alpn acme-tls/1 \\
            -cert "alpn/$2.crt.pem" -key "alpn/$2.key.pem" </dev/null >server.log 2>&1 &
        echo $! >server.pid
        until openssl s_client -connect "127.0.0.1:$TLS_PORT" </dev/null >/dev/null 2>&1; do
            sleep 0.05
        done ;;
    "clean_challenge tls-alpn-01") kill "$(cat server.pid)" ;;
esac
"""


@pytest.mark.parametrize("challenge", ["http-01", "tls-alpn-01", "dns-01"])
def test_dehydrated(house: House, tmp_path: Path, challenge: str) -> None:
    name = f"dehydrated-{challenge}.{DOMAIN}"
    names = [name, f"*.{name}"] if challenge == "dns-01" else [name]
    settings = {
        "CA": house.url(),
        "BASEDIR": str(tmp_path),
        "ALPNCERTDIR": str(tmp_path / "alpn"),
        "WELLKNOWN": str(house.web_root / ".well-known" / "acme-challenge"),
        "CURL_OPTS": f"--cacert {house.root}",
        "KEY_ALGO": "secp384r1",
        "KEYSIZE": "2048",
        "CHALLENGETYPE": challenge,
        "HOOK": str(script(tmp_path / "hook", HOOK)),
        "HOOK_CHAIN": "no",
    }
    config = tmp_path / "config"
    config.write_text("".join(f'{name}="{text}"\n' for name, text in settings.items()))

    def dehydrated(*words: str | Path) -> str:
        return house.run(
            present("dehydrated"), "--config", config, *words, cwd=tmp_path,
            more={"CHALLENGETYPE": challenge, "TLS_PORT": str(house.tls_port)},
        )  # fmt: skip

    dehydrated("--register", "--accept-terms")
    order = ["--cron", "--domain", " ".join(names), "--alias", "here"]
    file = tmp_path / "certs" / "here" / "fullchain.pem"
    with house.serving_files():
        dehydrated(*order)
        first = house.take(file, *names)
        if challenge != "http-01":
            return
        dehydrated(*order, "--force")
    second = house.take(file, *names)
    assert second.serial_number != first.serial_number
    dehydrated("--revoke", tmp_path / "certs" / "here" / "cert.pem")
    assert house.revoked(second)
