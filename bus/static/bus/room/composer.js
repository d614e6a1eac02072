/** `<bus-composer>`: where one writes; Enter sends, Shift+Enter makes a line, drafts survive. */

import { fill, gettext } from "../i18n.js";

const WARN_AT = 0.75; // of the limit: from there on, what is left is shown
const HANGUL = /^[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff\uffa0-\uffdc]+$/;

/** The field where one writes, and what keeps it from sending. */
export class BusComposer extends HTMLElement {
  #composing = ""; // what an input method is putting together
  #wanted = false; // Enter came in the middle of a syllable: send when it is whole
  #held = false; // Enter is down, and makes no line
  #until = 0; // when the next message may go, in ms since 1970

  connectedCallback() {
    this.form = this.querySelector("form");
    this.field = this.querySelector("textarea");
    this.limit = Number(this.dataset.limit);
    this.field.value ||= draft(this.#key);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
      this.field.focus();
    });
    this.field.addEventListener("input", () => this.#changed());
    this.field.addEventListener("keydown", (event) => this.#pressed(event));
    this.field.addEventListener("keyup", () => (this.#held = false));
    this.field.addEventListener("beforeinput", (event) => this.#lineBreak(event));
    for (const type of ["compositionstart", "compositionupdate", "compositionend"]) {
      this.field.addEventListener(type, (event) => this.#compose(event));
    }
    this.#changed();
    const typing = matchMedia("(hover: hover)").matches && document.activeElement === document.body;
    if (typing) this.field.focus({ preventScroll: true });
  }

  get #key() {
    return `bus:draft:${this.dataset.key}`;
  }

  /** Put a text back, before what has been written since. */
  restore(text) {
    this.field.value = [text, this.field.value].filter(Boolean).join("\n");
    this.#changed();
    this.field.focus();
    this.field.setSelectionRange(text.length, text.length);
  }

  /** Let nothing go for that many seconds; what is written stays. */
  wait(seconds) {
    this.#until = Math.max(this.#until, Date.now() + seconds * 1000);
    this.#tick();
  }

  /** Take writing away, with the reason; or give it back, without one. */
  close(reason = "") {
    const notice = this.querySelector(".notice");
    notice.textContent = reason;
    notice.hidden = !reason;
    this.field.disabled = Boolean(reason);
    this.#changed();
  }

  #pressed(event) {
    // Windows calls the key "Process" in the middle of a syllable; its place has the name.
    if (event.key !== "Enter" && !/^(Numpad)?Enter$/.test(event.code)) return;
    if (event.shiftKey || event.altKey) return;
    this.#held = true;
    if (event.isComposing || this.#composing) {
      // Enter ends a Hangul syllable and means "send"; elsewhere it picks a candidate.
      this.#wanted = HANGUL.test(this.#composing);
      if (this.#wanted) event.preventDefault();
      return;
    }
    event.preventDefault();
    // Safari ends the composition first and then says that a key was part of it.
    if (event.keyCode === 229) setTimeout(() => this.#send());
    else this.#send();
  }

  #compose({ type, data }) {
    if (type === "compositionstart") this.#wanted = false;
    this.#composing = type === "compositionend" ? "" : (data ?? "");
    if (type !== "compositionend" || !this.#wanted) return;
    this.#wanted = false;
    // Once the browser has put the last syllable into the field. Should the Enter come a second
    // time, as on some systems, the field is empty by then and nothing more is sent.
    setTimeout(() => this.#send());
  }

  // Some input methods end the syllable and make a line as well.
  #lineBreak(event) {
    if (this.#held && /^insert(LineBreak|Paragraph)$/.test(event.inputType)) event.preventDefault();
  }

  #send() {
    const body = this.field.value.trim();
    if (!body || this.#composing || this.field.disabled) return;
    if (this.#left(body) < 0 || Date.now() < this.#until) return this.#tick();
    this.field.value = "";
    this.#changed();
    this.dispatchEvent(new CustomEvent("send", { detail: body }));
  }

  // The server counts code points, not UTF-16 units.
  #left(text) {
    return this.limit - [...text].length;
  }

  #changed() {
    const text = this.field.value;
    draft(this.#key, text);
    const left = this.#left(text.trim());
    const counter = this.querySelector(".counter");
    counter.hidden = left > this.limit * (1 - WARN_AT);
    counter.textContent = left;
    counter.classList.toggle("over", left < 0);
    this.field.setAttribute("aria-invalid", String(left < 0));
    this.field.style.height = "auto"; // to measure it
    this.field.style.height = `${this.field.scrollHeight}px`;
    this.#able();
  }

  #able() {
    const over = this.#left(this.field.value.trim()) < 0;
    this.querySelector(".send").disabled = this.field.disabled || over || Date.now() < this.#until;
  }

  #tick() {
    clearTimeout(this.timer);
    const seconds = Math.ceil((this.#until - Date.now()) / 1000);
    const wait = this.querySelector(".wait");
    wait.hidden = seconds <= 0;
    wait.textContent = fill(gettext("Next message in %(seconds)s s"), { seconds });
    this.#able();
    if (seconds > 0) this.timer = setTimeout(() => this.#tick(), 250);
  }
}

/** Keep a text over a reload, or read the one kept. */
function draft(key, text) {
  try {
    if (text === undefined) return sessionStorage.getItem(key) ?? "";
    if (text) sessionStorage.setItem(key, text);
    else sessionStorage.removeItem(key);
  } catch {
    // A browser that keeps nothing: the draft lives as long as the page.
  }
  return text ?? "";
}

customElements.define("bus-composer", BusComposer);
