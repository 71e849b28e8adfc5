// Times are those of New York, numbers those of the field.

const clock = new Intl.DateTimeFormat("en-GB", {
  timeZone: "America/New_York", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const local = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });

export const newYork = (seconds) => (Number.isFinite(seconds) ? clock.format(seconds * 1000) : "–");
export const here = (seconds) => local.format(seconds * 1000);

export function number(value, digits = 2) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

export function short(value) {
  const size = Math.abs(value);
  if (size >= 1e6) return `${number(value / 1e6, 1)}M`;
  if (size >= 1e4) return `${number(value / 1e3, 0)}k`;
  return number(value, size >= 100 ? 0 : size >= 1 ? 1 : 3);
}

export function bytes(count) {
  if (!Number.isFinite(count)) return "–";
  return count >= 1e6 ? `${number(count / 1e6, 1)} MB` : count >= 1e3 ? `${number(count / 1e3, 0)} kB` : `${count} B`;
}

// Lines to paste: into sh, and on Windows into PowerShell or cmd, where curl alone may be another command.
const ESCAPED = { "'": "'\\''" };
export const WINDOWS = /^Win/.test(navigator.platform);
export const CURL = WINDOWS ? "curl.exe" : "curl";
export const quoted = (text) => (WINDOWS ? `"${text}"` : `'${String(text).replace(/'/g, (one) => ESCAPED[one])}'`);
export const pathArgument = (path) => (/^[\w\\/:.~-]+$/.test(path) ? path : quoted(path));
