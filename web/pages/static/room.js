import { nameOf } from "/pages/languages.js";
import { make } from "/pages/view.js";

const $ = (id) => document.getElementById(id);
const COPIED_MS = 2000;

/** The room this page is in: each member hears the others in its own language. */
export class Room {
  constructor(session, { connect, onChange, onRefusal }) {
    this.session = session;
    this.connect = connect;
    this.onChange = onChange;
    this.onRefusal = onRefusal;
    $("room-form").onsubmit = (event) => { event.preventDefault(); this.join($("code").value.trim()); };
    $("create").onclick = () => this.create();
    $("leave").onclick = () => this.leave();
    $("copy").onclick = () => this.#copy();
    session.addEventListener("room", ({ detail }) => this.#show(detail));
    const code = new URLSearchParams(location.search).get("room");
    if (code) $("code").value = code;
  }

  get code() {
    return this.session.room.code;
  }

  get members() {
    return this.session.room.members;
  }

  /** Whether somebody else listens: then our speech is translated for them, and not for us. */
  get heardByOthers() {
    return this.members.some((member) => member.session_id !== this.session.id && member.preferred_lang);
  }

  get #name() {
    return $("name").value.trim() || nameOf(this.session.languages.src);
  }

  create() {
    return this.#enter(() => this.session.room.create({ name: this.#name }));
  }

  join(code) {
    if (!code) return $("code").focus();
    return this.#enter(() => this.session.room.join(code, { name: this.#name }));
  }

  async #enter(ask) {
    try {
      await this.connect();
      await ask();
    } catch (error) {
      this.onRefusal(error);
    }
  }

  leave() {
    this.session.room.leave();
  }

  /** Copy the link and say so; where a page may not (http), the browser's own way to copy it is shown. */
  async #copy() {
    const { href } = $("room-link");
    try {
      await navigator.clipboard.writeText(href);
      $("copy").textContent = "Copied";
      setTimeout(() => { $("copy").textContent = "Copy link"; }, COPIED_MS);
    } catch {
      prompt("Copy this link:", href);
    }
  }

  /** What a speaker is called; "" outside of rooms. */
  nameOf(session) {
    if (!this.code && !this.members.length) return "";
    if (session === this.session.id) return "You";
    return this.members.find((member) => member.session_id === session)?.display_name ?? "Someone";
  }

  #show({ code, members, reason }) {
    $("room-form").hidden = Boolean(code);
    $("in-room").hidden = !code;
    $("room-code").textContent = code;
    $("room-link").href = `${location.origin}/?room=${encodeURIComponent(code)}`;
    $("members").replaceChildren(
      ...members.map((member) => {
        const me = member.session_id === this.session.id;
        const text = `${member.display_name ?? "Someone"}${me ? " (you)" : ""} · ${nameOf(member.preferred_lang ?? "auto")}`;
        const item = make("li", { textContent: text });
        item.dataset.me = me;
        return item;
      }),
    );
    this.onChange(reason);
  }
}
