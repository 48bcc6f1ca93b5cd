"""Log lines never cost the CA its time, and never hold what a client could break them with."""

import json
import logging
import os
import time
from datetime import UTC, datetime
from functools import partial
from threading import Thread

import pytest

from appliance.operator.line_ring import LineRing
from appliance.server.accesslog import access_log, common_line, json_line, text_line
from appliance.server.output import DescriptorOutput, LineMaker, RequestLines, logging_to

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
FIELDS: dict[str, object] = {
    "request-id": "7a6b",
    "remote-address": "127.0.0.1",
    "name": "ca",
    "user-id": "",
    "duration": "1.5ms",
    "duration-ns": 1_500_000,
    "method": "GET",
    "path": "/health?a=b c",
    "protocol": "HTTP/1.1",
    "status": 200,
    "size": 16,
    "referer": "",
    "user-agent": 'Say "hi"\n\x1b[31m',
}


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times are in the machine's zone: make that UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def test_a_text_line_is_logrus_text() -> None:
    """As recorded from step-ca, but for its `fields.time`, which is the same as `time`."""
    assert text_line(FIELDS, NOW) == (
        'time="2030-01-02T03:04:05Z" level=info duration=1.5ms duration-ns=1500000 method=GET '
        'name=ca path="/health?a=b c" protocol=HTTP/1.1 referer= remote-address=127.0.0.1 '
        'request-id=7a6b size=16 status=200 user-agent="Say \\"hi\\"\\n\\x1b[31m" user-id='
    )


def test_values_are_written_as_go_writes_them() -> None:
    line = text_line({"sans": {"ip": ["::1"], "dns": ["a", "b"]}, "mTLS": True, "x": None}, NOW)
    assert 'sans="map[dns:[a b] ip:[::1]]"' in line
    assert "mTLS=true" in line
    assert 'x="<nil>"' in line


def test_a_json_line_is_one_object_with_sorted_names() -> None:
    line = json_line(FIELDS, NOW)
    assert "\n" not in line
    read = json.loads(line)
    assert list(read) == sorted(read)
    assert read["time"] == "2030-01-02T03:04:05Z"
    assert read["level"] == "info"
    assert read["user-agent"] == FIELDS["user-agent"]


def test_a_common_line_has_milliseconds_and_dashes_for_nothing() -> None:
    assert common_line(FIELDS, NOW) == (
        "7a6b 127.0.0.1 ca - 2030-01-02T03:04:05Z 1 "
        '"GET /health?a=b c HTTP/1.1" 200 16'
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "level"), [(200, "info"), (304, "info"), (404, "warning"), (503, "error")]
)
def test_the_level_follows_the_status(status: int, level: str) -> None:
    assert f" level={level} " in text_line(FIELDS | {"status": status}, NOW)


class Still:
    def now(self) -> datetime:
        return NOW


def test_no_format_is_no_lines() -> None:
    lines: list[LineMaker] = []
    access_log("", Still(), lines.append)(lambda: FIELDS)
    assert lines == []


def test_health_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEP_LOGGER_ONLY_TRACE_HEALTH_ENDPOINT", "true")
    lines: list[LineMaker] = []
    log = access_log("json", Still(), lines.append)
    log(lambda: FIELDS | {"path": "/health"})
    log(lambda: FIELDS | {"path": "/health", "status": 503})
    log(lambda: FIELDS | {"path": "/roots"})
    made = [each() for each in lines]
    assert made[0] is None
    assert [json.loads(each)["status"] for each in made if each] == [503, 200]


def test_lines_of_requests_are_made_when_they_are_shown_in_their_places() -> None:
    kept, ring = Kept(), LineRing(Still())
    output = RequestLines(kept, ring)
    made: list[str] = []

    def making(text: str) -> LineMaker:
        def make() -> str:
            made.append(text)
            return text

        return make

    output.later(making("first"))
    output.later(lambda: None)
    output.later(making("second"))
    assert made == []
    output.write("told meanwhile")
    assert kept.lines == ["first", "second", "told meanwhile"]
    output.later(making("third"))
    output.flush()
    assert kept.lines[3:] == ["third"]
    assert [each.text for each in ring.page().lines] == ["first", "second", "third"]


def test_a_line_that_cannot_be_made_is_told_and_costs_no_other() -> None:
    kept = Kept()
    output = RequestLines(kept)

    def broken() -> str:
        raise ValueError("why")

    with logging_to(output):
        output.later(broken)
        output.later(lambda: "the next")
        output.flush()
    assert kept.lines[0] == "the next"
    assert "the line of a request could not be made\n" in kept.lines[1]
    assert kept.lines[1].rstrip().endswith("ValueError: why")


def test_lines_of_requests_do_not_gather_without_end() -> None:
    kept = Kept()
    output = RequestLines(kept)
    for number in range(501):
        output.later(partial(str, number))
    assert len(kept.lines) == 500


def test_lines_come_out_in_order_and_whole() -> None:
    reading, writing = os.pipe()
    output = DescriptorOutput(writing)
    for number in range(500):
        output.write(f"{number} {'x' * (number * 17 % 9000)}")
        if number % 5 == 4:
            output.flush()
            seen = os.read(reading, 1 << 20).decode().splitlines()
            assert [line.split(" ")[0] for line in seen] == [
                str(each) for each in range(number - 4, number + 1)
            ]
    os.close(reading)
    os.close(writing)


def test_a_reader_that_does_not_read_costs_lines_and_no_time() -> None:
    reading, writing = os.pipe()
    output = DescriptorOutput(writing)
    for _ in range(20_000):
        output.write("x" * 100)
        output.flush()
    seen = b""
    os.set_blocking(reading, False)
    for _ in range(200):
        output.flush()
        try:
            seen += os.read(reading, 1 << 20)
        except BlockingIOError:
            break
    lines = seen.decode().splitlines()
    assert lines[-1].endswith("log lines were dropped: nobody read them")
    assert int(lines[-1].split()[0]) == 20_000 - (len(lines) - 1)
    os.close(reading)
    os.close(writing)


def test_a_terminal_with_a_little_room_costs_no_time_either() -> None:
    """A terminal takes a part of what is written and, unlike a pipe, waits with the rest."""
    theirs, ours = os.openpty()
    output = DescriptorOutput(ours)
    for number in range(500):
        output.write(f"line {number} of a terminal that nobody reads")
    flushing = Thread(target=output.flush, daemon=True)
    flushing.start()
    flushing.join(10)
    waits = flushing.is_alive()
    os.close(theirs)
    os.close(ours)
    assert not waits


def test_a_reader_that_has_gone_is_no_fault() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    output = DescriptorOutput(writing)
    output.write("nobody")
    output.flush()
    os.close(writing)


class Kept:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        self.lines.append(line)

    def flush(self) -> None:
        """Nothing waits."""


def test_what_the_program_logs_goes_out_dated_and_only_meanwhile() -> None:
    kept = Kept()
    log = logging.getLogger("appliance.test")
    with logging_to(kept) as say:
        say("Starting")
        log.info("told %d", 1)
        log.warning("careful")
        log.debug("not told")
        log.error("broken", exc_info=ValueError("why"))
    log.warning("later")
    date = f"{datetime.now(UTC):%Y/%m/%d} "
    assert all(line.startswith(date) for line in kept.lines)
    told = [line.split(" ", 2)[2] for line in kept.lines]
    assert told[:3] == ["Starting", "told 1", "warning: careful"]
    assert told[3].startswith("error: broken\nValueError: why")
    assert len(told) == 4
