/** `<bus-log>`: the lines of a room; stays at the bottom only if it was there. */

import { fill, gettext, ngettext } from "../i18n.js";
import { make } from "./dom.js";
import { adopt, group, rename } from "./row.js";

const NEAR = 48; // px from the bottom that still count as being there
const MOST = 500; // rows kept while reading at the bottom; older ones can be loaded again

/** The lines of a room. */
export class BusLog extends HTMLElement {
  unread = 0;
  stuck = true; // at the bottom, and staying there

  connectedCallback() {
    this.scroller = this.querySelector(".scroll");
    this.list = this.querySelector("ol");
    this.older = this.querySelector(".older");
    this.pill = this.querySelector(".pill");
    this.rows.forEach(adopt);
    this.rows.forEach(group);
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.older.addEventListener("click", () => this.dispatchEvent(new Event("older")));
    this.pill.addEventListener("click", () => this.toBottom(true));
    document.addEventListener("visibilitychange", () => {
      if (this.seen) this.toBottom(true);
    });
    // Once a frame, however many rows came, and when the composer or the window changes.
    const follow = new ResizeObserver(() => this.stuck && this.toBottom());
    follow.observe(this.scroller);
    follow.observe(this.list);
  }

  /** Whether the newest line is before somebody's eyes. */
  get seen() {
    return this.stuck && !document.hidden;
  }

  /** The messages, without the lines between them. */
  get rows() {
    return [...this.list.querySelectorAll(":scope > .row")];
  }

  /** The row of a message of the room. */
  find(id) {
    return this.list.querySelector(`:scope > [data-id="${CSS.escape(id)}"]`);
  }

  /** The row of a message on its way. */
  pending(clientId) {
    return this.list.querySelector(`:scope > [data-client="${CSS.escape(clientId)}"]`);
  }

  /** The seq of the oldest message here. */
  get first() {
    return Number(this.list.querySelector(":scope > [data-seq]")?.dataset.seq ?? 0);
  }

  /** Add a row at the end, or put one that is there in the order of its seq. */
  append(row) {
    const next = this.#after(row);
    if (!row.isConnected || next !== row.nextElementSibling) {
      const follower = row.isConnected && row.nextElementSibling;
      if (!row.isConnected && !row.matches(".own")) this.#count(next);
      this.list.insertBefore(row, next);
      if (follower) this.#group(follower);
    }
    group(row);
    this.#group(row.nextElementSibling);
    this.#changed();
  }

  /** Show an author as they are now on all of their rows. */
  rename(author) {
    const rows = this.list.querySelectorAll(`:scope > [data-author="${CSS.escape(author.id)}"]`);
    for (const row of rows) rename(row, author);
  }

  /** Take a row out. */
  drop(row) {
    const next = row.nextElementSibling;
    row.remove();
    this.#group(next);
    this.#changed();
  }

  /** Put older rows before the first, without a word and without moving what is read. */
  prepend(rows) {
    const { scroller } = this;
    const fromEnd = scroller.scrollHeight - scroller.scrollTop;
    const first = this.rows[0];
    scroller.setAttribute("aria-live", "off");
    this.list.prepend(...rows);
    [...rows, first].forEach(group);
    scroller.scrollTop = scroller.scrollHeight - fromEnd;
    setTimeout(() => scroller.removeAttribute("aria-live"), 500);
  }

  /** Show other messages instead; what is on its way stays at the end. */
  replace(rows) {
    const kept = this.rows.filter((row) => row.dataset.client);
    this.list.replaceChildren(...rows, ...kept);
    this.rows.forEach(group);
    this.#changed();
  }

  /** Go to the newest line; `seen` takes the count of unread lines away. */
  toBottom(seen = false) {
    this.stuck = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
    if (seen) this.#read();
  }

  // What others said meanwhile goes above rows still on their way, never above what is settled.
  #after(row) {
    const seq = Number(row.dataset.seq);
    const rows = this.rows.filter((other) => other !== row);
    if (row.isConnected && this.#inOrder(row, rows, seq)) return row.nextElementSibling;
    let next = null;
    for (const other of rows.reverse()) {
      const waits = /^(queued|sending)$/.test(other.dataset.status ?? "");
      if (!seq || (!waits && !(Number(other.dataset.seq) > seq))) break;
      next = other;
    }
    return next;
  }

  #inOrder(row, rows, seq) {
    return rows.every((other) => {
      const before = other.compareDocumentPosition(row) & Node.DOCUMENT_POSITION_FOLLOWING;
      const theirs = Number(other.dataset.seq);
      return !theirs || (before ? theirs < seq : theirs > seq);
    });
  }

  #group(row) {
    if (row?.matches(".day")) row = row.nextElementSibling;
    if (row?.matches(".row")) group(row);
    else this.list.querySelector(":scope > .day:last-child")?.remove();
  }

  #count(next) {
    if (this.seen) return;
    if (!this.unread++) this.#divide(next);
    this.#draw();
  }

  /** Draw the line before what others wrote after `seq`, and show it. */
  divideAfter(seq) {
    const fresh = this.rows.filter((row) => Number(row.dataset.seq) > seq && !row.matches(".own"));
    if (!fresh.length) return;
    this.#divide(fresh[0]).scrollIntoView({ block: "nearest" });
    this.#scrolled();
    if (this.seen) return;
    this.unread = fresh.length;
    this.#draw();
  }

  #divide(next) {
    this.list.querySelector(":scope > .new")?.remove();
    const line = make("li", { className: "new" }, make("span", {}, gettext("new")));
    this.list.insertBefore(line, next);
    if (next) group(next);
    return line;
  }

  #changed() {
    this.querySelector(".empty").hidden = this.list.childElementCount > 0;
    const rows = this.stuck ? this.rows : [];
    if (rows.length <= MOST) return;
    for (const row of rows.slice(0, rows.length - MOST)) row.remove();
    while (!this.list.firstElementChild.matches(".row")) this.list.firstElementChild.remove();
    group(this.list.firstElementChild);
    this.older.hidden = false;
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    this.stuck = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.seen) this.#read();
  }

  #read() {
    this.dispatchEvent(new Event("seen"));
    if (!this.unread) return;
    this.unread = 0;
    this.#draw();
  }

  #draw() {
    const count = this.unread;
    this.pill.hidden = !count || this.stuck;
    const text = ngettext("%(count)s new message", "%(count)s new messages", count);
    this.pill.textContent = `↓ ${fill(text, { count })}`;
    this.dispatchEvent(new Event("unread"));
  }
}

customElements.define("bus-log", BusLog);
