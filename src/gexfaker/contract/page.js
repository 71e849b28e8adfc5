(() => {
"use strict";
const LONGEST = 6000;
const key = document.getElementById("key");
const places = [...document.querySelectorAll("pre b")];
key.value = sessionStorage.getItem("key") || key.value;

function showKey() {
  sessionStorage.setItem("key", key.value);
  for (const place of places) place.textContent = key.value;
}

function shown(text) {
  let pretty = text;
  try { pretty = JSON.stringify(JSON.parse(text), null, 1).replace(/\n\s+(?=[-\d."]+,?\n|\])/g, " "); } catch { /* not JSON */ }
  return pretty.length > LONGEST ? `${pretty.slice(0, LONGEST)}\n... ${pretty.length - LONGEST} more characters` : pretty;
}

async function ask(row) {
  const output = row.nextElementSibling;
  output.hidden = false;
  output.textContent = "asking ...";
  try {
    const answer = await fetch(row.querySelector("input").value, { headers: { Authorization: `Bearer ${key.value}` } });
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
