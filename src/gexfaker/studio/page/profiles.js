// What a profile by strike shows of a record: gamma exposure, and the greeks with implied volatility.

import { BRAND } from "./colours.js";
import { number } from "./format.js";

const MINUTES = [1, 5, 10, 15, 30];

// The levels of a gex record: how they are called here, their key, and how they are drawn.
export const LEVELS = [
  { name: "zero gamma", key: "zero_gamma", colour: "zero" },
  { name: "major + vol", key: "major_pos_vol", colour: "majorUp" },
  { name: "major − vol", key: "major_neg_vol", colour: "majorDown" },
  { name: "major + OI", key: "major_pos_oi", colour: "majorUp", dashed: true },
  { name: "major − OI", key: "major_neg_oi", colour: "majorDown", dashed: true },
];

// strikes: [strike, by volume, by open interest, [five values before]]
// by: "volume", "interest" or "both". The values before are by volume.
export function exposure(record, colours, by, earlier) {
  const rows = record.strikes ?? [];
  const column = (index) => rows.map((row) => [row[0], row[index]]);
  return {
    spot: record.spot,
    said: `Spot ${number(record.spot)}, zero gamma ${number(record.zero_gamma)}, ${rows.length} strikes`,
    bars: [
      { by: "interest", name: "open interest", up: BRAND.interestUp, down: BRAND.interestDown, wide: true, values: column(2) },
      { by: "volume", name: "volume", up: BRAND.volumeUp, down: BRAND.volumeDown, values: column(1) },
    ].filter((one) => by === "both" || by === one.by),
    dots: by === "interest" || !earlier ? [] : MINUTES.map((minutes, index) => ({ // the longer ago, the smaller
      name: `${minutes} min ago`, colour: BRAND.priors[index], size: 2.6 - 0.3 * index,
      values: rows.map((row) => [row[0], row[3]?.[index] ?? 0]) })).reverse(),
    levels: [
      { name: "spot", price: record.spot, colour: colours.spot },
      ...LEVELS.map(({ name, key, colour, dashed }) => ({ name, price: record[key], colour: colours[colour], dashed })),
    ],
  };
}

// mini_contracts: [strike, iv of calls, iv of puts, value, [three before], value of puts or null, ...]
export function greeks(record, colours, earlier) {
  const rows = record.mini_contracts ?? [];
  const known = (index) => rows.filter((row) => row[index] > 0).map((row) => [row[0], row[index]]);
  return {
    spot: record.spot,
    said: `Spot ${number(record.spot)}, ${rows.length} strikes`,
    bars: [{ name: "value", up: BRAND.volumeUp, down: BRAND.volumeDown, wide: true, values: rows.map((row) => [row[0], row[3]]) }],
    dots: !earlier ? [] : [2, 1, 0].map((index) => ({
      name: `${["first", "second", "third"][index]} value before`, colour: BRAND.priors[index * 2], size: 2.4 - 0.4 * index,
      values: rows.map((row) => [row[0], row[4]?.[index] ?? 0]) })),
    levels: [
      { name: "spot", price: record.spot, colour: colours.spot },
      { name: "major call gamma", price: record.major_positive, colour: colours.majorUp },
      { name: "major put gamma", price: record.major_negative, colour: colours.majorDown },
      { name: "long gamma", price: record.major_long_gamma, colour: colours.majorUp, dashed: true },
      { name: "short gamma", price: record.major_short_gamma, colour: colours.majorDown, dashed: true },
    ],
    second: { name: "IV", lines: [
      { name: "calls", colour: BRAND.calls, values: known(1) }, { name: "puts", colour: BRAND.puts, values: known(2) }] },
  };
}

export const LEGEND = {
  exposure: [["volume +", BRAND.volumeUp], ["volume −", BRAND.volumeDown], ["OI +", BRAND.interestUp],
    ["OI −", BRAND.interestDown], ...MINUTES.map((minutes, index) => [`${minutes} min ago`, BRAND.priors[index]])],
  greeks: [["positive", BRAND.volumeUp], ["negative", BRAND.volumeDown], ["IV of calls", BRAND.calls], ["IV of puts", BRAND.puts],
    ...["first", "second", "third"].map((name, index) => [`${name} value before`, BRAND.priors[index * 2]])],
};
