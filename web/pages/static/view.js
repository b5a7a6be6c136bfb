import { journey } from "/pages/conversation.js";

const PASSED_ON = "The others hear it in their own languages.";

/** A new element with some properties and children. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Shows the entries of a conversation as a list, the newest last. */
export class View {
  constructor(list, { onPlay, nameOf, languages }) {
    this.list = list;
    this.onPlay = onPlay;
    this.nameOf = nameOf;
    this.languages = languages;
    this.cards = new Map();
  }

  show(entry) {
    let card = this.cards.get(entry.key);
    if (!card) {
      card = this.#card(entry);
      this.cards.set(entry.key, card);
      this.list.append(card.root);
      card.root.scrollIntoView({ block: "nearest" });
    }
    this.#fill(card, entry);
  }

  mark(key, playing) {
    const card = this.cards.get(key);
    if (card) card.root.dataset.playing = playing;
  }

  #card(entry) {
    const { src, tgt } = this.languages();
    const card = {
      who: make("p", { className: "who" }),
      heard: make("p", { className: "heard", lang: src, dir: "auto" }),
      translated: make("p", { className: "translated", lang: tgt, dir: "auto" }),
      journey: make("ol", { className: "journey" }),
      again: make("button", { type: "button", className: "quiet say-again", textContent: "▶ Say again", hidden: true }),
    };
    card.again.onclick = () => this.onPlay(entry);
    card.journey.setAttribute("aria-label", "Journey of this utterance, ms since it was cut");
    card.journey.setAttribute("aria-live", "off");
    const texts = make("div", { className: "texts" }, card.heard, card.translated);
    const foot = make("div", { className: "foot" }, card.journey, card.again);
    card.root = make("li", { className: "utterance" }, card.who, texts, foot);
    return card;
  }

  #fill(card, entry) {
    card.root.hidden = entry.silent; // nobody spoke after all
    const name = this.nameOf(entry);
    card.who.textContent = name;
    card.who.hidden = !name;
    card.root.dataset.done = entry.done;
    card.heard.textContent = entry.heard || (entry.done ? "" : "…");
    card.heard.dataset.partial = entry.partial;
    card.translated.textContent = entry.failure || entry.translated || (entry.passedOn ? PASSED_ON : "");
    card.translated.classList.toggle("passed-on", entry.passedOn && !entry.failure && !entry.translated);
    card.translated.classList.toggle("failure", Boolean(entry.failure));
    card.again.hidden = !entry.speech;
    card.journey.replaceChildren(
      ...journey(entry).map(({ word, note, ms }) =>
        make("li", {}, make("b", { textContent: word }), note ? ` ${note}` : "", ms === null ? "" : ` ${ms} ms`)),
    );
  }
}
