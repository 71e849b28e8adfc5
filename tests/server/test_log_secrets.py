"""Keys and tokens stay out of everything the server writes."""

from __future__ import annotations

from support import data
from support.raw import JSON, JSON_RELIABLE, connect, try_upgrade
from support.server import CLEAN_EXIT, running_process

KEY = "gexbot_custom_SECRETkey0123456789"
SHORT_KEY = "hunter2"
SECRET = "signing-secret-only-for-tests-0123456789abcdef"


def test_neither_keys_nor_tokens_are_written() -> None:
    with running_process(log_level="debug", token_secret=SECRET) as server:
        secrets = [KEY[5:], SHORT_KEY, SECRET]
        for key in (KEY, SHORT_KEY):
            for path, headers in (
                ("/negotiate", {"Authorization": f"Bearer {key}"}),
                ("/v2/negotiate", {"Authorization": f"Basic {key}"}),
                (f"/negotiate?key={key}", {}),
            ):
                assert server.get(path, headers)[0] == 200
            assert server.get("/negotiate", {"Authorization": f"Bearer {key}", "Host": 'a"b'})[0] == 400
            assert server.get(f"/nowhere?key={key}")[0] == 404
            url = server.orderflow(key)
            secrets += url.partition("access_token=")[2].split(".")
            with connect(url, JSON_RELIABLE) as raw:
                told = raw.read_json()
                secrets.append(told.token)
                raw.join("blue_NOBODY_orderflow_orderflow")  # is explained in the log
                raw.join(data.group("SPX"), 2)
                raw.read_kind("data")
                raw.send_text("garbage " + url)
                assert raw.read_close()[0] == 1007
                raw.close(1007)
                assert raw.is_gone()
            try_upgrade(f"{url}&awps_connection_id={told.id}&awps_reconnection_token={told.token}x", [JSON_RELIABLE])
            try_upgrade(f"{url}tampered", [JSON])
        assert server.stop() == CLEAN_EXIT
        written = "\n".join(server.stdout + server.stderr)
        assert "/negotiate 200" in written
        assert "NOBODY" in written
        assert len(secrets) == 3 + 2 * 4
        for secret in secrets:
            assert len(secret) > 6
            assert secret not in written
