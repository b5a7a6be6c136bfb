import { ask, Refused } from "/pages/ask.js";
import { complain, tell } from "/pages/status.js";
import { make } from "/pages/view.js";

const $ = (id) => document.getElementById(id);
const EVERY_MS = 5000;
const TOKEN = "node-token";
const NODE = "node-id";
let timer = 0;

function fill(table, rows) {
  table.replaceChildren(...rows.map((row) => make("tr", {}, ...row.map((cell) => make("td", {}, String(cell ?? "-"))))));
}

async function look() {
  clearTimeout(timer);
  const id = sessionStorage.getItem(NODE);
  if (!id) return;
  let waitMs = EVERY_MS;
  try {
    show(await ask(`nodes/${encodeURIComponent(id)}/explain`, sessionStorage.getItem(TOKEN)));
    complain("");
  } catch (error) {
    if (error instanceof Refused && error.wantsToken) return askForToken(error);
    waitMs = error.retryAfterMs ?? EVERY_MS;
    if (error.retryAfterMs) {
      tell("lost", "no news");
      complain(`${error.message} This page does so by itself.`);
    } else if (error instanceof Refused && error.status < 500) askForNode(error.message);
    else {
      tell("lost", "no news");
      complain(`${error.message} It is asked again every 5 seconds.`);
    }
  }
  timer = setTimeout(look, waitMs);
  return undefined;
}

function askForNode(why) {
  tell("lost", "not found");
  complain(why);
  $("board").hidden = true;
  $("token-form").hidden = false;
}

/** Nothing is asked until there is another token. */
function askForToken({ status, message }) {
  const tried = sessionStorage.getItem(TOKEN);
  // Its sentence for who sends no token is for programs.
  askForNode(tried || status === 403 ? message : "This server wants to know who asks. Enter the node's token.");
  tell("lost", tried ? "token refused" : "a token is wanted");
  sessionStorage.removeItem(TOKEN);
  $("token").focus();
}

const ago = (ms, now) => {
  const s = Math.max(0, Math.round((now - ms) / 1000));
  return s < 120 ? `${s} s` : s < 7200 ? `${Math.round(s / 60)} min` : `${Math.round(s / 3600)} h`;
};

/** What its owner wants to know of a node, as rows; `given` and what follows count jobs. */
const factsOf = ({ node, serves, counters, now_ms: now }) => [
  ["Status", node.status === node.reason ? node.status : `${node.status}: ${node.reason.replaceAll("_", " ")}`],
  ["Slots in use", `${node.slots.used} of ${node.slots.most}`],
  ["Languages", `hears ${serves.asr.join(", ") || "none"}; speaks ${serves.tts.join(", ") || "none"}`],
  ["Services", serves.services.join(", ") || "none is ready"],
  ["Jobs", `${counters.given} given, ${counters.done} done, ${counters.failed} failed, ${counters.retried} tried again elsewhere`],
  ["Connected for", ago(node.registered_ms, now)],
  ["Last heard", `${ago(node.seen_ms, now)} ago`],
  ["Takes jobs of", serves.tenant === null ? "everybody" : `the tenant ${serves.tenant}`],
  ...(node.tier ? [["Trust tier", node.tier]] : []),
];

function show(answer) {
  const { sentence, node, hindrances } = answer;
  tell("open", node.status);
  $("token-form").hidden = true;
  $("board").hidden = false;
  $("name").textContent = node.node_id;
  $("sentence").textContent = sentence;
  fill($("hindrances"), hindrances.length ? hindrances.map(({ says, advice }) => [says, advice]) : [["Nothing."]]);
  fill($("facts"), factsOf(answer));
}

$("token-form").onsubmit = (event) => {
  event.preventDefault();
  sessionStorage.setItem(NODE, $("node").value.trim());
  if ($("token").value) sessionStorage.setItem(TOKEN, $("token").value);
  $("token").value = "";
  look();
};
$("node").value = sessionStorage.getItem(NODE) ?? "";
look();
