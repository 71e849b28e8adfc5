"""All routes but the data routes, which are found by their parts (``rest.routes``)."""

from __future__ import annotations

from typing import Final

from gexfaker.server.routes import (
    bringing,
    control,
    documents,
    earlier,
    faults,
    history,
    journal,
    loading,
    market,
    metrics,
    negotiate,
    protofiles,
    sending,
    state,
    studio,
    sync,
    tradingview,
)

ENDPOINTS: Final = (
    *negotiate.ENDPOINTS,
    *history.ENDPOINTS,
    *tradingview.ENDPOINTS,
    *control.ENDPOINTS,
    *faults.ENDPOINTS,
    *journal.ENDPOINTS,
    *sending.ENDPOINTS,
    *studio.ENDPOINTS,
    *bringing.ENDPOINTS,
    *sync.ENDPOINTS,
    *earlier.ENDPOINTS,
    *loading.ENDPOINTS,
    *market.ENDPOINTS,
    *state.ENDPOINTS,
    *metrics.ENDPOINTS,
    *documents.ENDPOINTS,
    *protofiles.ENDPOINTS,
)
"""Every operation with its handler."""

OPERATIONS: Final = tuple(endpoint.operation for endpoint in ENDPOINTS)
"""The operations alone, for the contract and the documentation."""
