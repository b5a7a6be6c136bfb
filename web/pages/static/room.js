import { nameOf } from "/pages/languages.js";
import { make } from "/pages/view.js";

const $ = (id) => document.getElementById(id);

/** The room this page is in: each member hears the others in its own language. */
export class Room {
  constructor(session, { connect, onChange }) {
    this.session = session;
    this.connect = connect;
    this.onChange = onChange;
    this.code = "";
    this.members = [];
    $("room-form").onsubmit = (event) => { event.preventDefault(); this.join($("code").value.trim()); };
    $("create").onclick = () => this.create();
    $("leave").onclick = () => this.leave();
    $("copy").onclick = () => navigator.clipboard?.writeText($("room-link").href);
    session.addEventListener("message", ({ detail }) => this.#take(detail));
    session.addEventListener("fresh", ({ detail }) => { if (detail.lost && this.code) this.join(this.code); });
    const code = new URLSearchParams(location.search).get("room");
    if (code) $("code").value = code;
  }

  get #self() {
    const { src } = this.session.languages;
    return { display_name: $("name").value.trim() || nameOf(src), preferred_lang: src };
  }

  async create() {
    await this.connect();
    this.session.send({ type: "room_create", client_ts: Date.now(), ...this.#self });
  }

  async join(code) {
    if (!code) return $("code").focus();
    await this.connect();
    this.code = code;
    this.session.send({ type: "room_join", room_code: code, ...this.#self });
    return undefined;
  }

  leave() {
    this.session.send({ type: "room_leave", room_code: this.code });
    this.#enter("");
  }

  /** What a speaker is called; "" outside of rooms. */
  nameOf(session) {
    if (!this.code && !this.members.length) return "";
    if (session === this.session.id) return "You";
    return this.members.find((member) => member.session_id === session)?.display_name ?? "Someone";
  }

  #take(message) {
    if (message.type === "room_create_ack") this.#enter(message.room_code);
    if (message.type === "room_members" && message.room_code === (this.code || message.room_code)) {
      this.members = message.members;
      this.#enter(message.room_code);
    }
    if (message.type === "room_error") {
      this.#enter("");
      this.onChange(message.message ?? message.code);
    }
    if (message.type === "room_expired") {
      this.#enter("");
      this.onChange(message.message);
    }
  }

  #enter(code) {
    this.code = code;
    if (!code) this.members = [];
    $("room-form").hidden = Boolean(code);
    $("in-room").hidden = !code;
    $("room-code").textContent = code;
    $("room-link").href = `${location.origin}/?room=${encodeURIComponent(code)}`;
    $("members").replaceChildren(
      ...this.members.map((member) => {
        const me = member.session_id === this.session.id;
        const text = `${member.display_name ?? "Someone"}${me ? " (you)" : ""} · ${nameOf(member.preferred_lang ?? "auto")}`;
        const item = make("li", { textContent: text });
        item.dataset.me = me;
        return item;
      }),
    );
    this.onChange("");
  }
}
