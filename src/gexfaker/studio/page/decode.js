// What clients get, decoded here: base64, protobuf's Any, zstd, and the message by the table that the server gives.
// The page asks for no easier form, so that it shows what is really sent.

/* global fzstd */

const utf8 = new TextDecoder();

export const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

// A varint and where it ends. Numbers of 64 bits are exact up to 2^53, far beyond what the feed has.
function varint(bytes, at) {
  let value = 0;
  for (let power = 1; ; power *= 128) {
    if (at >= bytes.length) throw new Error("the message is cut off");
    const byte = bytes[at++];
    value += (byte & 127) * power;
    if (byte < 128) return [value, at];
  }
}

const zigzag = (value) => (value % 2 ? -(value + 1) / 2 : value / 2);

// The fields of a message in their order, each with its number, its bytes (from, to), and its value by the table.
export function* fieldsOf(bytes, table, start = 0, end = bytes.length) {
  for (let at = start; at < end;) {
    const from = at;
    let tag, size;
    [tag, at] = varint(bytes, at);
    const known = table[Math.floor(tag / 8)] ?? { name: `field ${Math.floor(tag / 8)}`, kind: "unknown" };
    const field = { number: Math.floor(tag / 8), name: known.name, kind: known.kind, many: known.many, from };
    if (tag % 8 === 0) {
      [field.value, at] = varint(bytes, at);
      if (known.kind === "zigzag") field.value = zigzag(field.value);
    } else if (tag % 8 === 2) {
      [size, at] = varint(bytes, at);
      field.value = content(bytes, known, at, at + size);
      at += size;
    } else throw new Error(`a field of wire type ${tag % 8}`);
    yield { ...field, to: at };
  }
}

function content(bytes, known, from, to) {
  if (known.kind === "text") return utf8.decode(bytes.subarray(from, to));
  if (known.kind === "message") return [...fieldsOf(bytes, known.fields, from, to)];
  if (known.kind === "unknown" || known.kind === "bytes") return bytes.subarray(from, to);
  const packed = [];
  for (let at = from, value; at < to;) {
    [value, at] = varint(bytes, at);
    packed.push(known.kind === "zigzag" ? zigzag(value) : value);
  }
  return packed;
}

// Fields as an object by name; what is repeated is a list.
export function objectOf(fields) {
  const made = {};
  for (const { name, kind, many, value } of fields) {
    const plain = kind === "message" ? objectOf(value) : value;
    if (many) made[name] = (made[name] ?? []).concat(kind === "message" || !Array.isArray(plain) ? [plain] : plain);
    else made[name] = plain;
  }
  return made;
}

// One value of a record; protobuf does not send zeros and empty lists.
function valueOf(rule, sent) {
  const held = rule.inside ? sent?.[rule.inside] : sent;
  if (rule.columns) return (held ?? []).map((one) => rowOf(rule.columns, one));
  if (rule.many) return (held ?? []).map((one) => one / rule.factor);
  return (held ?? 0) / rule.factor;
}

function rowOf(columns, message) {
  const made = [];
  for (const column of columns) {
    if (!column.optional || column.wire in message) made.push(valueOf(column, message[column.wire]));
    else if (column.null) made.push(null);
  }
  return made;
}

export function recordOf(message, rules) {
  const record = { timestamp: message.timestamp ?? 0, ticker: message.ticker ?? "" };
  for (const rule of rules) {
    if (!rule.optional || rule.wire in message) record[rule.json] = valueOf(rule, message[rule.wire]);
  }
  return record;
}

const ANY = { 1: { name: "type_url", kind: "text" }, 2: { name: "value", kind: "bytes" } };

// A payload in its parts: how large it is, the message in bytes, its fields, and the record.
export function open(payload, tables) {
  const { type_url: url, value: packed } = objectOf(fieldsOf(payload, ANY));
  const bytes = fzstd.decompress(packed);
  const known = tables[url];
  if (!known) throw new Error(`no table of ${url}`);
  const fields = [...fieldsOf(bytes, known.fields)];
  return { url, packed: payload.length, bytes, fields, record: recordOf(objectOf(fields), known.record) };
}
