// A record in three views: as JSON, as protobuf fields with the table of the wire beside them, and as bytes.

import { bytesOf, open } from "./decode.js";
import { h } from "./dom.js";
import { bytes as sized } from "./format.js";

const HEX_BYTES = 4096;
const MOST_FIELDS = 300;

// found: what the server says of a record; about: its tables.
export function recordView(found, about) {
  const payload = open(bytesOf(found.payload), about.wire);
  return [
    h("h3", {}, `Record ${found.index} of ${found.group}, ${found.day}`),
    h("p", { class: "soft" }, `${found.place}: ${sized(payload.packed)} packed, ${sized(payload.bytes.length)} of protobuf, `,
      payload.url),
    fold("JSON, as REST answers it", () => h("pre", {}, pretty(found.record)), true),
    fold("Protobuf fields", () => fieldTable(payload, about.wire[payload.url])),
    fold("Bytes", () => hex(payload.bytes)),
  ];
}

const fold = (title, make, isOpen = false) => {
  const body = h("div");
  const made = h("details", { open: isOpen, ontoggle: () => { if (made.open && !body.children.length) body.append(make()); } },
    h("summary", {}, title), body);
  if (isOpen) body.append(make());
  return made;
};

// Rows of numbers are easier to read in a line each.
const pretty = (record) => JSON.stringify(record, null, 1).replace(
  /\[[^[\]{}]*(?:\[[^[\]{}]*\][^[\]{}]*)?\]/g, (list) => list.replace(/\s+/g, " "));

function fieldTable(payload, table) {
  const rules = Object.fromEntries(table.record.map((rule) => [rule.wire, rule]));
  const rows = payload.fields.slice(0, MOST_FIELDS).map((field) => h("tr", {},
    h("td", {}, String(field.number)), h("td", {}, field.name), h("td", {}, `${field.from}–${field.to}`),
    h("td", {}, plain(field.value)), h("td", {}, rules[field.name] ? `${rules[field.name].json} × ${rules[field.name].factor}` : "")));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Protobuf fields" }, h("table", { id: "fields" },
    h("thead", {}, h("tr", {}, ["number", "field", "bytes", "value", "in the record"].map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, rows)));
}

const plain = (value) => (Array.isArray(value) ? value.map((one) => (one?.name ? `${one.name} ${plain(one.value)}` : one)).join(", ")
  : String(value));

function hex(bytes) {
  const lines = [];
  for (let at = 0; at < Math.min(bytes.length, HEX_BYTES); at += 16) {
    const part = [...bytes.subarray(at, at + 16)];
    const text = part.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(5, "0")}  ${part.map((byte) => byte.toString(16).padStart(2, "0")).join(" ").padEnd(47)}  ${text}`);
  }
  if (bytes.length > HEX_BYTES) lines.push(`… and ${bytes.length - HEX_BYTES} bytes more`);
  return h("pre", { class: "hex", id: "hex" }, lines.join("\n"));
}
