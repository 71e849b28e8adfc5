// Questions to the server. What it refuses is shown as it says it.

import { byId, h } from "./dom.js";
import { sessionPath, sessionQuery } from "./address.js";

export class Refused extends Error {}

// body: sent as JSON; content: bytes, sent as they are.
export async function ask(path, { method = "GET", body, content } = {}) {
  let answer;
  try {
    answer = await fetch(path, { method, body: body === undefined ? content : JSON.stringify(body) });
  } catch {
    throw new Refused("The server does not answer: is it still running?");
  }
  const text = await answer.text();
  let found = null;
  try { found = text ? JSON.parse(text) : null; } catch { /* not JSON */ }
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw new Refused(found?.error ?? `${answer.status} ${answer.statusText}`);
  return found;
}

export function notice(text, kind = "") {
  const made = h("p", { class: `notice ${kind}` }, text,
    h("button", { type: "button", "aria-label": "Dismiss", onclick: () => made.remove() }, "×"));
  const place = byId("notices");
  place.append(made);
  while (place.children.length > 3) place.firstChild.remove();
  setTimeout(() => made.remove(), kind === "wrong" ? 12000 : 5000);
}

// Does something, and shows why it was not done.
export async function attempt(work) {
  try { return await work(); } catch (problem) {
    notice(problem.message, "wrong");
    if (!(problem instanceof Refused)) console.error(problem);
    return undefined;
  }
}

// A control action on the key that is shown; what came of it is said when it is not what was asked.
export const act = (name, body = {}) => attempt(async () => {
  const effect = await ask(`${sessionPath()}/${name}${sessionQuery()}`, { method: "POST", body });
  if (effect.reason && effect.reason !== "first use of this key") notice(`${name}: ${effect.reason}`);
  return effect;
});
