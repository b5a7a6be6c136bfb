import { make } from "/pages/view.js";

const $ = (id) => document.getElementById(id);
const EVERY_MS = 5000;
const TOKEN = "node-token";
const NODE = "node-id";
let timer = 0;

function tell(state, text) {
  $("state").dataset.state = state;
  $("state").textContent = text;
}

function fill(table, rows) {
  table.replaceChildren(...rows.map((row) => make("tr", {}, ...row.map((cell) => make("td", {}, String(cell ?? "-"))))));
}

async function look() {
  clearTimeout(timer);
  const id = sessionStorage.getItem(NODE);
  if (!id) return;
  const token = sessionStorage.getItem(TOKEN);
  try {
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    const answer = await fetch(`/api/v1/nodes/${encodeURIComponent(id)}/explain`, { headers });
    const body = await answer.json();
    if (answer.ok) show(body);
    else refuse(body.error?.message ?? `the server answers ${answer.status}`, answer.status);
  } catch (error) {
    tell("lost", `not reached: ${error.message}`);
  }
  timer = setTimeout(look, EVERY_MS);
}

function refuse(why, status) {
  tell("lost", why);
  if (status === 401 || status === 403) sessionStorage.removeItem(TOKEN);
  $("board").hidden = true;
  $("token-form").hidden = false;
}

function show({ sentence, node, hindrances, counters }) {
  tell("open", node.status);
  $("token-form").hidden = true;
  $("board").hidden = false;
  $("name").textContent = node.node_id;
  $("sentence").textContent = sentence;
  fill($("hindrances"), hindrances.length ? hindrances.map((each) => Object.values(each)) : [["Nothing."]]);
  const facts = Object.entries({ ...node, ...counters }).filter(([, value]) => value === null || typeof value !== "object");
  fill($("facts"), facts.map(([name, value]) => [name.replaceAll("_", " "), value]));
}

$("token-form").onsubmit = (event) => {
  event.preventDefault();
  sessionStorage.setItem(NODE, $("node").value.trim());
  if ($("token").value) sessionStorage.setItem(TOKEN, $("token").value);
  $("token").value = "";
  look();
};
look();
