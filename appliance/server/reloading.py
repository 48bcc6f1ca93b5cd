"""What serves now, and how it gives way to what a new ca.json says.

Everything new is built, and proven to serve, before anything old is let go. So a configuration
that is wrong changes nothing, and a request is answered by the one or the other, never by neither.
"""

import itertools
import logging
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from ssl import SSLContext
from typing import Final

import trio

from appliance.authority.reporting import of_the_box
from appliance.config.addresses import split_address
from appliance.config.loading import load
from appliance.config.settings import Settings
from appliance.model.errors import ConfigError, HearthError
from appliance.model.ssh import CertificateType
from appliance.server import alerts, notify, providers, responding
from appliance.server.accesslog import access_log
from appliance.server.assembly import Assembly, Foundation, assemble
from appliance.server.banner import joined
from appliance.server.certificate import OwnCertificate
from appliance.server.doors import DoorName, Doors, Entrance, Listening
from appliance.server.launch import Launch
from appliance.server.output import RequestLines
from appliance.server.system import settle_collector
from appliance.server.workers.crew import Crew
from appliance.server.workers.desk import House, prompt
from appliance.server.workers.duty import Duty, der, duty_of
from appliance.server.workers.relaying import RelayedRoutes
from appliance.server.workers.tokens import KeyCupboard
from appliance.web.limits import Limits
from appliance.web.tls import TlsHolder

log = logging.getLogger(__name__)

_CONTINUING: Final = "continuing to run with the original configuration"


def configured(launch: Launch) -> Settings:
    """Read ca.json, with what the command line says instead. Raises ConfigError."""
    settings = load(launch.file)
    if not launch.address:
        return settings
    host, port = split_address(launch.address)
    return replace(settings, host=host, port=port)


class Service:
    """The configuration at work, its certificate, and the door to it."""

    def __init__(
        self,
        launch: Launch,
        foundation: Foundation,
        output: RequestLines,
        say: Callable[[str], None],
        limits: Limits,
    ) -> None:
        self._launch = launch
        self.foundation = foundation
        self._output = output
        self._say = say
        self._own = OwnCertificate(foundation.clock, foundation.chance)
        self._doors = Doors(limits)
        self._reloading = trio.Lock()
        self._crew = self._hired_crew(output, limits)
        self._duties = itertools.count(1)
        self._limits = limits
        self._assembly: Assembly
        self._holder: TlsHolder
        self._doorway: trio.Nursery  # what serves connections

    @property
    def assembly(self) -> Assembly:
        """The configuration at work."""
        return self._assembly

    @property
    def crew(self) -> Crew:
        """The worker processes."""
        return self._crew

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Host and port of each listener for TLS."""
        return self._doors.addresses(DoorName.MAIN)

    @property
    def own_certificate(self) -> bytes | None:
        """The server's own certificate (DER); None: it waits for its token."""
        return self._own.certificate

    def settings(self) -> Settings:
        """Give the configuration at work."""
        return self._assembly.settings

    async def prepare(self, settings: Settings) -> None:
        """Build the first configuration. Raises ConfigError, Unavailable, Broken."""
        await self.foundation.key_tokens.prepare(settings)
        self._assembly = self._assembled(settings)
        await providers.introduce(self._assembly.registry)
        self._holder = TlsHolder(await self._certified(self._assembly))

    async def listen(self) -> Listening:
        """Listen wherever the configuration says. Raises Unavailable."""
        return await self._doors.listen(self._entrances())

    def watch(self) -> None:
        """Have alerts go by the configuration at work."""
        foundation, assembly = self.foundation, self._assembly
        foundation.alerts.configure(
            alerts.policy(assembly),
            lambda: alerts.ends(assembly, self._own.validity, foundation.lists),
        )
        foundation.alerts.courier.configure(alerts.addressees(assembly))

    async def open(self, nursery: trio.Nursery, listening: Listening) -> None:
        """Serve, as tasks of the nursery, until `close`."""
        self._doorway = nursery
        self.foundation.lists.configure(self._assembly.lists)
        self.watch()
        ssh_keys = self._assembly.ssh_keys
        self.foundation.ssh_list.configure(
            key.blob for kind in CertificateType for key in ssh_keys.roots(kind)
        )
        await self._doors.change(nursery, self._entrances(), listening)
        await self._crew.serve(nursery, self._duty())

    def close(self) -> None:
        """Take no more connections; those that are open end after their answers."""
        self._doors.close()
        self._crew.close()

    async def keep_certificate_fresh(self) -> None:
        """Renew the server's own certificate whenever it is due, until cancelled."""
        await self._own.keep_fresh(
            lambda: self._assembly,
            self._holder,
            lambda: self.foundation.key_tokens.are_ready,
            lambda: self._crew.show(self._own.shown.chain, der(self._own.shown.key)),
        )

    async def keep_responder_fresh(self) -> None:
        """Renew the OCSP responder's certificates whenever they are due, until cancelled."""
        await responding.keep_fresh(lambda: self._assembly.responder)

    async def keep_providers_known(self) -> None:
        """Ask identity providers that were silent again and again, until cancelled."""
        await providers.keep_known(lambda: self._assembly.registry, self._say)

    def announce(self) -> None:
        """Say where requests are served."""
        for name in DoorName:
            for host, port in self._doors.addresses(name):
                self._say(f"Serving {name} on {joined(host, port)} ...")

    def warn(self) -> None:
        """Say what is not as it should be."""
        for line in (*self._assembly.warnings, *self._assembly.registry.problems):
            self._say(f"warning: {line}")

    async def reload_when_asked(self, asked: trio.MemoryReceiveChannel[None]) -> None:
        """Reload for every wish, until cancelled."""
        async for _ in asked:
            try:
                await self.reload()
            except HearthError as error:
                self._say(f"error reloading: {error}; {_CONTINUING}")
            except Exception:
                log.exception("error reloading; %s", _CONTINUING)

    async def reload(self) -> None:
        """Serve what ca.json says now, once an earlier reload is over.

        Raises what is wrong with it, and then the former configuration serves on. A cancelled one
        has done nothing, or all of it.
        """
        async with self._reloading:
            notify.reloading()
            self._say("reloading ...")
            try:
                await self._reload()
            except HearthError as error:
                self.record("reload", f"{error}; {_CONTINUING}", ok=False)
                raise
            except Exception:
                self.record("reload", f"internal error; {_CONTINUING}", ok=False)
                raise
            else:
                self.record("reload", in_force(self._assembly.settings))
            finally:
                notify.ready()

    def record(self, operation: str, text: str, *, ok: bool = True) -> None:
        """Tell the journal of something that the box or its operator did."""
        foundation = self.foundation
        foundation.events.record(of_the_box(operation, text, foundation.clock.now(), ok=ok))

    async def _reload(self) -> None:
        old = self._assembly.settings
        settings = configured(self._launch)
        if settings.database != old.database:
            raise ConfigError(
                "cannot change while the server runs: stop it and start it again",
                file=str(settings.file),
                place="db",
            )
        await self.foundation.key_tokens.prepare(settings)
        assembly = self._assembled(settings)
        await providers.introduce(assembly.registry)
        assembly.registry.resume(self._assembly.registry)
        context = await self._certified(assembly)
        listening = await self._doors.listen(self._entrances(assembly))
        with trio.CancelScope(shield=True):  # from here on it is the new one that serves
            self._holder.replace(context)
            self._assembly = assembly
            await self.open(self._doorway, listening)
        self.foundation.key_tokens.forget_others(settings)
        self.warn()
        self.announce()
        settle_collector()

    async def _certified(self, assembly: Assembly) -> SSLContext:
        """Issue what a configuration answers with: its own certificate, its responder's."""
        context = await self._own.issue_or_wait(assembly)
        if assembly.responder is not None:
            await assembly.responder.renew()
        return context

    def _entrances(self, assembly: Assembly | None = None) -> list[Entrance]:
        """Say what a configuration serves where; None is the one at work."""
        assembly = assembly or self._assembly
        settings = assembly.settings
        plain = (
            (DoorName.INSECURE, settings.insecure, assembly.insecure),
            (DoorName.METRICS, settings.metrics, assembly.metrics),
        )
        return [
            Entrance(
                name=DoorName.MAIN,
                address=(settings.host, settings.port),
                application=assembly.application,
                tls=self._holder,
                share=self._crew.share,
            ),
            *(
                Entrance(name=name, address=address, application=application)
                for name, address, application in plain
                if address is not None and application is not None
            ),
        ]

    def _hired_crew(self, output: RequestLines, limits: Limits) -> Crew:
        """Give what workers work for; there may be none of them."""
        foundation = self.foundation
        house = House(
            store=prompt(foundation.store),
            events=foundation.events,
            output=output,
            keys=KeyCupboard(foundation.key_tokens, lambda: self._assembly.settings.token_keys),
            routes=RelayedRoutes(lambda: self._assembly.application.routes),
        )
        crew = Crew(house, foundation.conditions, drain=limits.drain)
        foundation.gate.tell(lambda: crew.bar(foundation.gate.bars))
        foundation.events.add(crew.families)
        return crew

    def _duty(self) -> Duty:
        return duty_of(
            self._assembly,
            self.foundation,
            self._own.shown,
            number=next(self._duties),
            network=self._launch.network,
            connections=self._limits.connections,
        )

    def _assembled(self, settings: Settings) -> Assembly:
        log_requests = access_log(settings.log_format, self.foundation.clock, self._output.later)
        return assemble(settings, self.foundation, log_requests)


def in_force(settings: Settings) -> str:
    """Say which ca.json is served: by its hash, so that a copy can be held against it."""
    try:
        digest = sha256(settings.file.read_bytes()).hexdigest()
    except OSError:
        return "ca.json is in force"
    return f"ca.json with SHA-256 {digest} is in force"
