/** Samples a second that pcm16 is spoken and heard at unless a session says otherwise. */
export const RATE: 16000;

export type State = "idle" | "connecting" | "open" | "lost";

export interface SessionOptions {
  /** Of the pcm16 that is spoken, Hz (8000 to 48000); 16000 unless stated. */
  sampleRate?: number;
  /** Have the server cut where speech ends (the default), not only at pauses, lengths and `finish()`. */
  vad?: boolean;
  /** Be told of every step of an utterance in "step". */
  journey?: boolean;
  /** More members of `session_init`, as docs/protocol.md has them: `auto_langs`, `tenant_id`, `pipeline`, … */
  init?: Record<string, unknown>;
  /** How long to try to reach a server, at first and after a loss, ms; a minute unless stated. */
  patienceMs?: number;
  /** How much speech that no server has heard is kept, bytes; 8 MiB unless stated. */
  bufferedBytes?: number;
  /** A WebSocket of your own, where there is none (Node 20) or it needs options. */
  WebSocket?: new (url: string) => WebSocket;
}

/** The server's answer to `session_init`; docs/protocol.md has every member. */
export interface SessionInitAck {
  type: "session_init_ack";
  session_id: string;
  [member: string]: unknown;
}

/** A message of the server as it came. */
export interface ServerMessage {
  type: string;
  [member: string]: unknown;
}

interface About {
  /** Who spoke: this session's id, or in a room another's. */
  session: string;
  /** Which utterance of the speaker, from 0. */
  utterance: number;
  message: ServerMessage;
}

export interface Sentence extends About {
  heard: string;
  translated: string;
  /** The spoken translation, null for none. */
  speech: Uint8Array | null;
  /** What `speech` is: "wav", "pcm16" (at `sampleRate`), "opus", or what else a node makes; "" for none. */
  format: string;
}

export interface Missing extends About {
  /** Why the utterance has no result: "silence_detected", "cancelled", "history_lost", … */
  reason: string;
}

export interface Partial extends About {
  text: string;
  isFinal: boolean;
}

export interface Step extends About {
  event: string;
  node: string;
  hint: string;
  code: string;
}

export interface Member {
  session_id: string;
  participant_id: string;
  display_name?: string;
  preferred_lang?: string;
  [member: string]: unknown;
}

export interface RoomState {
  /** "" outside of rooms. */
  code: string;
  members: Member[];
  /** Why the room was left, in a sentence; "" otherwise. */
  reason: string;
}

export interface SessionEvents {
  state: State;
  /** A connection began. `historyLost`: results may be missing for good. */
  session: { id: string; resumed: boolean; historyLost: boolean };
  /** Why there is no connection, after each try; another follows by itself. */
  retry: SpeechDispatchError;
  sentence: Sentence;
  missing: Missing;
  partial: Partial;
  step: Step;
  error: SpeechDispatchError;
  room: RoomState;
  message: ServerMessage;
  /** The session is over: null, or why. */
  end: SpeechDispatchError | null;
}

export type Answer = ({ type: "sentence" } & Sentence) | ({ type: "missing" } & Missing);

/** What went wrong: a code for programs (docs/errors.md), a sentence for people. */
export class SpeechDispatchError extends Error {
  constructor(code: string, message: string, more?: { details?: unknown; closeCode?: number | null });
  readonly code: string;
  readonly details: any;
  /** The code a server closed the connection with; null where it did not. */
  readonly closeCode: number | null;
  /** Which utterance it is about; null for none. */
  readonly utterance: number | null;
  /** Milliseconds after which saying it again may help; null: it will not, as it is. */
  readonly retryAfterMs: number | null;
}

/** The room a session is in, or none: each member hears the others in its own language. */
export interface Room {
  readonly code: string;
  readonly members: Member[];
  /** Make a room and enter it; resolves to its code. */
  create(self?: { name?: string; language?: string }): Promise<string>;
  /** Enter a room; resolves to its code. */
  join(code: string, self?: { name?: string; language?: string }): Promise<string>;
  leave(): void;
}

/** One conversation with the server, over as many sockets as it takes. */
export class Session extends EventTarget {
  /** One server, or several of one cell: ws://host:port/ws/session. */
  constructor(urls: string | string[], options?: SessionOptions);
  readonly id: string;
  readonly state: State;
  readonly languages: { src: string; tgt: string } | null;
  readonly room: Room;
  /** Milliseconds until the server takes audio again; 0 for now. `speak` heeds it by itself. */
  readonly holdMs: number;
  /** Be connected; another conversation of this session is closed first. Rejects with a `SpeechDispatchError`. */
  open(src: string, tgt: string): Promise<SessionInitAck>;
  /** Speak pcm16, mono, little-endian. */
  speak(pcm16: Uint8Array): void;
  /** End the utterance by hand. */
  finish(): void;
  /** Say goodbye; resolves when everything said was answered. */
  end(reason?: string): Promise<void>;
  /** End now. */
  close(): void;
  /** Nobody wants this utterance any more; it ends in "missing". */
  cancel(utterance: number): void;
  /** Send a message of the protocol as it is, or the bytes of a binary frame. */
  send(message: Record<string, unknown> | Uint8Array): void;
  /** Every sentence and missing result from now on, in order, until the session ends. */
  answers(): AsyncGenerator<Answer, void, void>;
  addEventListener<K extends keyof SessionEvents>(
    type: K,
    listener: (event: CustomEvent<SessionEvents[K]>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

/** Float samples (-1 to 1) to the bytes of pcm16, little-endian. */
export function toPcm16(samples: Float32Array): Uint8Array;
/** Bytes of pcm16 to float samples. */
export function fromPcm16(bytes: Uint8Array): Float32Array;
export function toBase64(bytes: Uint8Array): string;
export function fromBase64(text: string): Uint8Array;

/** Brings a stream of float samples to 16 kHz. */
export class Resampler {
  constructor(rate: number);
  push(samples: Float32Array): Float32Array;
}
