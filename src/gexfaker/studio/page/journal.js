// What the clients of the key did and were told, as it happens; a delivery opened as JSON, fields and bytes.

import { address, go, whose } from "./address.js";
import { ask, attempt } from "./api.js";
import { button, choice, command, copyButton, h } from "./dom.js";
import { CURL, here, quoted } from "./format.js";
import { recordView } from "./record.js";

const NOISE = ["sequenceAck", "ack", "ping"];
const MOST_ROWS = 400;
const MOST_KEPT = 5000;

export class Journal {
  constructor(about) { this.about = about; this.entries = []; this.left_out = 0; }

  open(place) {
    this.rows = h("tbody");
    this.count = h("span", { class: "soft", role: "status" });
    this.detail = h("div", { id: "entry" }, h("p", { class: "soft" }, "Choose an entry to see all of it."));
    place.replaceChildren(
      h("section", { class: "panel wide" }, h("h2", {}, "Journal"),
        h("div", { class: "bar" },
          choice("Entries", [["", "all but acks and pings"], ["*", "all"], ...Object.keys(this.about.entries)], address.types, (types) => { go({ types }); this.draw(); }),
          h("label", { class: "choice" }, h("span", {}, "Search"), h("input", { type: "search", id: "find", value: address.find,
            oninput: (event) => { go({ find: event.target.value }); this.draw(); } })),
          button("Clear", () => this.clear(), { id: "journal-clear" }),
          this.count),
        h("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Entries" },
          this.empty = h("p", { class: "soft" }), h("table", { id: "entries" }, h("thead", {}, h("tr", {}, ["number", "local time", "type", "what"].map((text) => (
            h("th", { scope: "col" }, text))))), this.rows))),
      h("section", { class: "panel wide" }, h("h2", {}, "Entry"), this.detail));
    this.draw();
  }

  close() {}

  restart() { this.entries = []; this.left_out = 0; this.rows?.replaceChildren(); this.draw(); }

  told({ began, entries, left_out: left }) {
    if (began !== this.began) { this.began = began; this.restart(); } // another journal, or another server
    this.left_out += left;
    this.entries.push(...entries);
    if (this.entries.length > MOST_KEPT) this.entries.splice(0, this.entries.length - MOST_KEPT);
    this.draw();
  }

  clear() {
    attempt(async () => {
      await ask(`_gexfaker/journal/clear?${whose()}`, { method: "POST" });
      this.restart();
    });
  }

  meant(entry) {
    const { types, find } = address;
    const isShown = types === "*" || (types ? entry.type === types : !NOISE.includes(entry.type));
    return isShown && (!find || JSON.stringify(entry).toLowerCase().includes(find.toLowerCase()));
  }

  draw() {
    if (!this.rows?.isConnected) return;
    const meant = this.entries.filter((entry) => this.meant(entry));
    const shown = meant.slice(-MOST_ROWS).reverse();
    const known = new Map([...this.rows.children].map((one) => [one.dataset.number, one]));
    this.rows.replaceChildren(...shown.map((entry) => known.get(String(entry.number)) ?? this.line(entry)));
    this.empty.textContent = shown.length ? "" : this.entries.length ? "No entry is of that type and has that word."
      : "Nothing yet: entries come when a client of this key asks, joins, is sent something, or goes.";
    const lost = this.left_out ? `; ${this.left_out} earlier ones are not shown` : "";
    this.count.textContent = `${meant.length} entries${meant.length > MOST_ROWS ? `, the last ${MOST_ROWS} shown` : ""}${lost}`;
  }

  line(entry) {
    const pick = button(String(entry.number), () => this.pick(entry), { class: "link", "aria-label": `Entry ${entry.number}` });
    return h("tr", { "data-number": String(entry.number), "data-type": entry.type }, h("td", {}, pick),
      h("td", {}, here(entry.at)), h("td", {}, h("b", {}, entry.type)), h("td", {}, summed(entry)));
  }

  pick(entry) {
    const parts = [
      h("p", {}, this.about.entries[entry.type]?.about ?? ""),
      h("pre", { id: "entry-json" }, JSON.stringify(entry, null, 2)),
      h("div", { class: "buttons" }, copyButton(JSON.stringify(entry), "Copy as JSON")),
      h("h3", {}, "As a test"), command(asTest(entry)),
    ];
    if (entry.type === "request") parts.push(h("h3", {}, "As curl"), command(asCurl(entry)));
    const place = h("div", { id: "delivery" });
    this.detail.replaceChildren(...parts, place);
    if (entry.type === "deliver") attempt(() => this.deliver(entry, place));
  }

  // The last record of a delivery, as the client got it.
  async deliver(entry, place) {
    const group = entry.group.slice(entry.group.indexOf("_") + 1);
    if (group.endsWith("_spot")) {
      place.replaceChildren(h("p", {}, "Spot has no records of its own: it is sent with each record of another feed."));
      return;
    }
    const query = `group=${encodeURIComponent(group)}&index=${entry.last}${entry.day ? `&day=${entry.day}` : ""}`;
    const found = await ask(`_gexfaker/studio/record?${whose()}&${query}`);
    place.replaceChildren(...recordView(found, this.about));
  }
}

function summed(entry) {
  const { number, at, type, connection, ...fields } = entry;
  return Object.entries(fields).filter(([, value]) => value !== null && value !== "").map(([name, value]) => (
    `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`)).join(", ");
}

function asCurl(entry) {
  const key = /^key-/.test(address.key) ? "YOUR_KEY" : address.key;
  return `${CURL} -X ${quoted(entry.method)} -H ${quoted(`Authorization: Bearer ${key}`)} ${
    quoted(new URL(entry.path.replace(/^\//, ""), document.baseURI).href)}`;
}

function asTest(entry) {
  const names = ["group", "hub", "path", "method", "status", "code", "name"];
  const known = names.filter((name) => entry[name] !== undefined && entry[name] !== null);
  return `gexfaker.wait_for(${[JSON.stringify(entry.type), ...known.map((name) => `${name}=${JSON.stringify(entry[name])}`)].join(", ")})`;
}
