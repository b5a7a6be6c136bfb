import { RATE, Session, SpeechDispatchError, toPcm16 } from "/pages/client/index.js";
import { Conversation } from "/pages/conversation.js";
import { Languages } from "/pages/languages.js";
import { Microphone, whyDeaf } from "/pages/microphone.js";
import { decodeFile } from "/pages/recording.js";
import { Room } from "/pages/room.js";
import { Speaker } from "/pages/speaker.js";
import { complain, tell } from "/pages/status.js";
import { save } from "/pages/transcript.js";
import { View } from "/pages/view.js";

const $ = (id) => document.getElementById(id);
const PIECE_S = 0.1;
const STATES = { idle: "not connected", connecting: "connecting …", open: "connected", lost: "connection lost, trying again …" };

const SERVER = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/session`;
const KEPT_S = 90; // of speech that no server has heard
const KEPT = `Up to ${KEPT_S} s of what you say are kept and sent then.`;
const AWAY = `The server does not answer; it is tried again and again. ${KEPT}`;
const NOT_YET = "not let in yet, trying again …";
const TRY_AGAIN_LATER = 1013; // how a server that answers closes when it has no room for us
const NOBODY = "No node is connected, so nothing can be translated yet. Reload this page once there is one.";
const TOKEN = "client-token"; // where the token of who speaks is kept: in this tab only
const init = { get credential() { return sessionStorage.getItem(TOKEN) ?? undefined; } };
const session = new Session(SERVER, { journey: true, patienceMs: Infinity, bufferedBytes: KEPT_S * 2 * RATE, init });
const speaker = new Speaker();
const conversation = new Conversation((id) => id === session.id && room.heardByOthers);
const languages = new Languages($("src"), $("tgt"));
const microphone = new Microphone(hear, hush);
const room = new Room(session, { connect, onChange: roomChanged, onRefusal: tellRefusal });
const nameOf = (entry) => room.nameOf(entry.session);
const view = new View($("utterances"), { onPlay: sayAgain, nameOf, languages: () => languages.chosen });
let sending = false;

const isTheServers = (error) => error instanceof SpeechDispatchError;

async function connect() {
  complain("");
  await session.open(languages.chosen.src, languages.chosen.tgt);
}

function hear(samples) {
  const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  $("level").value = Math.min(1, loudest * 1.5);
  session.speak(toPcm16(samples));
}

async function toggle() {
  if (microphone.open) return hush();
  speaker.wake();
  try {
    await microphone.start();
    shows(true);
    await connect();
  } catch (error) {
    hush();
    if (isTheServers(error)) tellRefusal(error);
    else complain(whyDeaf(error));
  }
  return undefined;
}

function hush() {
  const spoke = microphone.open;
  microphone.stop();
  shows(false);
  $("level").value = 0;
  if (spoke && session.state === "open") session.finish();
}

function shows(listening) {
  $("speak").setAttribute("aria-pressed", listening);
  $("speak-text").textContent = listening ? "Stop" : "Speak";
}

async function sendFile(file) {
  if (sending) return complain("A recording is being sent. Wait until it is done.");
  sending = true;
  speaker.wake();
  try {
    const samples = await decodeFile(file);
    await connect();
    const size = RATE * PIECE_S;
    for (let at = 0; at < samples.length; at += size) {
      // As fast as it was spoken, and no faster than the server wants.
      await new Promise((done) => setTimeout(done, Math.max(PIECE_S * 1000, session.holdMs)));
      hear(samples.subarray(at, at + size));
    }
    $("level").value = 0;
    session.finish();
  } catch (error) {
    const unplayable = `${file.name} cannot be played here: ${error.message}. Try WAV, MP3, Ogg or M4A.`;
    if (isTheServers(error)) tellRefusal(error);
    else complain(unplayable);
  } finally {
    sending = false;
    $("file").value = "";
  }
  return undefined;
}

/** Tell what the server refuses; it may want to know who speaks, and hears nothing until then. */
function tellRefusal({ code, message }) {
  const tried = sessionStorage.getItem(TOKEN) !== null;
  const wantsToken = code === "UNAUTHORIZED" || (code === "FORBIDDEN" && tried);
  // Its sentence for who sends no token is for programs; the form says it to people.
  complain(wantsToken && !tried ? "" : message);
  if (!wantsToken) return;
  hush();
  $("token-form").hidden = false;
  $("token").focus();
}

function sayAgain(entry) {
  speaker.play({ ...entry.speech, again: true }, true);
}

function roomChanged(problem) {
  const inside = Boolean(room.code);
  $("src").disabled = $("tgt").disabled = $("swap").disabled = inside;
  if (problem) complain(problem);
}

function played(type, member, { detail: result }) {
  const { session_id: id, utterance_index: index, group_id: group, trace_id: trace } = result;
  view.mark(`${id} ${index}`, type === "tts_started");
  document.body.dataset.played = speaker.played;
  // Another's speech is no part of this session's groups.
  if (group && !result.again && id === session.id) {
    session.send({ type, session_id: id, trace_id: trace, group_id: group, [member]: Date.now() });
  }
}

session.addEventListener("state", ({ detail }) => {
  tell(detail, STATES[detail]);
  if (detail === "open") complain("");
});
session.addEventListener("retry", ({ detail: error }) => {
  const answers = error.code !== "WS_DISCONNECTED" || error.closeCode === TRY_AGAIN_LATER;
  tell("lost", answers ? NOT_YET : STATES.lost);
  if (error.details?.limit === "guesses") $("token-form").hidden = false; // a good one is let in at once
  complain(answers ? `${error.message.replace(/\.$/, "")}. This page does so by itself. ${KEPT}` : AWAY);
});
session.addEventListener("session", ({ detail }) => {
  if (detail.historyLost && !detail.resumed) conversation.giveUp(detail.id);
});
session.addEventListener("message", ({ detail: message }) => {
  conversation.take(message);
  if (message.type === "translation_result" && message.tts_audio) speaker.play(message);
});
session.addEventListener("error", ({ detail: error }) => tellRefusal(error));
session.addEventListener("end", ({ detail: error }) => {
  if (!error) return;
  hush(); // nobody listens any more
  tellRefusal(error);
});
speaker.addEventListener("start", (event) => played("tts_started", "ts_start_ms", event));
speaker.addEventListener("end", (event) => played("tts_play_ended", "ts_end_ms", event));
speaker.addEventListener("failure", ({ detail }) => complain(detail));
conversation.addEventListener("change", ({ detail: entry }) => {
  $("empty").hidden = true;
  if (entry.heard || entry.translated) $("export").hidden = false;
  if (entry.done && entry.translated) complain("");
  view.show(entry);
});

$("speak").onclick = toggle;
$("token-form").onsubmit = (event) => {
  event.preventDefault();
  hush();
  session.close(); // which may be waiting to try the former token again
  sessionStorage.setItem(TOKEN, $("token").value);
  $("token").value = "";
  $("token-form").hidden = true;
  complain("");
  $("speak").focus();
};
$("swap").onclick = () => languages.swap();
$("file").onchange = ({ target }) => target.files[0] && sendFile(target.files[0]);
$("volume").oninput = ({ target }) => { speaker.volume = Number(target.value); };
$("mute").onclick = ({ currentTarget }) => {
  const muted = currentTarget.getAttribute("aria-pressed") !== "true";
  currentTarget.setAttribute("aria-pressed", muted);
  currentTarget.textContent = muted ? "Unmute" : "Mute";
  speaker.volume = muted ? 0 : Number($("volume").value);
};
$("again-all").onclick = () => conversation.entries.filter((entry) => entry.speech).forEach((entry) =>
  speaker.play({ ...entry.speech, again: true }));
document.querySelectorAll("[data-export]").forEach((button) => {
  button.onclick = () => save(button.dataset.export, conversation.entries, nameOf);
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea, button, a");
  if (event.code === "Space" && !typing && !event.repeat) {
    event.preventDefault();
    toggle();
  }
});
document.addEventListener("dragover", (event) => { event.preventDefault(); $("drop").hidden = false; });
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) $("drop").hidden = true; });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  $("drop").hidden = true;
  if (event.dataTransfer.files[0]) sendFile(event.dataTransfer.files[0]);
});
addEventListener("pagehide", () => session.close());

if ((await languages.load()) === false) $("empty").textContent = NOBODY;
document.body.dataset.ready = "true";
