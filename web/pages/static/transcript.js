/** The conversation as a file: text, SubRip (SRT) or WebVTT. */

const said = (entries) => entries.filter((entry) => entry.heard || entry.translated);

function stamp(ms, comma) {
  const whole = Math.max(0, Math.round(ms));
  const pad = (value, digits = 2) => String(value).padStart(digits, "0");
  const [h, m, s] = [Math.floor(whole / 3600000), Math.floor(whole / 60000) % 60, Math.floor(whole / 1000) % 60];
  return `${pad(h)}:${pad(m)}:${pad(s)}${comma ? "," : "."}${pad(whole % 1000, 3)}`;
}

function lines(entry, name) {
  const who = name(entry);
  return [entry.heard, entry.translated].filter(Boolean).map((text, at) => (at || !who ? text : `${who}: ${text}`));
}

const cue = (entry, comma) => `${stamp(entry.startMs, comma)} --> ${stamp(Math.max(entry.endMs, entry.startMs + 1000), comma)}`;

/** An arrow inside a text would end a cue's timing line for some readers. */
const safe = (text) => text.replaceAll("-->", "->");

export const FORMATS = {
  txt: {
    type: "text/plain",
    write: (entries, name) => said(entries).map((entry) => lines(entry, name).join("\n")).join("\n\n") + "\n",
  },
  srt: {
    type: "application/x-subrip",
    write: (entries, name) =>
      said(entries).map((entry, at) => `${at + 1}\n${cue(entry, true)}\n${safe(lines(entry, name).join("\n"))}\n`).join("\n"),
  },
  vtt: {
    type: "text/vtt",
    write: (entries, name) =>
      "WEBVTT\n\n" + said(entries).map((entry) => `${cue(entry, false)}\n${safe(lines(entry, name).join("\n"))}\n`).join("\n"),
  },
};

/** Save the conversation; `name` gives the speaker of an entry, "" for none. */
export function save(format, entries, name) {
  const { type, write } = FORMATS[format];
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([write(entries, name)], { type: `${type};charset=utf-8` }));
  link.download = `conversation.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
