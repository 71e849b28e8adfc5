// The official client, driven by lines on stdin; what happens to it is told in JSON lines on stdout.
//   node driver.mjs URL     URL: a client access URL, or the address of /negotiate (asked again for every connection)
// Lines: "start", "join GROUP", "leave GROUP", "stop".
import { createInterface } from "node:readline";
import { WebPubSubClient } from "@azure/web-pubsub-client";

const say = (event, values = {}) => process.stdout.write(JSON.stringify({ event, ...values }) + "\n");

const address = process.argv[2];
const credential = {
  getClientAccessUrl: async () => {
    const reply = await fetch(address, { headers: { Authorization: "Bearer javascript" } });
    return (await reply.json()).websocket_urls.orderflow;
  },
};
const client = new WebPubSubClient(address.startsWith("http") ? credential : address);

client.on("connected", (e) => say("connected", { connection: e.connectionId, user: e.userId }));
client.on("disconnected", (e) => say("disconnected", { connection: e.connectionId, message: e.message ?? null }));
const stopped = new Promise((resolve) => client.on("stopped", resolve));
client.on("stopped", () => say("stopped"));
client.on("rejoin-group-failed", (e) => say("rejoin-failed", { group: e.group }));
client.on("group-message", ({ message }) => {
  const data = Buffer.from(message.data).toString("base64");
  say("message", { group: message.group, sequence: message.sequenceId, type: message.dataType, data });
});

const operations = {
  start: () => client.start(),
  join: (group) => client.joinGroup(group),
  leave: (group) => client.leaveGroup(group),
  stop: async () => client.stop(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...rest] = line.split(" ");
  try {
    await operations[name](...rest);
    say("done", { name });
  } catch (error) {
    say("failed", { name, message: String(error) });
  }
}
client.stop();
await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, 3000))]);
process.exit(0); // the client's keep-alive timers would hold the process for another 40 s
