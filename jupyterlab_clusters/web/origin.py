"""Whether a request comes from a page of this server.

Promise: a foreign page is refused even if it holds the token, unless
``allow_origin`` names it. Behind a proxy that changes the host, the page's own
requests pass: by ``Sec-Fetch-Site``, which no page can forge, or by the
proxy's ``X-Forwarded-Host``, which no foreign page can send.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

if TYPE_CHECKING:
    from jupyter_server.base.handlers import JupyterHandler

    Base = JupyterHandler
else:
    Base = object


class OwnOrigin(Base):
    """Mixed in before Jupyter's handlers, which let whoever holds the token skip this."""

    def skip_check_origin(self) -> bool:
        return bool(self.request.method == "OPTIONS")

    def check_origin(self, *origin: Any) -> bool:
        headers = self.request.headers
        sent = headers.get("Origin")
        if headers.get("Sec-Fetch-Site") == "same-origin":
            return True
        host = urlparse((sent or "").lower()).netloc
        # A sandboxed frame's origin is `null`, whose host is empty, as is a header that is not there.
        if host and host == headers.get("X-Forwarded-Host", "").lower():
            return True
        return bool(super().check_origin(*origin))
