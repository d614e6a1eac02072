/** `<bus-room>`: a room on the page, live. */

import { connect } from "../client.js";
import { fill, gettext, language, ngettext } from "../i18n.js";
import { Actions } from "./actions.js";
import "./composer.js";
import "./connection.js";
import "./log.js";
import { showNotice } from "./notice.js";
import { showStatus, statusText } from "./pending.js";
import { reasonText } from "./reasons.js";
import { announcementRow, messageRow, pendingRow, remove, settle } from "./row.js";
import "./typing.js";

const FOR_EVER = 10 * 365 * 86_400_000; // ms; a mute beyond this has no end
const OLDER = 50; // messages of one page of history
const RANKS = ["owner", "moderator"]; // who may delete what others wrote, and need not wait
const LIMITS = ["slow_mode", "rate_limited"]; // the text goes back to the composer

/** Ties the client to the log, the composer and the bar. */
class BusRoom extends HTMLElement {
  connectedCallback() {
    const { room, since, me, websocket } = this.dataset;
    this.me = me;
    this.log = this.querySelector("bus-log");
    this.composer = this.querySelector("bus-composer");
    this.typing = this.querySelector("bus-typing");
    this.title = document.title;
    this.bus = connect(websocket, { user: me });
    this.room = this.bus.room(room, { since: Number(since) });
    const say = (text, role) => this.#say(text, role);
    this.actions = new Actions(this.log.list, this.room, (row) => this.#may(row), say);
    this.actions.changed = () => this.#pause(); // an edit counts as a message does
    this.bus.on("state", (change) => this.#state(change));
    this.bus.on("user.changed", (user) => Object.assign(this.bus.session.user, user));
    this.#listen();
    this.room.join().catch(() => {}); // told by "rejected"
    this.log.addEventListener("older", () => this.#older());
    this.log.addEventListener("unread", () => {
      document.title = this.log.unread ? `(${this.log.unread}) ${this.title}` : this.title;
    });
    this.log.addEventListener("seen", () => this.#seen());
    this.composer.addEventListener("send", ({ detail }) => this.#send(detail));
    this.composer.addEventListener("typing", () => this.room.typing());
    this.log.toBottom();
  }

  #listen() {
    const { room, log } = this;
    room.on("message", (message) => this.#show(message));
    room.on("edited", (message) => log.find(message.id) && settle(log.find(message.id), message));
    room.on("removed", (message) => {
      const row = log.find(message.id);
      if (!row) return;
      const focused = row.contains(document.activeElement);
      remove(row, message);
      if (focused) this.composer.field.focus();
    });
    room.on("gap", ({ messages }) => {
      if (!messages) return;
      for (const message of messages) this.#pending(message)?.remove();
      log.replace(messages.map((message) => messageRow(message, this.me)));
      log.older.hidden = false;
    });
    room.on("joined", (joined) => this.#joined(joined));
    room.on("restored", (sent) => this.#track(sent));
    room.on("presence", (presence) => this.#online(presence));
    room.on("user.changed", (author) => log.rename(author));
    room.on("settled", ({ notice }) => notice && showNotice(this.composer, notice));
    room.on("typing", ({ members }) => this.typing.show(members, this.me));
    room.on("member", (you) => {
      this.#rights({ ...this.you, ...you });
      this.#open();
    });
    room.on("event", (event) => {
      if (event.name === "announcement") log.append(announcementRow(event));
    });
    room.on("changed", (facts) => {
      this.#facts(facts);
      this.#open();
    });
    room.on("rejected", (error) => {
      const reason = reasonText(error);
      const text = fill(gettext("You cannot enter this room: %(reason)s"), { reason });
      this.composer.close(text);
      this.#say(text, "alert");
    });
  }

  #state(change) {
    const before = this.connection;
    this.connection = change.state;
    if (change.state === "online") {
      const { user, limits } = this.bus.session;
      if (user?.id != null) this.me = String(user.id);
      if (limits?.body) this.composer.limit = limits.body;
      if (this.wasLost) this.#say(gettext("Connected again"));
      this.wasLost = false;
    } else if (before === "online") {
      this.wasLost = true;
      this.typing.show([], this.me);
      this.#say(gettext("Connection lost"));
    }
    const { login } = this.dataset;
    this.querySelector("bus-connection").show(change, { login, retry: () => this.bus.retry() });
  }

  #joined({ room: facts, presence, you, read }) {
    this.#rights(you);
    if (facts) this.#facts(facts);
    if (presence) this.#online(presence);
    this.#open();
    const first = !this.entered;
    this.entered = true;
    if (first && read) this.log.divideAfter(read); // to who was never here, all is new
    this.#seen();
  }

  // Whether one may write, and until when not.
  #open() {
    clearTimeout(this.opening);
    this.#welcome();
    const muted = this.#left(this.you?.muted_until);
    if (this.archived) return this.composer.close(gettext("The room is archived."));
    if (!(muted > 0)) return this.composer.close();
    const time = new Date(this.you.muted_until).toLocaleString(language);
    const known = muted < FOR_EVER;
    const until = fill(gettext("You are muted in this room until %(time)s."), { time });
    this.composer.close(known ? until : gettext("You are muted in this room."));
    if (known) this.opening = setTimeout(() => this.#open(), Math.min(muted, 2 ** 31 - 1));
  }

  // A newcomer waits where the room asks for it, and no longer whatever this clock says.
  #welcome() {
    const left = this.#left(this.you?.writes_from) / 1000;
    this.composer.welcome(left > 0 ? Math.min(left, this.newcomerWait) : 0);
  }

  // What the visitor is here; and what this clock says now, since whoever sets it changes no wait.
  #rights(you) {
    this.you = you;
    this.counting = Date.now() - performance.now();
  }

  // Until a time that the server told, in ms; NaN where it told none.
  #left(time) {
    return Date.parse(time ?? "") - this.counting - performance.now();
  }

  #seen() {
    if (this.entered && this.log.seen) this.room.read();
  }

  #may(row) {
    const mine = row.classList.contains("own");
    return { change: mine, take: mine || RANKS.includes(this.you?.role), report: !mine };
  }

  // Anybody may send a message with the client_id of another's.
  #pending({ author, client_id }) {
    return String(author.id) === this.me ? this.log.pending(client_id ?? "") : null;
  }

  #show(message) {
    const known = this.log.find(message.id) ?? this.#pending(message);
    if (known) settle(known, message);
    this.log.append(known ?? messageRow(message, this.me));
    this.#seen();
  }

  #send(body) {
    const sent = this.room.send({ body });
    this.#track(sent);
    sent.accepted.then(() => this.#pause(), () => {});
  }

  #track(sent) {
    const row = pendingRow(sent, this.me, this.bus.session?.user?.name ?? this.dataset.name);
    const acts = {
      drop: () => this.#drop(sent, row),
      resend: () => {
        this.#drop(sent, row);
        this.composer.restore(sent.body);
      },
      withdraw: () => this.#withdraw(sent, row),
    };
    showStatus(row, sent, acts);
    this.log.append(row);
    this.log.toBottom(true);
    sent.on("status", (status) => this.#status(row, sent, acts, status));
  }

  async #withdraw(sent, row) {
    try {
      await this.room.delete(sent.id);
      this.#drop(sent, row);
      this.#say(gettext("You took the message back."));
    } catch (error) {
      const reason = reasonText(error);
      this.#say(fill(gettext("It did not work: %(reason)s"), { reason }), "alert");
    }
  }

  #status(row, sent, acts, status) {
    if (LIMITS.includes(sent.reason?.code) && sent.reason.retry_after) {
      acts.resend();
      return this.composer.wait(sent.reason.retry_after);
    }
    if (sent.reason?.code === "withdrawn") return this.#drop(sent, row);
    const focused = row.contains(document.activeElement);
    showStatus(row, sent, acts);
    if (focused) this.composer.field.focus();
    if (this.log.stuck) this.log.toBottom();
    if (status === "sending") return;
    if (status === "posted") queueMicrotask(() => this.#shown(sent, row));
    this.#say(statusText(sent), status === "rejected" || status === "failed" ? "alert" : "status");
  }

  // One kept from before a reload may be in the page's own history, or older than that.
  #shown(sent, row) {
    if (row.dataset.client && sent.seq <= this.room.seq) this.log.drop(row);
  }

  #drop(sent, row) {
    const focused = row.contains(document.activeElement);
    sent.cancel();
    this.log.drop(row);
    if (focused) this.composer.field.focus();
  }

  // The server decides; this only spares people the refusal.
  #pause() {
    if (this.slowMode && !RANKS.includes(this.you?.role)) this.composer.wait(this.slowMode);
  }

  async #older() {
    const { log } = this;
    log.older.disabled = true;
    try {
      const page = await this.room.history({ before: log.first, limit: OLDER });
      log.prepend(page.messages.map((message) => messageRow(message, this.me)));
      log.older.hidden = !page.more;
    } catch (error) {
      const reason = reasonText(error);
      this.#say(fill(gettext("Could not load older messages: %(reason)s"), { reason }), "alert");
    }
    const focused = [document.body, log.older].includes(document.activeElement);
    log.older.disabled = false;
    if (focused) (log.older.hidden ? log.scroller : log.older).focus({ preventScroll: true });
  }

  #facts({ title, name, topic, slow_mode, newcomer_wait, moderation, archived = false }) {
    this.slowMode = slow_mode ?? 0;
    this.newcomerWait = newcomer_wait ?? 0;
    this.archived = archived;
    this.querySelector(".title").textContent = title || name;
    const set = (selector, text) => {
      const element = this.querySelector(selector);
      element.textContent = text;
      element.hidden = !text;
    };
    set(".topic", topic ?? "");
    set(".slow", slow_mode ? fill(gettext("slow mode %(seconds)s s"), { seconds: slow_mode }) : "");
    const wait = { seconds: newcomer_wait };
    set(".newcomers", newcomer_wait ? fill(gettext("newcomers wait %(seconds)s s"), wait) : "");
    set(".reviewed", moderation && moderation !== "off" ? gettext("messages are reviewed") : "");
  }

  #online({ count }) {
    const element = this.querySelector(".online");
    element.hidden = count == null;
    element.textContent = fill(ngettext("%(count)s online", "%(count)s online", count), { count });
  }

  #say(text, role = "status") {
    this.querySelector(`[role=${role}].sr-only`).textContent = text;
  }
}

customElements.define("bus-room", BusRoom);
