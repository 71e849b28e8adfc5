"""Where a server is put into its cluster. The engine's library is loaded here, and only for a server in a cluster."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from gexfaker.server.cluster.demands import check
from gexfaker.settings import Settings

if TYPE_CHECKING:
    from gexfaker.server.service import Service


def introduced(settings: Settings) -> Settings:
    """The settings of a server with what its cluster has decided. Raises SettingError: it cannot be in this cluster."""
    if settings.cluster is None:
        return settings
    check(settings)
    from gexfaker.server.cluster.introduction import introduce

    return introduce(settings, lambda: secrets.token_hex(32))


def join(service: Service) -> None:
    """Put a server whose settings are ``introduced`` into its cluster."""
    settings = service.settings
    if settings.cluster is not None:
        from gexfaker.server.cluster.cluster import Cluster
        from gexfaker.server.cluster.engine import Engine

        service.cluster = Cluster(service, Engine(settings.cluster, settings.cluster_prefix), secrets.token_hex(4))
