// The state of the page is in its address: #screen?name=value. Whoever opens the same address sees the same.

const DEFAULTS = {
  key: "studio", ticker: "SPX", gex: "classic_gex_zero", greek: "gamma", expiry: "zero", range: "near", bars: "both", earlier: "on", types: "", find: "",
};
const listeners = new Set();

function read() {
  const [screen, query = ""] = location.hash.slice(1).split("?");
  return { screen: screen || "market", ...DEFAULTS, ...Object.fromEntries(new URLSearchParams(query)) };
}

export let address = read();

export function go(changes, { replace = true } = {}) {
  const next = { ...address, ...changes };
  const query = new URLSearchParams(
    Object.entries(next).filter(([name, value]) => name !== "screen" && value !== DEFAULTS[name] && value !== undefined));
  const text = `#${next.screen}${query.size ? `?${query}` : ""}`;
  if (text === location.hash) return;
  if (replace) { history.replaceState(null, "", text); changed(); } else location.hash = text;
}

// Calls back when the address has changed; what is returned ends that.
export function onAddress(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function changed() {
  const before = address;
  address = read();
  for (const listener of listeners) listener(address, before);
}

addEventListener("hashchange", changed);

// A session's id may stand for the key of a client that the page does not know.
export const whose = () => (/^key-[0-9a-f]{16}$/.test(address.key)
  ? `session=${address.key}` : `key=${encodeURIComponent(address.key)}`);
export const sessionPath = () => (/^key-[0-9a-f]{16}$/.test(address.key)
  ? `_gexfaker/sessions/${address.key}` : "_gexfaker/sessions/by-key");
export const sessionQuery = () => (/^key-[0-9a-f]{16}$/.test(address.key) ? "" : `?key=${encodeURIComponent(address.key)}`);
