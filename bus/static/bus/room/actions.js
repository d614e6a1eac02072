/** What one can do with a message of the room: change or delete one's own, report others'. */

import { fill, gettext } from "../i18n.js";
import { button, make } from "./dom.js";
import { Enter } from "./enter.js";
import { reasonText } from "./reasons.js";

const REPORTS = {
  spam: gettext("Spam"),
  harassment: gettext("Hurts somebody"),
  self_harm: gettext("Self-harm"),
  other: gettext("Something else"),
};

/** The button that shows what one can do; each row has one. */
export function moreButton(name) {
  const more = make("button", { type: "button", className: "more quiet", title: gettext("More") }, "⋯");
  more.setAttribute("aria-expanded", "false");
  more.setAttribute("aria-label", fill(gettext("More about the message of %(name)s"), { name }));
  return more;
}

/** Ties the buttons of all rows to commands of the room; `may` tells what `row` allows, and
    `changed` is called after each edit. */
export class Actions {
  #row = null; // the one that is open

  constructor(list, room, may, say) {
    Object.assign(this, { room, may, say });
    list.addEventListener("click", ({ target }) => {
      const more = target.closest(".more");
      if (more) this.#toggle(more.closest(".row"));
    });
    list.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.isComposing || !this.#row?.contains(event.target)) return;
      event.stopPropagation();
      this.close();
    });
  }

  /** Put away what is open, and leave the focus where it can go on. */
  close() {
    const row = this.#row;
    if (!row) return;
    this.#row = null;
    const panel = row.querySelector(".acts");
    const focused = panel?.contains(document.activeElement);
    panel?.remove();
    row.classList.remove("editing");
    const more = row.querySelector(".more");
    more?.setAttribute("aria-expanded", "false");
    if (focused) more?.focus();
  }

  #toggle(row) {
    const again = row === this.#row;
    this.close();
    if (!again) this.#open(row);
  }

  #open(row) {
    const { change, take, report } = this.may(row);
    this.#row = row;
    row.querySelector(".more").setAttribute("aria-expanded", "true");
    const buttons = [];
    if (change) buttons.push(button(gettext("Edit"), () => this.#edit(row)));
    if (take) buttons.push(button(gettext("Delete"), () => this.#confirm(row)));
    if (report) buttons.push(button(gettext("Report"), () => this.#report(row)));
    this.#show(row, buttons);
  }

  #show(row, children, question = "") {
    row.querySelector(".acts")?.remove();
    const panel = make("div", { className: "acts" });
    if (question) panel.append(make("span", {}, question));
    panel.append(...children);
    panel.setAttribute("role", "group");
    panel.setAttribute("aria-label", question || gettext("What to do with the message"));
    row.querySelector(".line").append(panel);
    panel.querySelector("textarea, button").focus();
    panel.scrollIntoView({ block: "nearest" });
    return panel;
  }

  #edit(row) {
    const field = make("textarea", { value: row.source, rows: 1, dir: "auto" });
    field.setAttribute("aria-label", gettext("Change the message"));
    const save = () => {
      if (enter.composing) return;
      const body = field.value.trim();
      if (!body || body === row.source.trim()) this.close();
      else this.#do(row, () => this.#change(row, body), gettext("Changed"));
    };
    const enter = new Enter(field, save);
    row.classList.add("editing");
    const fit = () => {
      field.style.height = "auto"; // to measure it
      field.style.height = `${field.scrollHeight}px`;
    };
    field.addEventListener("input", fit);
    const cancel = button(gettext("Cancel"), () => this.close());
    this.#show(row, [field, button(gettext("Save"), save), cancel]);
    fit();
    field.setSelectionRange(field.value.length, field.value.length);
  }

  async #change(row, body) {
    await this.room.edit(row.dataset.id, body);
    this.changed?.();
  }

  #confirm(row) {
    const remove = () => this.room.delete(row.dataset.id);
    const sure = button(gettext("Delete"), () => this.#do(row, remove, gettext("Message removed")));
    sure.classList.add("danger");
    const cancel = button(gettext("Cancel"), () => this.close());
    this.#show(row, [sure, cancel], gettext("Delete this message?"));
  }

  #report(row) {
    const reasons = Object.entries(REPORTS).map(([code, label]) => button(label, () => {
      this.#do(row, () => this.room.report(row.dataset.id, code), gettext("Reported. Thank you."));
    }));
    const cancel = button(gettext("Cancel"), () => this.close());
    this.#show(row, [...reasons, cancel], gettext("What is wrong with it?"));
  }

  async #do(row, command, done) {
    const panel = row.querySelector(".acts");
    const all = [...panel.querySelectorAll("button, textarea")];
    for (const each of all) each.setAttribute("aria-disabled", "true");
    if (panel.dataset.busy) return;
    panel.dataset.busy = "1";
    try {
      await command();
      this.say(done);
      if (this.#row === row && panel.isConnected) this.close();
    } catch (error) {
      delete panel.dataset.busy;
      for (const each of all) each.removeAttribute("aria-disabled");
      const reason = reasonText(error.reason ?? error);
      const text = fill(gettext("It did not work: %(reason)s"), { reason });
      this.say(text, "alert");
      panel.querySelector(".problem")?.remove();
      panel.append(make("p", { className: "problem" }, text));
    }
  }
}
