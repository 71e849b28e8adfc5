"""A client of the feed with Azure's Python SDK, as many are written: negotiate, join, print.

pip install azure-messaging-webpubsubclient httpx
GEXFAKER_URL=http://127.0.0.1:8080 GEXFAKER_KEY=demo python azure_python.py
"""

import os
import threading
import time

import httpx
from azure.messaging.webpubsubclient import WebPubSubClient, WebPubSubClientCredential
from azure.messaging.webpubsubclient.models import CallbackType

URL, KEY = os.environ["GEXFAKER_URL"], os.environ["GEXFAKER_KEY"]
HUB, GROUP = "classic", "blue_SPX_classic_gex_zero"


def negotiate() -> str:
    """The address of the hub; asked for again with growing pauses, as long as it may still come."""
    pause = 0.5
    while True:
        try:
            answer = httpx.get(f"{URL}/negotiate", headers={"Authorization": f"Bearer {KEY}"}, timeout=10)
            if answer.status_code in (401, 403):
                raise SystemExit(f"the key is refused: {answer.text}")
            answer.raise_for_status()
            return str(answer.json()["websocket_urls"][HUB])
        except httpx.HTTPStatusError as problem:
            pause = max(pause, float(problem.response.headers.get("Retry-After", 0)))
        except (httpx.HTTPError, ValueError, KeyError):
            pass
        time.sleep(pause)
        pause = min(pause * 2, 30)


def main() -> None:
    client = WebPubSubClient(WebPubSubClientCredential(negotiate))
    client.subscribe(CallbackType.GROUP_MESSAGE, lambda message: print(message.group, message.sequence_id, flush=True))
    with client:
        client.join_group(GROUP)
        threading.Event().wait()


if __name__ == "__main__":
    main()
