"""The contract of places, driver by driver: a directory, a real sshd, a server that speaks S3."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from appliance.config.backup import read_place
from appliance.formats.sigv4 import S3Credentials
from appliance.model.errors import Forbidden, Unavailable
from appliance.ports.places import Place
from appliance.server.backup.keeping import open_place
from appliance.server.system import SystemClock
from appliance.upstream.directory_place import DirectoryPlace
from appliance.upstream.s3_place import S3Place
from appliance.upstream.sftp_place import SftpPlace
from tests.contracts.places import CONTENT, NAME, PlaceContract
from tests.support import sshd
from tests.support.s3 import BUCKET, CREDENTIALS, REGION, S3Server, s3_server
from tests.support.web import Pki

SERVER = "/usr/lib/openssh/sftp-server"


class TestDirectory(PlaceContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        return DirectoryPlace(tmp_path / "not" / "yet")

    async def test_what_is_made_there_only_gets_its_name(self, tmp_path: Path) -> None:
        place = DirectoryPlace(tmp_path / "place")
        workshop = place.workshop
        assert workshop == tmp_path / "place"
        file = self.made(workshop)
        number = file.stat().st_ino
        await place.put(file, NAME)
        assert (workshop / NAME).stat().st_ino == number

    async def test_files_are_for_nobody_else(self, place: Place, tmp_path: Path) -> None:
        await place.put(self.made(tmp_path), NAME)
        file = tmp_path / "not" / "yet" / NAME
        assert file.stat().st_mode & 0o077 == 0
        assert file.parent.stat().st_mode & 0o077 == 0

    async def test_a_stick_that_is_not_plugged_in_is_missed(self, tmp_path: Path) -> None:
        place = DirectoryPlace(tmp_path / "stick", mounted=True)
        for use in (place.names, lambda: place.put(self.made(tmp_path), NAME)):
            with pytest.raises(Unavailable, match="is the stick plugged in"):
                await use()
        assert not (tmp_path / "stick").exists()

    async def test_what_is_mounted_or_below_is_used(self) -> None:
        assert list(await DirectoryPlace(Path("/proc/none"), mounted=True).names()) == []

    async def test_what_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(Unavailable, match="cannot be used"):
            await DirectoryPlace(tmp_path / "file").put(self.made(tmp_path), NAME)


class Server:
    """An sshd whose host key and user's key are known."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("host", "mine", "other"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)],
                check=True,
                capture_output=True,
            )
        (folder / "authorized").write_bytes((folder / "mine.pub").read_bytes())
        self.lines = (
            f"HostKey {folder / 'host'}",
            "Subsystem sftp internal-sftp",
            "Match all",
            f"AuthorizedKeysFile {folder / 'authorized'}",
        )
        self.port = 0

    def place(self, directory: Path, *, key: str = "mine", known: bool = True) -> SftpPlace:
        hosts = self.folder / ("known" if known else "empty")
        name, kind = f"[127.0.0.1]:{self.port}", (self.folder / "host.pub").read_text()
        hosts.write_text(f"{name} {kind}" if known else "")
        return SftpPlace(
            host="127.0.0.1", user=sshd.ME, port=self.port, directory=str(directory),
            identity=self.folder / key, known_hosts=hosts,
        )  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("sshd"))
    with sshd.running(made.folder, *made.lines) as running:
        made.port = running.port
        yield made


class TestSftp(PlaceContract):
    """The contract without the time that ssh takes to log in; what is of ssh with a real sshd."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        return SftpPlace(
            host="box", directory=str(tmp_path / "there" / 'with "odd" name'),
            command=("sftp", "-D", SERVER),
        )  # fmt: skip

    async def test_over_ssh_files_are_for_nobody_else_and_none_is_half_there(
        self, server: Server, tmp_path: Path
    ) -> None:
        there = tmp_path / "there"
        place = server.place(there)
        await place.put(self.made(tmp_path), NAME)
        await place.get(NAME, tmp_path / "fetched")
        assert (tmp_path / "fetched").read_bytes() == CONTENT
        assert [each.name for each in there.iterdir()] == [NAME]
        assert (there / NAME).stat().st_mode & 0o777 == 0o600

    async def test_without_a_key_there_it_is_refused_and_nothing_asked(
        self, server: Server, tmp_path: Path
    ) -> None:
        with pytest.raises(Unavailable, match=r"sftp://.*Permission denied"):
            await server.place(tmp_path, key="other").names()

    async def test_a_host_that_is_not_known_is_not_trusted(
        self, server: Server, tmp_path: Path
    ) -> None:
        with pytest.raises(Unavailable, match="Host key verification failed"):
            await server.place(tmp_path, known=False).names()

    async def test_a_host_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        place = SftpPlace(host="127.0.0.1", port=1, directory=str(tmp_path))
        with pytest.raises(Unavailable, match=r"sftp://127\.0\.0\.1:1/.*: .*refused"):
            await place.names()

    def test_it_is_called_as_a_person_writes_it(self) -> None:
        for text in ("sftp://me@nas:2222/~/a/b", "sftp://nas/srv/a", "sftp://nas/~/"):
            place = open_place(read_place(text), {})
            assert place.description == text

    async def test_without_the_program_it_is_told_what_to_install(self) -> None:
        place = SftpPlace(host="h", command=("/nowhere/sftp",))
        with pytest.raises(Unavailable, match="install openssh-client"):
            await place.names()


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki.generate()


@pytest.fixture(scope="module")
def bucket(pki: Pki) -> Iterator[S3Server]:
    with s3_server(pki) as running:
        yield running


class TestS3(PlaceContract):
    @pytest.fixture
    def place(self, bucket: S3Server, pki: Pki) -> Place:
        return self.of(bucket, [pki.root.der])

    @staticmethod
    def of(
        bucket: S3Server, trusted: list[bytes], credentials: S3Credentials = CREDENTIALS
    ) -> S3Place:
        bucket.failing = 0
        return S3Place(
            bucket=BUCKET, prefix=f"of the house/{uuid4()}", region=REGION,
            endpoint=bucket.endpoint, credentials=credentials, now=SystemClock().now,
            authorities=trusted,
        )  # fmt: skip

    async def test_a_wrong_key_is_told_apart(self, bucket: S3Server, pki: Pki) -> None:
        wrong = S3Credentials(key_id=CREDENTIALS.key_id, secret="wrong")
        with pytest.raises(Forbidden, match="SignatureDoesNotMatch: the access key") as refused:
            await self.of(bucket, [pki.root.der], wrong).names()
        assert "wrong" not in str(refused.value).replace("clock is wrong", "")

    async def test_a_server_that_nobody_vouches_for_is_told_nothing(self, bucket: S3Server) -> None:
        asked = len(bucket.asked)
        with pytest.raises(Unavailable, match="s3://backups/"):
            await self.of(bucket, []).names()
        assert len(bucket.asked) == asked

    async def test_what_the_server_says_of_a_failure_is_told(
        self, bucket: S3Server, pki: Pki
    ) -> None:
        place = self.of(bucket, [pki.root.der])
        bucket.failing = 503
        with pytest.raises(Unavailable, match="SlowDown"):
            await place.names()

    async def test_amazons_own_names_are_those_of_the_bucket(self) -> None:
        place = S3Place(
            bucket="b", prefix="", region="eu-west-1", endpoint="", credentials=CREDENTIALS,
            now=lambda: datetime(2026, 3, 1, tzinfo=UTC),
        )  # fmt: skip
        assert place.description == "s3://b/"
        assert place.workshop is None
