// The official client on the POST/PATCH flow, where the server joins: there is no way to join here at all.
//   node negotiated.mjs BASE_URL KEY [HOST:PORT]     the last: where the hubs are reached instead (a proxy)
// Lines of JSON on stdin: {"do":"post","groups":[...]}, {"do":"patch","groups":[{"hub":...,"group":...},...]},
// {"do":"connect","hub":...}, {"do":"mark","hub":...}. Every client asks for its URL again when it has to reconnect
// from the start, and gets the one of the latest POST. A mark is a question of which the answer comes in its turn.
import { createInterface } from "node:readline";
import { WebPubSubClient } from "@azure/web-pubsub-client";

const [base, key, via] = process.argv.slice(2);
const say = (event, values = {}) => process.stdout.write(JSON.stringify({ event, ...values }) + "\n");
const clients = new Map();
let urls = {};

async function negotiate(method, groups) {
  const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
  const answer = await fetch(`${base}/v2/negotiate`, { method, headers, body: JSON.stringify({ groups }) });
  const body = await answer.json();
  urls = body.websocket_urls ?? urls;
  say("reply", { method, status: answer.status, body });
}

function make(hub) {
  const getClientAccessUrl = async () => (via ? urls[hub].replace(/\/\/[^/]+/, `//${via}`) : urls[hub]);
  const client = new WebPubSubClient({ getClientAccessUrl }, { messageRetryOptions: { maxRetries: 0 } });
  client.on("connected", (e) => say("connected", { hub, connection: e.connectionId }));
  client.on("disconnected", (e) => {
    say("disconnected", { hub, connection: e.connectionId, message: e.message?.message ?? null });
  });
  client.on("group-message", ({ message }) => {
    const data = Buffer.from(message.data).toString("base64");
    say("message", { hub, group: message.group, sequence: message.sequenceId, type: message.dataType, data });
  });
  clients.set(hub, client);
  return client;
}

const operations = {
  post: ({ groups }) => negotiate("POST", groups),
  patch: ({ groups }) => negotiate("PATCH", groups),
  connect: ({ hub }) => make(hub).start(),
  // Nobody handles events, so the answer is an error; that it comes is what counts.
  mark: async ({ hub }) => {
    const answered = await clients.get(hub).sendEvent("mark", "", "text").catch((error) => error);
    say("marked", { hub, answer: answered.errorDetail?.name ?? String(answered) });
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  await operations[command.do](command);
}
clients.forEach((client) => client.stop());
await new Promise((resolve) => setTimeout(resolve, 100)); // the close frames
process.exit(0); // the clients' keep-alive timers would hold the process for another 40 s
