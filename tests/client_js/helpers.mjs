import net from "node:net";
import { Session } from "../../web/pages/static/client/index.js";

export const URLS = process.env.SESSION_URLS.split(",");

/** What an echoing node takes for speech: it gives the text back as what it heard. */
export const said = (text) => new TextEncoder().encode(text.length % 2 ? `${text} ` : text);

/** A session whose speech is not listened to, so that texts do. */
export const newSession = (urls = URLS, options = {}) => new Session(urls, { vad: false, patienceMs: 30000, ...options });

/** The next event of a kind that `accept` likes; gives its detail. */
export function next(target, type, accept = () => true) {
  return new Promise((done) => {
    const look = ({ detail }) => {
      if (!accept(detail)) return;
      target.removeEventListener(type, look);
      done(detail);
    };
    target.addEventListener(type, look);
  });
}

/** Everything an event brought so far. */
export function gather(target, type) {
  const found = [];
  target.addEventListener(type, ({ detail }) => found.push(detail));
  return found;
}

/** A line to the server that can be cut, or made to swallow everything. */
export async function newProxy(url = URLS[0]) {
  const { port, hostname } = new URL(url);
  const pairs = new Set();
  const proxy = { closed: false, swallows: false, connections: 0 };
  const server = net.createServer((near) => {
    if (proxy.closed) return near.destroy();
    proxy.connections += 1;
    const far = net.connect(Number(port), hostname);
    const pair = [near, far];
    pairs.add(pair);
    near.on("data", (data) => proxy.swallows || far.write(data));
    far.on("data", (data) => proxy.swallows || near.write(data));
    for (const socket of pair) {
      socket.on("error", () => {});
      socket.on("close", () => { pairs.delete(pair); near.destroy(); far.destroy(); });
    }
    return undefined;
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  proxy.url = `ws://127.0.0.1:${server.address().port}/ws/session`;
  proxy.cut = () => pairs.forEach(([near]) => near.resetAndDestroy());
  proxy.end = () => { proxy.cut(); server.close(); };
  return proxy;
}
