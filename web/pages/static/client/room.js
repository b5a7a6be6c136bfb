import { errorOf } from "./errors.js";

/**
 * The room a session is in, or none: each member hears the others in its own language (docs/rooms.md).
 *
 * Whenever it changes the session dispatches "room" (detail: { code, members, reason }).
 */
export class Room {
  constructor(session) {
    this.session = session;
    /** Its code, for others to join; "" outside of rooms. */
    this.code = "";
    this.members = [];
    this.asked = null; // { message, done, failed }, until it is answered
    this.self = {};
  }

  /** Make a room and enter it; resolves to its code. Rejects with the code of the room's error. */
  create({ name, language } = {}) {
    this.self = { display_name: name, preferred_lang: language ?? this.session.languages?.src };
    return this.#ask({ type: "room_create", client_ts: Date.now(), ...this.self });
  }

  /** Enter a room; resolves to its code. Rejects with the code of the room's error. */
  join(code, { name, language } = {}) {
    this.self = { display_name: name, preferred_lang: language ?? this.session.languages?.src };
    return this.#ask({ type: "room_join", room_code: code, ...this.self });
  }

  leave() {
    if (this.code) this.session.send({ type: "room_leave", room_code: this.code });
    this.#become("", [], "");
  }

  /** For the session: a message about rooms. */
  take(message) {
    if (message.type === "room_create_ack") this.#enter(message.room_code, []);
    if (message.type === "room_members" && (this.asked || this.code === message.room_code)) {
      this.#enter(message.room_code, message.members);
    }
    if (message.type === "room_expired") this.#become("", [], message.message);
    if (message.type === "room_error") this.#refuse(errorOf(message));
  }

  /** For the session: a connection began; in a new session the room does not know us any more. */
  begin(resumed) {
    if (this.asked) this.session.send(this.asked.message);
    else if (this.code && !resumed) this.#ask({ type: "room_join", room_code: this.code, ...this.self }).catch(() => {});
  }

  /** For the session: it is over. */
  end(error) {
    this.asked?.failed(error);
    this.asked = null;
    if (this.code) this.#become("", [], error.message);
  }

  #ask(message) {
    return new Promise((done, failed) => {
      this.asked = { message, done, failed };
      this.session.send(message);
    });
  }

  #enter(code, members) {
    this.asked?.done(code);
    this.asked = null;
    this.#become(code, members, "");
  }

  #refuse(error) {
    // It is about something else, or was asked twice, as the first answer was lost with its connection.
    if (this.code && error.code !== "ROOM_NOT_FOUND") return;
    this.asked?.failed(error);
    this.asked = null;
    this.#become("", [], error.message);
  }

  #become(code, members, reason) {
    this.code = code;
    this.members = members;
    this.session.tell("room", { code, members, reason });
  }
}
