"""A service with a clock of our own and a day whose records have the values of real answers; asked without sockets."""

from __future__ import annotations

import asyncio
import json
import weakref
from pathlib import Path
from typing import Any, NamedTuple

from gexfaker.server.http.app import create_app
from gexfaker.server.service import Service
from gexfaker.settings import load

DATE = "2026-07-17"
OPEN = 1_784_295_000
"""09:30:00 in New York on DATE."""

KEY = {"Authorization": "Bearer gexbot_custom_1"}
GREEKS = ("delta", "gamma", "vanna", "charm")

GEX = (
    '{"timestamp":1777492800,"ticker":"SPX","min_dte":0,"sec_min_dte":1,"spot":7138.55,"zero_gamma":7112.95,'
    '"major_pos_vol":7135,"major_pos_oi":7200,"major_neg_vol":7100,"major_neg_oi":6900,"strikes":[[6890,-228.01,-86.9,'
    "[-240.55,-243.15,-245.22,-221.27,-220.12]],[6895,-48.47,69.76,[-49.05,-46.76,-45.55,-45.53,-42.97]],"
    '[7380,44.16,75.99,[0,47.7,47.3,0,40.55]],[7385,5.5,14.27,[0,0,0,0,0]]],"sum_gex_vol":1712585.519,'
    '"sum_gex_oi":51521.105,"delta_risk_reversal":0.118,"max_priors":[[7140,170979.742],[7135,1145886.722],'
    "[7135,997473.336],[7135,1106210.715],[7135,1128504.809],[7135,1131150.488]]}"
)
STATE_GEX = (
    '{"timestamp":1753283591,"ticker":"SPX","min_dte":0,"sec_min_dte":1,"spot":6326.45,"zero_gamma":0,'
    '"major_pos_vol":6345,"major_pos_oi":0,"major_neg_vol":6280.08,"major_neg_oi":0,"strikes":[[6110,-0.09,0,'
    '[-0.09,-0.09,-0.17,-0.17,-0.22]],[6115,-0.01,0,[-0.01,-0.01,-0.01,-0.01,0]]],"sum_gex_vol":-597.68386,'
    '"sum_gex_oi":0,"delta_risk_reversal":0,"max_priors":[[6340,-29.431],[6335,97.079]]}'
)
GREEK = (
    '{"timestamp":1753283592,"ticker":"SPX","spot":6326.27,"min_dte":0,"sec_min_dte":1,"major_positive":6345,'
    '"major_negative":6280.08,"major_long_gamma":6329.46,"major_short_gamma":6335.55,"mini_contracts":'
    "[[6510,0.426,0,0,[0,0,0],null,null],[6310,0.126,0.137,52.36,[51.41,57.72,30.76],null,null]]}"
)
MAJORS = (
    '{"timestamp":1753283591,"ticker":"SPX","spot":6326.45,"mpos_vol":6339.92,"mpos_oi":6400,"mneg_vol":6300,'
    '"mneg_oi":6200,"zero_gamma":6323.39,"net_gex_vol":41199.07077,"net_gex_oi":57505.37699}'
)
MAJORS_RECORD = (
    '{"timestamp":1753283591,"ticker":"SPX","min_dte":0,"sec_min_dte":1,"spot":6326.45,"zero_gamma":6323.39,'
    '"major_pos_vol":6339.92,"major_pos_oi":6400,"major_neg_vol":6300,"major_neg_oi":6200,"strikes":[],'
    '"sum_gex_vol":41199.07077,"sum_gex_oi":57505.37699,"delta_risk_reversal":0,"max_priors":[]}'
)
MAXCHANGE = (
    '{"timestamp":1753283592,"ticker":"SPX","current":[6340,-32.156],"one":[6335,85.319],"five":[6330,-236.029],'
    '"ten":[6325,409.361],"fifteen":[6340,-795.71],"thirty":[6340,-337.716]}'
)
MAXCHANGE_RECORD = (
    '{"timestamp":1753283592,"ticker":"SPX","min_dte":0,"sec_min_dte":1,"spot":6326.45,"zero_gamma":0,'
    '"major_pos_vol":6345,"major_pos_oi":0,"major_neg_vol":6280.08,"major_neg_oi":0,"strikes":[],"sum_gex_vol":-597.6,'
    '"sum_gex_oi":0,"delta_risk_reversal":0,"max_priors":[[6340,-32.156],[6335,85.319],[6330,-236.029],'
    "[6325,409.361],[6340,-795.71],[6340,-337.716]]}"
)
FLOW_NAMES = (
    "spot z_mlgamma z_msgamma o_mlgamma o_msgamma zero_mcall zero_mput one_mcall one_mput zcvr ocvr zgr ogr zvanna "
    "ovanna zcharm ocharm agg_dex one_agg_dex agg_call_dex one_agg_call_dex agg_put_dex one_agg_put_dex net_dex "
    "one_net_dex net_call_dex one_net_call_dex net_put_dex one_net_put_dex dexoflow gexoflow cvroflow one_dexoflow "
    "one_gexoflow one_cvroflow"
).split()


def flow(timestamp: int = 1_786_714_205, ticker: str = "SPX", spot: float = 7805.29) -> str:
    """An orderflow record of 37 keys."""
    values = {"timestamp": timestamp, "ticker": ticker, **{name: n - 17.25 for n, name in enumerate(FLOW_NAMES)}}
    values |= {"spot": spot, "z_mlgamma": 7759.64, "z_msgamma": 7535, "agg_dex": -51.68, "net_dex": 0}
    return json.dumps(values, separators=(",", ":"))


def at(record: str, timestamp: int, ticker: str = "SPX") -> str:
    """The record with another time and ticker."""
    row = json.loads(record)
    return json.dumps(row | {"timestamp": timestamp, "ticker": ticker}, separators=(",", ":"))


def write(root: Path, feed: str, *lines: str, date: str = DATE) -> None:
    """A tape: ``feed`` is TICKER/package/category."""
    file = root / date / f"{feed}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def write_all(root: Path, ticker: str = "SPX", count: int = 3) -> Path:
    """All fifteen feeds of a ticker, ``count`` records each from a second after the open."""
    feeds = {f"{package}/gex_{end}": GEX for package in ("classic", "state") for end in ("full", "zero", "one")}
    feeds |= {f"state/{greek}_{end}": GREEK for greek in GREEKS for end in ("zero", "one")}
    feeds["orderflow/orderflow"] = flow()
    for number, (feed, record) in enumerate(sorted(feeds.items())):
        # the spot tells the feeds apart
        lines = [json.loads(at(record, OPEN + 1 + n, ticker)) | {"spot": 7000 + number} for n in range(count)]
        write(root, f"{ticker}/{feed}", *(json.dumps(line, separators=(",", ":")) for line in lines))
    return root


class Reply(NamedTuple):
    """Status, headers and body of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes


def ask(app: Any, path: str, headers: dict[str, str], method: str = "GET") -> Reply:
    """The answer of an ASGI application to a request with exactly these headers."""
    path, _, query = path.partition("?")
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": raw}
    scope |= {"scheme": "http", "server": ("test", 80), "root_path": "", "http_version": "1.1"}
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Reply(sent[0]["status"], found, b"".join(part.get("body", b"") for part in sent[1:]))


class World:
    """A service on a data folder, with a clock of our own; ``now`` is real time."""

    def __init__(self, root: Path, **settings: str) -> None:
        self.root = root
        self.now = 1_900_000_000.0
        flags = {"DATA_DIR": str(root)} | {name.upper(): value for name, value in settings.items()}
        itself = weakref.ref(self)  # or the service would keep its world, and both their files
        self.service = Service(load(flags, {}), lambda: itself().now)  # type: ignore[union-attr]
        weakref.finalize(self, self.service.close)
        self.app = create_app(self.service)

    def ask(self, path: str, method: str = "GET", **headers: str) -> Reply:
        """The answer to a request with these headers (underscores for dashes) and no other."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(self.app, path, named, method)

    def get(self, path: str, key: str | None = "demo") -> tuple[int, bytes]:
        """Status and body of a GET."""
        authorization = {"authorization": f"Bearer {key}"} if key else {}
        reply = self.ask(path, user_agent="tests", **authorization)
        return reply.status, reply.body

    def ok(self, path: str, key: str = "demo") -> Any:
        """The decoded body of a GET that succeeds."""
        status, body = self.get(path, key)
        assert status == 200, body
        return json.loads(body)

    def second(self, path: str, key: str = "demo") -> int:
        """Which second after the open the record is of."""
        stamp: int = self.ok(path, key)["timestamp"]
        return stamp - OPEN
