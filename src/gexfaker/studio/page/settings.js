// Every setting in plain words, with where its value is from; and the documents.

import { command, h, row, table } from "./dom.js";
import { CURL, quoted } from "./format.js";

const DOCUMENTS = [["docs/readme", "How to use it"], ["docs", "The API, to read and to try"], ["docs/wire", "The wire format"],
  ["docs/decoding", "How to decode a message"], ["docs/testing", "Testing your client"], ["docs/faults", "Everything that can be broken"],
  ["docs/simulation", "How the market is simulated"], ["docs/coverage", "What of the service is covered"],
  ["docs/operating", "Running it for others"]];

export class Settings {
  constructor(about) { this.about = about; }

  open(place) {
    const sections = grouped(this.about.settings), base = new URL(".", document.baseURI).href.replace(/\/$/, "");
    place.replaceChildren(
      h("section", { class: "panel" }, h("h2", {}, "Documents"), h("ul", {}, DOCUMENTS.map(([path, text]) => (
        h("li", {}, h("a", { href: path }, text)))),
      ), h("p", { class: "soft" }, "The libraries in this page: ", h("a", { href: "studio/licences.txt" }, "licences"), "."),
      ),
      h("section", { class: "panel" }, h("h2", {}, "Point your client here"), h("p", {}, "The base URL; any API key will do:"),
        command(base), command(`${CURL} -H ${quoted("Authorization: Bearer demo")} ${base}/v2/SPX/classic/gex_zero/majors`),
        command(`gexfaker listen orderflow SPX --url ${base}`),
        h("p", {}, h("a", { href: "." }, "The first page"), " has it in Python, JavaScript and C#.")),
      this.about.notes.length ? h("section", { class: "panel wide" }, h("h2", {}, "Worth knowing"), h("ul", {}, this.about.notes.map((note) => h("li", {}, note)))) : "",
      h("section", { class: "panel wide" }, h("h2", {}, `Settings of this server, version ${this.about.version}`),
        [...sections].map(([name, found]) => [h("h3", {}, name), table(`Settings: ${name}`, ["setting", "value", "from", "what it does"],
          found.map((one) => row(h("code", {}, one.name), h("code", {}, one.value || "unset"), one.source,
            [one.help, h("span", { class: "soft" }, ` Accepted: ${one.accepted}.`)])), { class: "scroll whole" })])));
  }

  close() {}
}

function grouped(all) {
  const made = new Map();
  for (const one of all) made.set(one.section, [...(made.get(one.section) ?? []), one]);
  return made;
}
