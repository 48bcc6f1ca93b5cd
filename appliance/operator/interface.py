"""The one interface to a running appliance.

The console reaches it through `operator.bridge` in the same process, `hearth certs` and its like
through the control socket; both see the same methods and values.
"""

from collections.abc import Sequence
from typing import Protocol

from appliance.model.events import NumberedEvent
from appliance.model.inventory import CertificateDetail, CertificatePage, CertificateQuery
from appliance.model.overview import Overview


class Operator(Protocol):
    """What a person running the box can see and do. Methods run in the server's Trio thread."""

    async def overview(self) -> Overview:
        """Give the state of the appliance now."""
        ...

    async def events(self, after: int = 0) -> Sequence[NumberedEvent]:
        """Give the remembered events with a number above `after`, oldest first."""
        ...

    async def certificates(self, query: CertificateQuery) -> CertificatePage:
        """Give one page of the inventory. Raises BadRequest for a cursor that is not ours."""
        ...

    async def certificate(self, serial: int) -> CertificateDetail:
        """Give one certificate. Raises NotFound."""
        ...
