// A watching connection to the real-time feed: it joins the groups that are shown, and nothing of what clients do ends.
// Of several messages of a group between two pictures only the newest is decoded; how many were passed over is said.

import { ask } from "./api.js";
import { whose } from "./address.js";
import { bytesOf, open } from "./decode.js";

const DRAW_MS = 100; // nobody reads numbers that change faster, and the page stays fluent
const RETRY_MS = [500, 1000, 2000, 5000];

export class Feed {
  constructor(about, heard) {
    this.about = about;
    this.heard = heard;       // called with a map from groups to {record}, or {problem}
    this.sockets = new Map(); // by hub
    this.wanted = new Set();
    this.newest = new Map();
    this.counts = { received: 0, shown: 0 };
    this.generation = 0;
    this.frame = 0;
  }

  // The groups that are shown from now on.
  want(groups) {
    const next = new Set(groups);
    for (const group of this.wanted) if (!next.has(group)) this.say(group, "leaveGroup");
    for (const group of next) if (!this.wanted.has(group)) this.say(group, "joinGroup");
    this.wanted = next;
    for (const group of this.newest.keys()) if (!next.has(group)) this.newest.delete(group);
    this.connect();
  }

  // Another key: all connections are made anew.
  restart() {
    this.close();
    this.connect();
  }

  close() {
    this.generation += 1;
    for (const socket of this.sockets.values()) socket.close();
    this.sockets.clear();
    this.newest.clear();
  }

  hubOf(group) {
    const suffix = Object.keys(this.about.hubs).find((one) => group.endsWith(`_${one}`));
    return this.about.hubs[suffix];
  }

  async connect(attempt = 0) {
    const generation = this.generation;
    const missing = new Set([...this.wanted].map((group) => this.hubOf(group)).filter((hub) => !this.sockets.has(hub)));
    if (!missing.size) return;
    for (const hub of missing) this.sockets.set(hub, { close() {}, readyState: -1 });
    try {
      const { websocket_urls: urls } = await ask(`_gexfaker/studio/watch?${whose()}`);
      if (generation !== this.generation) return;
      for (const hub of missing) if (urls[hub]) this.openHub(hub, urls[hub], attempt);
    } catch {
      for (const hub of missing) this.sockets.delete(hub);
      this.retry(generation, attempt);
    }
  }

  openHub(hub, url, attempt) {
    const generation = this.generation;
    const socket = new WebSocket(url, "json.webpubsub.azure.v1");
    this.sockets.set(hub, socket);
    socket.onopen = () => {
      attempt = 0;
      for (const group of this.wanted) if (this.hubOf(group) === hub) this.say(group, "joinGroup");
    };
    socket.onmessage = (event) => this.take(event.data);
    socket.onclose = () => {
      if (generation !== this.generation) return;
      this.sockets.delete(hub);
      this.retry(generation, attempt);
    };
  }

  retry(generation, attempt) {
    const wait = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)];
    setTimeout(() => { if (generation === this.generation) this.connect(attempt + 1); }, wait);
  }

  say(group, type) {
    const socket = this.sockets.get(this.hubOf(group));
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type, group: this.about.prefix + "_" + group }));
  }

  take(text) {
    const message = JSON.parse(text);
    if (message.type !== "message" || message.from !== "group") return;
    const group = message.group.slice(this.about.prefix.length + 1);
    if (!this.wanted.has(group)) return;
    this.counts.received += 1;
    this.newest.set(group, message.data);
    this.frame ||= setTimeout(() => this.draw(), DRAW_MS);
  }

  draw() {
    this.frame = 0;
    const found = new Map();
    for (const [group, data] of this.newest) {
      try {
        found.set(group, { record: open(bytesOf(data), this.about.wire).record });
      } catch (problem) { found.set(group, { problem: problem.message }); }
    }
    this.newest.clear();
    this.counts.shown += found.size;
    this.heard(found);
  }
}
