/** `<bus-room>`: a room on the page, live. */

import { connect } from "../client.js";
import { fill, gettext, ngettext } from "../i18n.js";
import "./composer.js";
import "./connection.js";
import "./log.js";
import { showStatus, statusText } from "./pending.js";
import { reasonText } from "./reasons.js";
import { announcementRow, messageRow, pendingRow, remove, settle } from "./row.js";

const OLDER = 50; // messages of one page of history
const LIMITS = ["slow_mode", "rate_limited"]; // the text goes back to the composer

/** Ties the client to the log, the composer and the bar. */
class BusRoom extends HTMLElement {
  connectedCallback() {
    const { room, since, me } = this.dataset;
    this.me = me;
    this.log = this.querySelector("bus-log");
    this.composer = this.querySelector("bus-composer");
    this.title = document.title;
    this.bus = connect("/ws/");
    this.room = this.bus.room(room, { since: Number(since) });
    this.bus.on("state", (change) => this.#state(change));
    this.#listen();
    this.room.join().catch(() => {}); // told by "rejected"
    this.log.addEventListener("older", () => this.#older());
    this.log.addEventListener("unread", () => {
      document.title = this.log.unread ? `(${this.log.unread}) ${this.title}` : this.title;
    });
    this.composer.addEventListener("send", ({ detail }) => this.#send(detail));
    this.log.toBottom();
  }

  #listen() {
    const { room, log } = this;
    room.on("message", (message) => this.#show(message));
    room.on("edited", (message) => log.find(message.id) && settle(log.find(message.id), message));
    room.on("removed", (message) => log.find(message.id) && remove(log.find(message.id), message));
    room.on("gap", ({ messages }) => {
      if (!messages) return;
      for (const { client_id } of messages) log.pending(client_id ?? "")?.remove();
      log.replace(messages.map((message) => messageRow(message, this.me)));
      log.older.hidden = false;
    });
    room.on("joined", ({ room: facts, presence, you }) => {
      this.you = you;
      if (facts) this.#facts(facts);
      if (presence) this.#online(presence);
      this.composer.close();
    });
    room.on("presence", (presence) => this.#online(presence));
    room.on("event", (event) => {
      if (event.name === "announcement") log.append(announcementRow(event));
    });
    room.on("changed", (facts) => this.#facts(facts));
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
      this.#say(gettext("Connection lost"));
    }
    const { login } = this.dataset;
    this.querySelector("bus-connection").show(change, { login, retry: () => this.bus.retry() });
  }

  #show(message) {
    const known = this.log.find(message.id) ?? this.log.pending(message.client_id ?? "");
    if (known) settle(known, message);
    this.log.append(known ?? messageRow(message, this.me));
  }

  #send(body) {
    const sent = this.room.send({ body });
    const row = pendingRow(sent, this.me, this.bus.session?.user?.name ?? this.dataset.name);
    const acts = {
      drop: () => this.#drop(sent, row),
      resend: () => {
        this.#drop(sent, row);
        this.composer.restore(sent.body);
      },
    };
    showStatus(row, sent, acts);
    this.log.append(row);
    this.log.toBottom(true);
    sent.on("status", (status) => this.#status(row, sent, acts, status));
    sent.accepted.then(() => this.#pause(), () => {});
  }

  #status(row, sent, acts, status) {
    if (LIMITS.includes(sent.reason?.code) && sent.reason.retry_after) {
      acts.resend();
      return this.composer.wait(sent.reason.retry_after);
    }
    const focused = row.contains(document.activeElement);
    showStatus(row, sent, acts);
    if (focused) this.composer.field.focus();
    if (this.log.stuck) this.log.toBottom();
    if (status === "sending") return;
    this.#say(statusText(sent), status === "rejected" || status === "failed" ? "alert" : "status");
  }

  #drop(sent, row) {
    const focused = row.contains(document.activeElement);
    sent.cancel();
    this.log.drop(row);
    if (focused) this.composer.field.focus();
  }

  // The server decides; this only spares people the refusal.
  #pause() {
    const free = ["owner", "moderator"].includes(this.you?.role);
    if (this.slowMode && !free) this.composer.wait(this.slowMode);
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

  #facts({ title, name, topic, slow_mode, moderation }) {
    this.slowMode = slow_mode ?? 0;
    this.querySelector(".title").textContent = title || name;
    const set = (selector, text) => {
      const element = this.querySelector(selector);
      element.textContent = text;
      element.hidden = !text;
    };
    set(".topic", topic ?? "");
    set(".slow", slow_mode ? fill(gettext("slow mode %(seconds)s s"), { seconds: slow_mode }) : "");
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
