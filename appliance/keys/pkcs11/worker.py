"""The process that loads a vendor's module and answers requests until its standard input ends.

It has one thread, so the module is never called twice at once (python-pkcs11 initialises modules
without locking). What the module prints goes to standard error; answers have a descriptor of their
own. A request that takes too long is ended with the process, by an alarm that the module, even
one that never returns, cannot hold up; so a worker outlives its server by no more than that.
"""

import os
import signal
import sys
from typing import BinaryIO, Final

from appliance.keys.pkcs11.messages import LENGTH, Failure, Load, frame, read_request
from appliance.keys.pkcs11.module import Module, ModuleFailure

LONGEST: Final = 300  # seconds for one request; the server's own deadlines are shorter


def main() -> int:
    """Answer requests until there are no more."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the server decides when the end has come
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)
    sys.stderr.flush()
    os._exit(0)  # without C_Finalize, in which a module may wait for ever


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer what is asked, one after the other."""
    module: Module | None = None
    while body := _receive(requests):
        signal.alarm(LONGEST)
        request = read_request(body)
        try:
            if isinstance(request, Load):
                module = Module(request.module)
                answer = module.loaded()
            elif module is None:
                answer = Failure("failed", "no module was loaded")
            else:
                answer = module.carry_out(request)
        except ModuleFailure as failure:
            answer = Failure(failure.kind, failure.reason)
        signal.alarm(0)
        answers.write(frame(answer))


def _receive(requests: BinaryIO) -> bytes:
    length = requests.read(LENGTH)
    if len(length) < LENGTH:
        return b""
    return requests.read(int.from_bytes(length))


if __name__ == "__main__":
    sys.exit(main())
