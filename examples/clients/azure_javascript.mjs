// A client of the feed with Azure's JavaScript SDK, as many are written: negotiate, join, print.
//   npm install @azure/web-pubsub-client
//   GEXFAKER_URL=http://127.0.0.1:8080 GEXFAKER_KEY=demo node azure_javascript.mjs
import { WebPubSubClient } from "@azure/web-pubsub-client";

const { GEXFAKER_URL: url, GEXFAKER_KEY: key } = process.env;
const hub = "classic";
const group = "blue_SPX_classic_gex_zero";
const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

// The address of the hub; asked for again with growing pauses, as long as it may still come.
async function negotiate() {
  for (let pause = 0.5; ; pause = Math.min(pause * 2, 30)) {
    let wait = pause;
    try {
      const answer = await fetch(`${url}/negotiate`, { headers: { Authorization: `Bearer ${key}` } });
      if (answer.status === 401 || answer.status === 403) {
        console.error(`the key is refused: ${await answer.text()}`);
        process.exit(1);
      }
      if (answer.ok) return (await answer.json()).websocket_urls[hub];
      wait = Math.max(pause, Number(answer.headers.get("Retry-After") ?? 0));
    } catch {
      // no answer, or none that can be read: again, later
    }
    await sleep(wait);
  }
}

const client = new WebPubSubClient({ getClientAccessUrl: negotiate });
client.on("group-message", ({ message }) => console.log(message.group, message.sequenceId));
await client.start();
await client.joinGroup(group);
