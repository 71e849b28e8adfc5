"""What the bot does on a normal day and on bad ones. ``gexfaker`` is a fixture of the pytest plug-in."""

import threading

import pytest

from bot import Bot, Refused

GROUP = "SPX_classic_gex_zero"


@pytest.fixture
def crossings():
    return []


@pytest.fixture
def bot(gexfaker, crossings):
    """A bot that runs beside the test."""
    made = Bot(gexfaker.url, gexfaker.key, GROUP, crossings.append)
    thread = threading.Thread(target=made.run)
    thread.start()
    yield made
    made.stop = True
    thread.join()


def test_it_joins_its_group_and_no_other(bot, gexfaker):
    gexfaker.wait_for("deliver")
    gexfaker.verify({"is": "joined_exactly", "groups": [GROUP]}, {"is": "negotiated_at_most", "times": 1})


@pytest.mark.gexfaker(speed=20)
def test_it_acknowledges_everything(bot, gexfaker):
    gexfaker.wait_for("deliver")
    gexfaker.pause()
    gexfaker.verify("acknowledged_everything", within=2)


@pytest.mark.gexfaker(speed=20)
def test_it_takes_a_broken_connection_back(bot, gexfaker):
    gexfaker.wait_for("deliver")
    gexfaker.set_faults({"type": "reset_peer", "on": {"hub": "*"}, "count": 1})
    gexfaker.wait_for("recover")
    gexfaker.verify("recovered", {"is": "reconnected_within", "seconds": 2}, {"is": "negotiated_at_most", "times": 1})


@pytest.mark.gexfaker(speed=20)
def test_it_begins_anew_when_the_service_has_forgotten_it(bot, gexfaker):
    gexfaker.wait_for("deliver")
    gexfaker.set_faults({"type": "refuse_recovery", "count": 1}, {"type": "reset_peer", "on": {"hub": "*"}, "count": 1})
    gexfaker.wait_for("joinGroup", count=2)
    gexfaker.verify({"type": "negotiate", "exactly": 2})


@pytest.mark.gexfaker(
    faults=[{"type": "status", "attributes": {"code": 429, "headers": {"Retry-After": "1"}}, "count": 1}]
)
def test_it_waits_as_long_as_it_is_told(bot, gexfaker):
    gexfaker.wait_for("connect")
    gexfaker.verify({"is": "polled_no_faster_than", "seconds": 1})


@pytest.mark.gexfaker(faults=[{"type": "status", "attributes": {"code": 401}}])
def test_it_stops_when_its_key_is_refused(gexfaker):
    with pytest.raises(Refused):
        Bot(gexfaker.url, gexfaker.key, GROUP, print).run()
    gexfaker.verify("stopped_after")


@pytest.mark.gexfaker(speed=20, faults=[{"type": "corrupt", "toxicity": 0.5}, {"type": "duplicate", "toxicity": 0.5}])
def test_it_survives_broken_messages(bot, gexfaker):
    gexfaker.wait_for("fault", count=10)
    gexfaker.verify({"type": "close", "exactly": 0})


@pytest.mark.gexfaker(paused=True)
def test_it_tells_when_the_price_crosses_zero_gamma(bot, gexfaker, crossings):
    gexfaker.wait_for("deliver")
    record = {**RECORD, "zero_gamma": 7000}
    for spot in (7001, 6999, 6998, 7002):
        assert gexfaker.send(GROUP, {**record, "spot": spot}) == 1
    gexfaker.verify("acknowledged_everything", within=2)
    assert [crossing["spot"] for crossing in crossings][-2:] == [6999, 7002]


RECORD = {
    "timestamp": 1784295002,
    "ticker": "SPX",
    "min_dte": 0,
    "sec_min_dte": 1,
    "major_pos_vol": 7000,
    "major_pos_oi": 7050,
    "major_neg_vol": 6950,
    "major_neg_oi": 6900,
    "strikes": [],
    "sum_gex_vol": 1,
    "sum_gex_oi": 1,
    "delta_risk_reversal": 0,
    "max_priors": [],
}
