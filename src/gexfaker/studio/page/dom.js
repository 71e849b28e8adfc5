// Elements, made in one line each. Text is always text: nothing that comes from the server is read as HTML.

export function h(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && name !== "list" && name !== "form" && typeof value !== "string") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export const byId = (id) => document.getElementById(id);

// A choice among values; options are values, or pairs of a value and its text.
export function choice(label, options, value, changed) {
  const select = h("select", { onchange: () => changed(select.value) }, options.map((option) => {
    const [one, text] = Array.isArray(option) ? option : [option, option];
    return h("option", { value: String(one), selected: String(one) === String(value) }, text);
  }));
  return h("label", { class: "choice" }, h("span", {}, label), select);
}

export function button(text, pressed, attributes = {}) {
  return h("button", { type: "button", onclick: pressed, ...attributes }, text);
}

export function copyButton(text, label = "Copy") {
  const made = button(label, async () => {
    try { await navigator.clipboard.writeText(text); made.textContent = "Copied"; } catch { select(made); }
    setTimeout(() => { made.textContent = label; }, 1500);
  }, { class: "small" });
  return made;
}

// Where a browser does not let pages write to the clipboard, the line is marked, to be copied by hand.
function select(button) {
  const line = button.parentElement.querySelector("code, pre");
  if (line) getSelection().selectAllChildren(line);
  button.textContent = "Press Ctrl+C";
}

export function command(text) {
  return h("div", { class: "command" }, h("code", {}, text), copyButton(text));
}

// A table of rows; headings are texts, cells texts or elements.
// On a phone each row is a card, which needs the heading at each cell.
export function table(caption, headings, rows, attributes = {}) {
  for (const one of rows) [...one.children].forEach((cell, index) => { cell.dataset.label = headings[index] ?? ""; });
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption, ...attributes },
    h("table", {}, h("caption", { class: "hidden" }, caption),
      h("thead", {}, h("tr", {}, headings.map((heading) => h("th", { scope: "col" }, heading)))),
      h("tbody", {}, rows)));
}

export const row = (...cells) => h("tr", {}, cells.map((cell) => h("td", {}, cell)));

// Replaces children only when something differs, so that a focus or a selection is not lost every second.
export function show(place, made, mark) {
  if (place.dataset.mark === mark) return;
  const id = place.contains(document.activeElement) ? document.activeElement.id : "";
  place.replaceChildren(...[made].flat());
  place.dataset.mark = mark;
  if (id) byId(id)?.focus();
}
