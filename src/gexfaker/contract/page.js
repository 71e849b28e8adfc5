(() => {
"use strict";
const LONGEST = 6000;
const key = document.getElementById("key");
const places = [...document.querySelectorAll("pre b")];
key.value = remembered() || key.value;

// A browser may forbid pages to remember anything.
function remembered(value) {
  try {
    if (value !== undefined) sessionStorage.setItem("key", value);
    return sessionStorage.getItem("key");
  } catch {
    return null;
  }
}

function showKey() {
  remembered(key.value);
  for (const place of places) place.textContent = key.value;
}

// A list of values, which may hold one list, such as a strike with its priors, is easier to read on one line.
function rowsOnLines(text) {
  return text.replace(/\[[^[\]{}]*(?:\[[^[\]{}]*\][^[\]{}]*)?\]/g, (list) => list.replace(/\s+/g, " "));
}

function shown(text) {
  let pretty = text;
  try { pretty = rowsOnLines(JSON.stringify(JSON.parse(text), null, 2)); } catch { /* not JSON */ }
  return pretty.length > LONGEST ? `${pretty.slice(0, LONGEST)}\n... ${pretty.length - LONGEST} more characters` : pretty;
}

async function ask(row) {
  const output = row.nextElementSibling;
  output.hidden = false;
  output.textContent = "asking ...";
  try {
    const path = row.querySelector("input").value.replace(/^\/+/, "");
    const headers = "key" in row.dataset ? { Authorization: `Bearer ${key.value}` } : {};
    const answer = await fetch(path, { headers });
    output.textContent = `${answer.status} ${answer.statusText}\n${shown(await answer.text())}`;
  } catch (problem) {
    output.textContent = `no answer: ${problem.message}`;
  }
}

key.addEventListener("input", showKey);
showKey();
for (const row of document.querySelectorAll(".try")) {
  row.querySelector("button").addEventListener("click", () => ask(row));
  row.querySelector("input").addEventListener("keydown", (event) => { if (event.key === "Enter") ask(row); });
}
})();
