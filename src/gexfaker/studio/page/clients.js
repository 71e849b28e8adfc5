// Who is connected: all keys, and of the one that is chosen its connections, groups, quota, and where each feed is.

import { address, go, sessionPath, sessionQuery, whose } from "./address.js";
import { act, ask, attempt, notice } from "./api.js";
import { button, command, h, row, show, table } from "./dom.js";
import { bytes, number } from "./format.js";
import { recordView } from "./record.js";

export class Clients {
  constructor(about) { this.about = about; }

  open(place) {
    this.record = h("div", { id: "record" });
    this.rates = new Map(); // by session and by connection: what was sent, and when
    this.list = h("div");
    this.detail = h("div");
    place.replaceChildren(
      h("section", { class: "panel wide" }, h("h2", {}, "Keys"), this.list),
      h("section", { class: "panel wide" }, h("h2", {}, "The key that is shown"), this.detail, this.record));
    if (this.state) this.told(this.state);
  }

  close() {}

  told(state) {
    this.state = state;
    if (!this.list?.isConnected) return;
    const rows = state.sessions.map((one) => this.line(one, state.now));
    const more = state.server.sessions - state.sessions.length;
    show(this.list, state.sessions.length ? [table("Keys", ["key", "tier", "day", "market time", "speed", "connections",
      "messages", "messages/s"], rows), more > 0 ? h("p", { class: "soft" }, `and ${number(more)} more`) : ""]
      : h("p", { class: "soft" }, "No key has been used yet. Point your client here: the first page says how."),
    JSON.stringify(state.sessions));
    show(this.detail, this.details(state.session), JSON.stringify(state.session) + JSON.stringify(this.speeds(state)));
  }

  line(one, now) {
    const rate = this.rate(one.session, one.messages_sent, now);
    const isShown = one.session === this.state.session?.session && !address.key.startsWith("key-");
    const pick = button(isShown ? address.key : one.name ?? one.session, () => go({ key: one.session }), { class: "link", id: `pick-${one.session}` });
    const moves = one.paused ? "paused" : one.over ? "over" : one.speed === null ? "–" : `× ${one.speed}`;
    return h("tr", { class: one.session === this.state.session?.session ? "chosen" : "" }, [pick, one.tier, one.day ?? "–",
      one.shown?.slice(11) ?? "–", moves, number(one.connections), number(one.messages_sent), number(rate, 1)]
      .map((cell) => h("td", {}, cell)));
  }

  // Messages a second since the event before.
  rate(name, sent, now) {
    const before = this.rates.get(name);
    if (before && before.now === now) return before.rate;
    const rate = before ? Math.max(0, sent - before.sent) / Math.max(now - before.now, 0.1) : 0;
    this.rates.set(name, { sent, now, rate });
    return rate;
  }

  // The rates of the connections of the key that is shown.
  speeds({ session, now }) {
    return (session?.connections ?? []).map((one) => this.rate(one.connection, one.line?.sent ?? 0, now));
  }

  details(session) {
    if (!session) return h("p", { class: "soft" }, `Nothing is known of ${address.key} yet.`);
    const playback = session.playback;
    const quota = session.quota.map((one) => `${one.allowance}: ${one.used} used, anew in ${number(one.resets_in, 0)} s`);
    return [
      h("p", {}, h("b", {}, session.name ?? (address.key === session.session ? "a key" : address.key)), ` (${session.session}), tier ${session.tier}, `,
        quota.length ? quota.join("; ") : "no quota",
        session.memberships ? `, negotiated ${memberships(session.memberships)}` : ""),
      h("div", { class: "buttons" },
        button(playback?.paused ? "Play" : "Pause", () => act(playback?.paused ? "resume" : "pause"), { id: "client-pause" }),
        button("Close connections", () => this.end(), { id: "client-close", class: "danger",
          title: "As when the service ends them: code 1000, once" }),
        button("Kick", () => this.kick(), { id: "client-kick", class: "danger",
          title: "As when the key negotiates elsewhere: its connections are closed with the next message" }),
        button("Reset", () => act("reset"), { id: "client-reset", class: "danger",
          title: "As if the key had never been used: first day, open, settings of the server" })),
      session.connections.length ? table("Connections", ["hub", "address", "subprotocol", "state", "messages", "messages/s",
        "not acknowledged", "queued", "lag", "groups"], session.connections.map((one) => this.connection(one)))
        : h("p", { class: "soft" }, "It has no connection."),
      playback ? [h("h3", {}, "Where each feed is"), table("Positions", ["feed", "record"],
        Object.entries(playback.positions).map(([group, index]) => row(group, button(number(index), () => this.look(group), {
          class: "link", id: `look-${group}`, title: "This record as JSON, fields and bytes" }))))] : "",
      command(`gexfaker ctl show --session ${session.session}`),
    ].flat();
  }

  connection(one) {
    const groups = one.groups.map((group) => h("li", { class: group.silent ? "silent" : "" }, group.group,
      group.silent ? h("span", {}, `: ${group.silent}`) : group.served_from ? ` (from ${group.served_from})` : ""));
    const { line } = one, rate = this.rates.get(one.connection)?.rate ?? 0;
    const behind = one.unacknowledged + (line?.waiting ?? 0);
    return row(one.hub, line?.address ?? "–", one.subprotocol || "none", one.watches ? "the studio, watching" : one.state,
      number(line?.sent ?? NaN), number(rate, 1), number(one.unacknowledged),
      line?.waiting_bytes ? `${number(line.waiting)} messages, ${bytes(line.waiting_bytes)}` : "0",
      behind && rate > 0 ? `${number(behind / rate, 1)} s` : behind ? `${number(behind)} messages` : "0 s", groups.length ? h("ul", {}, groups) : "none joined");
  }

  // The record where a feed is, without moving the key.
  look(group) {
    attempt(async () => {
      const found = await ask(`_gexfaker/studio/record?${whose()}&group=${group}`);
      this.record.replaceChildren(...recordView(found, this.about));
    });
  }

  end() {
    attempt(async () => {
      const { closed } = await ask(sessionPath() + sessionQuery(), { method: "DELETE" });
      notice(`${closed} connections closed`);
    });
  }

  kick() {
    const rule = { name: "kick-once", type: "kick", count: 1 };
    attempt(async () => {
      await ask(`_gexfaker/faults?${whose()}`, { method: "POST", body: rule });
      notice("The next message of a connection ends it, as a negotiation elsewhere does.");
    });
  }
}

const memberships = (counts) => Object.entries(counts).map(([hub, count]) => `${count} on ${hub}`).join(", ") || "nothing";
