import { ask } from "/pages/ask.js";

const USUAL = ["en", "pt", "es", "de", "fr", "it", "nl", "pl", "tr", "ar", "hi", "zh", "ja", "ko"];
const names = new Intl.DisplayNames([navigator.language, "en"], { type: "language", fallback: "code" });

export const nameOf = (code) => (code === "auto" ? "Any language" : names.of(code));

/** The two lists of languages: which can be spoken, and into which each is translated now. */
export class Languages {
  constructor(src, tgt) {
    this.src = src;
    this.tgt = tgt;
    this.pairs = [];
    src.addEventListener("change", () => this.#fillTargets());
  }

  /** Ask the server which pairs its nodes serve now; false when it knows none, null when it does not say. */
  async load() {
    const pairs = await ask("languages").then((answer) => answer.pairs, () => null); // the session will tell what is wrong
    this.pairs = pairs ?? [];
    const wish = new URLSearchParams(location.search);
    this.#fill(this.src, this.pairs.length ? this.pairs.map((pair) => pair.src) : USUAL, wish.get("from") || "en");
    this.#fillTargets(wish.get("to") || "pt");
    return pairs && pairs.length > 0;
  }

  swap() {
    const { src, tgt } = this.chosen;
    if (![...this.src.options].some((option) => option.value === tgt)) return;
    this.src.value = tgt;
    this.#fillTargets(src);
  }

  get chosen() {
    return { src: this.src.value, tgt: this.tgt.value };
  }

  #fillTargets(wish = this.tgt.value) {
    const served = this.pairs.filter((pair) => pair.src === this.src.value).map((pair) => pair.tgt);
    this.#fill(this.tgt, this.pairs.length ? served : USUAL, wish);
  }

  #fill(select, codes, wish) {
    const sorted = [...new Set(codes)].sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
    select.replaceChildren(...sorted.map((code) => new Option(nameOf(code), code)));
    if (sorted.includes(wish)) select.value = wish;
  }
}
