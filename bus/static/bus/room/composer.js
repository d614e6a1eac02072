/** `<bus-composer>`: where one writes; Enter sends, Shift+Enter makes a line, drafts survive. */

import { fill, gettext } from "../i18n.js";
import { left } from "./characters.js";
import { Enter } from "./enter.js";

const WARN_AT = 0.75; // of the limit: from there on, what is left is shown

/** The field where one writes, and what keeps it from sending. */
export class BusComposer extends HTMLElement {
  // When the next message may go, by two clocks in ms, the sooner of which holds: the first may be
  // set, and the second may stand still while a laptop sleeps.
  #until = [0, 0];
  #newcomer = false; // whether it is the first one that waits

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
    this.enter = new Enter(this.field, () => this.#send());
    this.field.addEventListener("input", () => {
      this.#changed();
      if (this.field.value.trim()) this.dispatchEvent(new Event("typing"));
    });
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
    this.#hold(Math.max(this.#held, seconds * 1000));
    this.#tick();
  }

  /** Let nothing of a newcomer go for that many seconds; 0 ends it. */
  welcome(seconds) {
    if (!seconds && !this.#newcomer) return;
    this.#newcomer = seconds > 0;
    this.#hold(seconds * 1000);
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

  #hold(wait) {
    this.#until = [Date.now() + wait, performance.now() + wait];
  }

  // How long nothing may go yet, in ms.
  get #held() {
    return Math.min(this.#until[0] - Date.now(), this.#until[1] - performance.now());
  }

  #send() {
    const body = this.field.value.trim();
    if (!body || this.enter.composing || this.field.disabled) return;
    if (this.#left(body) < 0 || this.#held > 0) return this.#tick();
    this.field.value = "";
    this.#changed();
    this.dispatchEvent(new CustomEvent("send", { detail: body }));
  }

  #left(text) {
    return left(text, this.limit);
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
    this.querySelector(".send").disabled = this.field.disabled || over || this.#held > 0;
  }

  #tick() {
    clearTimeout(this.timer);
    const seconds = Math.ceil(this.#held / 1000);
    const wait = this.querySelector(".wait");
    wait.hidden = seconds <= 0;
    const text = this.#newcomer
      ? gettext("Newcomers wait a little here: you can write in %(seconds)s s")
      : gettext("Next message in %(seconds)s s");
    wait.textContent = fill(text, { seconds });
    this.#able();
    if (seconds <= 0) this.#newcomer = false;
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
