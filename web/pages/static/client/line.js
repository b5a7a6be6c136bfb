const BEAT_MS = 15000;
const AFTER_ERROR_MS = 100;

/** One socket, from its opening to its end, which is told once, also when the line is merely dead. */
export class Line {
  /** `onOpen()`, `onMessage(message)`, `onEnd({ code, reason })`; `beat()` gives the heartbeat to send, or null. */
  constructor(WebSocket, url, { onOpen, onMessage, onEnd, beat }) {
    this.onEnd = onEnd;
    this.ended = false;
    this.heard = true; // anything since the last heartbeat
    this.socket = new WebSocket(url);
    this.socket.onopen = onOpen;
    this.socket.onmessage = ({ data }) => {
      this.heard = true;
      if (typeof data === "string") onMessage(JSON.parse(data));
    };
    // "close" follows and says more, but not in Node 20 when nobody listens there.
    this.socket.onerror = () => setTimeout(() => this.#end(1006, "the connection failed"), AFTER_ERROR_MS);
    this.socket.onclose = ({ code, reason }) => this.#end(code, reason);
    this.timer = setInterval(() => this.#beat(beat), BEAT_MS);
  }

  get isOpen() {
    return this.socket.readyState === 1;
  }

  /** Send a message as JSON; bytes, as a binary frame, as they are. */
  send(message) {
    if (this.isOpen) this.socket.send(message instanceof Uint8Array ? message : JSON.stringify(message));
  }

  close() {
    this.socket.close(1000);
  }

  /** Take the line for lost, whatever the socket thinks: its closing handshake may never be answered. */
  giveUp(reason) {
    this.socket.close();
    this.#end(1006, reason);
  }

  #beat(beat) {
    const message = beat();
    if (!message || !this.isOpen) return;
    // Every heartbeat is answered. Browsers see no pings, so this is how a line that leads nowhere is noticed.
    if (this.heard) this.send(message);
    else this.giveUp("the server does not answer");
    this.heard = false;
  }

  #end(code, reason) {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.timer);
    this.onEnd({ code, reason: String(reason ?? "") });
  }
}
