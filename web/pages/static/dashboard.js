import { ask, Refused } from "/pages/ask.js";
import { drawChart } from "/pages/chart.js";
import { nameOf } from "/pages/languages.js";
import { complain, tell } from "/pages/status.js";
import { make } from "/pages/view.js";

const $ = (id) => document.getElementById(id);
const EVERY_MS = 1000;
const KEPT_MS = 600000;
const TOKEN = "admin-token";
const history = [];
let spanMs = 60000;

let timer = 0;

const read = (path) => ask(path, sessionStorage.getItem(TOKEN));

async function look() {
  clearTimeout(timer);
  let waitMs = EVERY_MS;
  if (!document.hidden) {
    try {
      const [stats, cluster, pools] = await Promise.all([read("stats"), read("cluster?limit=100"), read("pools?limit=50")]);
      $("token-form").hidden = true;
      $("board").hidden = false;
      note(stats);
      show(stats, cluster, pools);
      tell("open", "live");
      complain("");
    } catch (error) {
      // Nothing is asked until there is another token: each wrong one is a refusal in the server's books.
      if (error instanceof Refused && error.wantsToken) return askForToken(error);
      tell("lost", "not live");
      waitMs = error.retryAfterMs ?? EVERY_MS;
      const again = error.retryAfterMs ? "This page does so by itself." : "It is asked again every second.";
      complain(`${error.message} ${again}${staleness()}`);
    }
  }
  timer = setTimeout(look, waitMs);
  return undefined;
}

function staleness() {
  const last = history.at(-1);
  return last ? ` What is shown is of ${new Date(last.at).toLocaleTimeString()}.` : "";
}

function askForToken({ status, message }) {
  const tried = sessionStorage.getItem(TOKEN);
  sessionStorage.removeItem(TOKEN);
  $("board").hidden = true;
  $("token-form").hidden = false;
  $("token").focus();
  tell("lost", tried ? "token refused" : "a token is wanted");
  complain(tried || status === 403 ? message : ""); // 403: no token helps, or not this one
}

function note(stats) {
  const { done = null, failed = null, refused = null } = stats.rates;
  const { p50 = null, p99 = null } = stats.latency_ms.job ?? {};
  history.push({
    at: stats.now_ms, rates: [done, failed, refused], latency: [p50, p99],
    slots: [stats.slots.used, stats.slots.total, stats.waiting],
  });
  while (history[0].at < stats.now_ms - KEPT_MS) history.shift();
}

const series = (name) => history.map((point) => ({ at: point.at, values: point[name] }));

function draw() {
  drawChart($("rates"), ["done", "failed", "refused"], series("rates"), spanMs);
  drawChart($("latency"), ["half within", "99 % within"], series("latency"), spanMs);
  drawChart($("slots"), ["used", "slots", "waiting"], series("slots"), spanMs);
}

function show(stats, cluster, pools) {
  const { nodes, slots, jobs, rates, latency_ms: latency } = stats;
  const power = nodes.compute_power;
  const missing = Object.entries(nodes.by_status).filter(([name, count]) => count && name !== "ready" && name !== "offline");
  $("tiles").replaceChildren(
    tile("Nodes ready", nodes.ready, `of ${nodes.online}`, missing.map(([name, count]) => `${count} ${name}`).join(", ")),
    tile("Slots used", slots.used, `of ${slots.total}`, slots.total ? `${Math.round((100 * slots.used) / slots.total)} %` : ""),
    tile("Jobs waiting", stats.waiting, "", jobs.waited === undefined ? "" : `${jobs.waited} so far`),
    tile("Sessions", stats.sessions, "", `${stats.rooms} ${stats.rooms === 1 ? "room" : "rooms"}`),
    tile("Done", rates.done ?? 0, "per s", `${jobs.done ?? 0} so far`),
    tile("Failed", rates.failed ?? 0, "per s", `${jobs.failed ?? 0} so far, ${jobs.retried ?? 0} tried again`),
    tile("99 % within", latency.job?.p99 == null ? "–" : Math.round(latency.job.p99), "ms", "placed until result"),
    tile("Power left", Math.round(power.total_gpu_power), "GB GPU", `${Math.round(power.total_cpu_power)} cores, ${Math.round(power.total_memory_power)} GB memory`),
  );
  draw();
  showNodes(cluster);
  showPools(pools.pools);
  showServices(stats);
  showLanguages(stats.web_clients);
  showInstances(cluster.instances);
  $("hub").hidden = !stats.available_services.length;
  if (stats.available_services.length) {
    table($("models"), ["Service", "Name", "Latest version", "Built for"], stats.available_services.map((each) =>
      [each.service_id, each.name, each.latest_version, [...new Set(each.variants.map((one) => one.platform))].join(" ")]));
  }
}

function tile(what, number, unit, more) {
  return make("div", { className: "tile" },
    make("span", { className: "what", textContent: what }),
    make("span", { className: "number" }, String(number), make("small", { textContent: unit ? ` ${unit}` : "" })),
    make("span", { className: "more", textContent: more }));
}

/** Fill a table; a cell is text, a number or an element. Rows that stay the same are left alone. */
function table(place, heads, rows, empty = "None.") {
  const shown = JSON.stringify(rows.map((row) => row.map((cell) => cell?.outerHTML ?? cell)));
  if (place.dataset.shown === shown) return;
  place.dataset.shown = shown;
  const cell = (tag, content, numeric) => {
    const element = make(tag, { className: numeric ? "number" : "" });
    element.append(content instanceof Node ? content : String(content ?? ""));
    return element;
  };
  const numeric = heads.map((_, at) => rows.length > 0 && rows.every((row) => typeof row[at] === "number" || row[at] === ""));
  const head = make("tr", {}, ...heads.map((text, at) => cell("th", text, numeric[at])));
  const body = rows.map((row) => make("tr", {}, ...row.map((content, at) => cell("td", content, numeric[at]))));
  const none = make("tr", {}, make("td", { className: "none", colSpan: heads.length, textContent: empty }));
  place.replaceChildren(make("thead", {}, head), make("tbody", {}, ...(body.length ? body : [none])));
}

function status(word) {
  const element = make("span", { className: "status", textContent: word });
  element.dataset.status = word;
  return element;
}

function used(taken, all) {
  const bar = make("i");
  bar.style.width = `${all ? Math.min(100, (100 * taken) / all) : 0}%`;
  return make("span", {}, make("span", { className: "used" }, bar), `${taken} of ${all}`);
}

/** Words of the ledger (docs/operating.md) that say little to whom they are new. */
const PLAINLY = { capacity_exceeded: "all slots in use" };
const plainly = (word) => PLAINLY[word] ?? word.replaceAll("_", " ");

const percent = (value) => (value === null ? "" : Math.round(value));

function showNodes({ nodes, next_cursor: more, online_nodes: online }) {
  const rows = nodes.map(({ node, cpu_usage: cpu, gpu_usage: gpu, memory_usage: memory, asr, tts, capabilities }) => [
    node.node_id, status(node.status), used(node.slots.used, node.slots.most), percent(cpu), percent(gpu), percent(memory),
    `${asr.join(" ")} → ${tts.join(" ")}`,
    capabilities.filter((each) => each.ready).map((each) => each.service_type).join(" "),
    node.why ? plainly(node.why) : "",
  ]);
  const heads = ["Node", "Status", "Slots", "CPU %", "GPU %", "Memory %", "Hears → speaks", "Services", "No new work because"];
  table($("nodes"), heads, rows, "No node is connected.");
  $("nodes-title").textContent = more ? `Nodes (${nodes.length} of ${online})` : "Nodes";
}

function showPools(pools) {
  table($("pools"), ["Pool", "Kind", "Nodes", "Ready", "Waiting", "Pairs", "Services", "Nodes that get no work"], pools.map((pool) => [
    pool.pool, pool.kind, pool.members, pool.dispatchable, pool.waiting,
    `${pool.sample_pairs.slice(0, 4).join(" ")}${pool.pairs > 4 ? ` and ${pool.pairs - 4} more` : ""}`, pool.services.join(" "),
    Object.entries(pool.excluded).map(([word, count]) => `${count} ${plainly(word)}`).join(", "),
  ]));
}

function showServices({ nodes }) {
  const names = Object.keys(nodes.type_node_counts).sort();
  table($("services"), ["Service", "Nodes ready", "Of them at work"], names.map((name) =>
    [name, nodes.type_node_counts[name], nodes.type_in_use_counts[name] ?? 0]));
}

function showLanguages({ language_usage: usage }) {
  const rows = Object.entries(usage).map(([code, use]) => [nameOf(code), use.as_source, use.as_target]);
  rows.sort((a, b) => b[1] + b[2] - a[1] - a[2]);
  table($("languages"), ["Language", "Spoken by sessions", "Wanted by sessions"], rows, "No session is open.");
}

function showInstances(instances) {
  table($("instances"), ["Process", "Host", "Status", "Up, min", "Nodes", "Sessions", "Inbox"], instances.map((each) => [
    each.instance_id, each.hostname, status(each.is_online ? "ready" : "offline"), Math.floor(each.uptime_seconds / 60),
    each.nodes_owned, each.sessions_owned, each.inbox_length,
  ]));
}

$("token-form").onsubmit = (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, $("token").value);
  $("token").value = "";
  look();
};
$("windows").onclick = ({ target }) => {
  if (!target.dataset.minutes) return;
  spanMs = Number(target.dataset.minutes) * 60000;
  for (const button of $("windows").children) button.setAttribute("aria-pressed", button === target);
  if (history.length) draw();
};
look();
