/** The Enter key of a field: it sends, Shift+Enter makes a line, and a Hangul syllable ends whole. */

const HANGUL = /^[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff\uffa0-\uffdc]+$/;

/** Calls `send` once for each Enter that means it. */
export class Enter {
  #composing = ""; // what an input method is putting together
  #wanted = false; // Enter came in the middle of a syllable: send when it is whole
  #held = false; // Enter is down, and makes no line

  constructor(field, send) {
    this.send = send;
    field.addEventListener("keydown", (event) => this.#pressed(event));
    field.addEventListener("keyup", () => (this.#held = false));
    field.addEventListener("beforeinput", (event) => this.#lineBreak(event));
    for (const type of ["compositionstart", "compositionupdate", "compositionend"]) {
      field.addEventListener(type, (event) => this.#compose(event));
    }
  }

  /** Whether an input method is at work. */
  get composing() {
    return Boolean(this.#composing);
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
    if (event.keyCode === 229) setTimeout(() => this.send());
    else this.send();
  }

  #compose({ type, data }) {
    if (type === "compositionstart") this.#wanted = false;
    this.#composing = type === "compositionend" ? "" : (data ?? "");
    if (type !== "compositionend" || !this.#wanted) return;
    this.#wanted = false;
    // Once the browser has put the last syllable into the field. Should the Enter come a second
    // time, as on some systems, the field is empty by then and nothing more is sent.
    setTimeout(() => this.send());
  }

  // Some input methods end the syllable and make a line as well.
  #lineBreak(event) {
    if (this.#held && /^insert(LineBreak|Paragraph)$/.test(event.inputType)) event.preventDefault();
  }
}
