const NS = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [360, 150, 34, 18, 8];

function svg(tag, attributes, text) {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** A round number not below `most`, so that the axis has four even steps. */
function ceiling(most) {
  const size = 10 ** Math.floor(Math.log10(Math.max(most, 1)));
  return [1, 2, 4, 5, 8, 10].map((times) => times * size).find((step) => step >= most) ?? most;
}

const short = (value) =>
  value === null ? "–" : value >= 10000 ? `${Math.round(value / 1000)}k` : value >= 10 ? String(Math.round(value)) : String(Math.round(value * 100) / 100);

/**
 * Lines over time. `points` are [{at, values}], `at` in ms, `values` one number or null for each name;
 * drawn is what lies in the last `spanMs`.
 */
export function drawChart(place, names, points, spanMs) {
  const now = points.at(-1)?.at ?? 0;
  const shown = points.filter((point) => point.at >= now - spanMs);
  const top = ceiling(Math.max(0, ...shown.flatMap((point) => point.values.map((value) => value ?? 0))));
  const x = (at) => LEFT + (1 - (now - at) / spanMs) * (WIDTH - LEFT - 4);
  const y = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
  const latest = shown.at(-1)?.values ?? names.map(() => null);
  const said = names.map((name, at) => `${name} ${short(latest[at])}`).join(", ");
  const chart = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", role: "img", "aria-label": said });
  for (let step = 0; step <= 4; step += 1) {
    const value = (top * step) / 4;
    chart.append(svg("line", { class: "grid", x1: LEFT, x2: WIDTH - 4, y1: y(value), y2: y(value) }));
    if (step % 2 === 0) chart.append(svg("text", { x: LEFT - 5, y: y(value) + 3, "text-anchor": "end" }, short(value)));
  }
  const minutes = spanMs / 60000;
  chart.append(svg("text", { x: LEFT, y: HEIGHT - 4 }, `${minutes} min ago`));
  chart.append(svg("text", { x: WIDTH - 4, y: HEIGHT - 4, "text-anchor": "end" }, "now"));
  names.forEach((_, at) => {
    let path = "";
    let pen = "M";
    for (const point of shown) {
      const value = point.values[at];
      if (value === null || value === undefined) { pen = "M"; continue; }
      path += `${pen}${x(point.at).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = "L";
    }
    if (path) chart.append(svg("path", { d: path, class: `s${at}` }));
  });
  const legend = document.createElement("div");
  legend.className = "legend";
  names.forEach((name, at) => {
    const key = document.createElement("span");
    key.className = `s${at}`;
    const value = document.createElement("b");
    value.textContent = short(latest[at] ?? null);
    key.append(`${name} `, value);
    legend.append(key);
  });
  place.replaceChildren(chart, legend);
}
