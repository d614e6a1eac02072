/** Bus in a browser: rooms, messages and reconnects over one WebSocket, without a DOM. */

const FIRST_DELAY = 500; // ms, the most that the first reconnect waits; doubles with each attempt
const LAST_DELAY = 20_000; // ms, the most that any reconnect waits
const STEADY = 5_000; // ms of uptime that make the attempts count from zero again
const ANSWER = 10_000; // ms until a command counts as unanswered, and a send as failed
const PROBE = 5_000; // ms to wait for a reply before sending again, or on waking up
const BUSY = 30_000; // ms to go on while the server says that it is busy
const CLOSED = { 4401: "unauthenticated", 4403: "forbidden", 4409: "replaced" }; // do not come back
const LOST = { 1012: "restart", 1013: "busy", 4408: "too_slow", 4429: "too_many" };
const TRANSIENT = ["busy", "unavailable", "internal", "rate_limited"]; // worth asking again
const SEQUENCED = {
  "message.posted": "message", "message.edited": "edited", "message.removed": "removed",
};
const EVENTS = {
  ...SEQUENCED, "presence.changed": "presence", "typing.changed": "typing",
  "room.changed": "changed", "member.changed": "member", "event.published": "event",
  "message.settled": "settled",
};

/** A refusal: `code` and `message` from the server, `retry_after` (seconds) where waiting helps. */
export class Rejected extends Error {
  constructor({ code = "unavailable", message, retry_after } = {}) {
    super(message ?? code);
    Object.assign(this, { name: "Rejected", code, retry_after });
  }
}

/** Calls listeners by name; one that throws stops nobody else. */
class Emitter {
  _listeners = new Map();

  on(name, listener) {
    if (!this._listeners.has(name)) this._listeners.set(name, new Set());
    this._listeners.get(name).add(listener);
    return () => this._listeners.get(name).delete(listener);
  }

  _emit(name, value) {
    for (const listener of [...(this._listeners.get(name) ?? [])]) {
      try {
        listener(value);
      } catch (error) {
        (globalThis.reportError ?? console.error)(error);
      }
    }
  }
}

/** One message on its way: its status, and promises for the two answers it gets. */
class Sent extends Emitter {
  status = "queued";
  reason = null;
  _tries = 0; // of this connection
  _asked = 0; // times that the outcome was asked for after the message was accepted
  _accepted = false; // by this connection
  _known = false; // accepted at least once, so it is safe with the server

  constructor(room, { body, reply_to, client_id = randomId() }) {
    super();
    Object.assign(this, { room, body, reply_to, client_id });
    this._promise();
  }

  /** Send a failed message again, or one refused only for now; the same message, never a second. */
  retry() {
    if (this.status !== "failed" && !this.reason?.retry_after) return;
    if (this.room._queue.includes(this)) return;
    this._promise();
    this._tries = 0;
    this.reason = null;
    this.room._enqueue(this);
  }

  /** Forget a message that is not settled; one already on the wire may still be posted. */
  cancel() {
    this.room._forget(this);
  }

  _promise() {
    this.accepted = new Promise((yes, no) => (this._accept = [yes, no]));
    this.settled = new Promise((yes, no) => (this._settle = [yes, no]));
    this.accepted.catch(() => {}); // nobody has to wait for these
    this.settled.catch(() => {});
  }

  _become(status) {
    if (this.status === status) return;
    this.status = status;
    this._emit("status", status);
  }

  _refuse(status, reason) {
    this.reason = reason;
    const error = reason instanceof Rejected ? reason : new Rejected(reason);
    this._accept[1](error);
    this._settle[1](error);
    this._become(status);
  }

  _outcome({ status, id, seq, reason }) {
    Object.assign(this, { id: id ?? this.id, seq: seq ?? this.seq, reason: reason ?? null });
    if (status === "rejected") return this._refuse(status, reason ?? {});
    const { client_id, body } = this;
    this._accept[0]({ status: "accepted" });
    this._settle[0]({ status, id: this.id, seq: this.seq, client_id, body });
    this._become(status);
  }
}

/** A room: its events in the order of `seq`, without holes or repeats, and what is sent to it. */
class Room extends Emitter {
  joined = false;
  _wanted = false;
  _buffer = null; // live events that wait for the reply to a join
  _waiting = []; // callers of join()
  _queue = []; // Sent, not settled, in the order of sending
  _held = []; // Sent, waiting for a moderator
  _busy = false; // a send is on the wire: one at a time, so that none overtakes another
  _turn = 0; // changes with each connection, so that what belongs to an older one is ignored
  _gaps = 0; // holes in a row that a join did not fill

  constructor(bus, name, { since, limit } = {}) {
    super();
    Object.assign(this, { bus, name, limit, seq: since ?? null });
  }

  /** Come in, and stay in over reconnects; resolves with the reply's data. */
  join() {
    this._wanted = true;
    const reply = new Promise((yes, no) => this._waiting.push([yes, no]));
    if (this.bus.state === "online" && !this._buffer) this._join();
    return reply;
  }

  /** Go out. */
  async leave() {
    this._wanted = false;
    this._lost();
    for (const [, no] of this._waiting.splice(0)) no(new Rejected({ code: "not_member" }));
    if (this.bus.state === "online") await this.bus.command("room.leave", { room: this.name });
  }

  /** Read older (`before`) or newer (`after`) messages; resolves with `messages` and `more`. */
  history({ before, after, limit } = {}) {
    return this.bus.command("history.list", { room: this.name, before, after, limit });
  }

  /** Send a message; the handle says how it fares. */
  send(message) {
    const sent = new Sent(this, message);
    this._enqueue(sent);
    return sent;
  }

  _enqueue(sent) {
    this._queue.push(sent);
    sent._become(this.bus.state === "online" ? "sending" : "queued");
    this._pump();
  }

  _forget(sent) {
    clearTimeout(sent._timer);
    this._queue = this._queue.filter((other) => other !== sent);
    this._held = this._held.filter((other) => other !== sent);
  }

  _connected() {
    if (this._wanted) this._join();
    else this._pump();
  }

  _lost() {
    this._turn++;
    this.joined = this._busy = false;
    this._buffer = null;
    for (const sent of this._queue) {
      clearTimeout(sent._timer);
      sent._accepted = false;
      sent._tries = 0;
      if (!sent._known) sent._become("queued");
    }
  }

  async _join(wait = 0) {
    const turn = this._turn;
    const since = this.seq ?? undefined;
    this._buffer ??= [];
    this.joined = false;
    try {
      if (wait) await sleep(wait);
      if (turn !== this._turn) return;
      const { name: room, limit } = this;
      const data = await this.bus.command("room.join", { room, since, limit });
      if (turn === this._turn) this._entered(data, since, turn);
    } catch (error) {
      if (turn !== this._turn) return;
      if (TRANSIENT.includes(error.code)) {
        return this._join((error.retry_after ?? 1 + 4 * this.bus._random()) * 1000);
      }
      this._wanted = false;
      this._lost();
      for (const [, no] of this._waiting.splice(0)) no(error);
      this._emit("rejected", error);
      this._pump();
    }
  }

  _entered(data, since, turn) {
    const seq = data.seq;
    if (since !== undefined && data.recovered === false) {
      this._emit("gap", { since, seq, messages: data.messages });
    }
    for (const message of data.messages ?? []) {
      if (since === undefined || data.recovered === false) this._own(message);
      else if (message.removed) this._emit("removed", message);
      else this._tell(message.seq > since ? "message" : "edited", message);
    }
    this.seq = seq;
    this._emit("joined", data);
    for (const [yes] of this._waiting.splice(0)) yes(data);
    // After the code that waits for join() has drawn its page.
    setTimeout(() => turn === this._turn && this._release(), 0);
  }

  _release() {
    const late = this._buffer.sort((a, b) => a.seq - b.seq);
    this._buffer = null;
    this.joined = true;
    for (const event of late) this._receive(event);
    this._pump();
  }

  _receive(event) {
    const { type, seq, data } = event;
    if (!SEQUENCED[type]) return this._emit(EVENTS[type] ?? type, data);
    if (this._buffer) return this._buffer.push(event);
    if (!this.joined || seq <= this.seq) return;
    if (seq > this.seq + 1) {
      this._buffer = [event];
      this._emit("gap", { since: this.seq, seq, messages: null });
      return this._join(500 * this._gaps++);
    }
    this._gaps = 0;
    this.seq = seq;
    this._tell(SEQUENCED[type], type === "message.removed" ? { seq, ...data } : data);
  }

  _tell(name, message) {
    if (name === "message") this._own(message);
    this._emit(name, message);
  }

  _own({ client_id, id, seq }) {
    if (client_id) this._settled({ client_id, status: "posted", id, seq });
  }

  _settled(outcome) {
    const sent = [...this._queue, ...this._held].find((s) => s.client_id === outcome.client_id);
    if (!sent) return;
    this._forget(sent);
    if (outcome.status === "held") this._held.push(sent);
    sent._outcome(outcome);
  }

  _pump() {
    const ready = this.bus.state === "online" && (this.joined || !this._wanted) && !this._busy;
    const next = ready && this._queue.find((sent) => !sent._accepted);
    if (next) this._transmit(next);
  }

  async _transmit(sent) {
    const turn = this._turn;
    const { body, reply_to, client_id } = sent;
    this._busy = true;
    if (!sent._tries++) sent._since = this.bus._now();
    sent._become("sending");
    try {
      const data = { room: this.name, body, client_id, reply_to };
      const reply = await this.bus.command("message.send", data, PROBE);
      if (turn === this._turn) this._answered(sent, reply);
    } catch (error) {
      if (turn === this._turn) await this._refused(sent, error);
    }
    if (turn !== this._turn) return;
    this._busy = false;
    this._pump();
  }

  _answered(sent, reply) {
    if (reply.status !== "accepted") return this._settled({ ...reply, client_id: sent.client_id });
    sent._known = sent._accepted = true;
    sent._accept[0](reply);
    if (!this._queue.includes(sent)) return; // its outcome came first
    // The event with the outcome may be lost: ask again, ever more seldom; a repeat is harmless.
    sent._timer = setTimeout(() => {
      sent._accepted = false;
      this._pump();
    }, ANSWER * 2 ** sent._asked++);
  }

  async _refused(sent, error) {
    if (!this._queue.includes(sent)) return;
    // A limit that meets a repeat says nothing about the first copy, which may be in already.
    const again = sent._known || (sent._tries > 1 && error.retry_after);
    if (!again && !TRANSIENT.slice(0, 3).includes(error.code)) {
      this._forget(sent);
      return sent._refuse("rejected", error);
    }
    const spent = this.bus._now() - sent._since;
    if (!sent._known && spent >= (error.code === "busy" ? BUSY : ANSWER)) {
      this._forget(sent);
      return sent._refuse("failed", error);
    }
    if (!error.unanswered) await sleep(1000 * (error.retry_after ?? Math.min(sent._tries, 5)));
  }
}

/** The connection: opens, keeps and mends one socket for all rooms. */
class Bus extends Emitter {
  state = "offline";
  session = null; // what session.started said: user, limits
  _socket = null;
  _rooms = new Map();
  _replies = new Map(); // ref → how to answer its caller
  _out = []; // commands of this turn of the event loop: they share a frame
  _ref = 0;
  _attempt = 0;
  _upSince = null;
  _resumeAt = null; // when a server that is about to stop wants us back

  constructor(url, { token, WebSocket = globalThis.WebSocket, now, random } = {}) {
    super();
    this._token = token;
    this._url = new URL(url, globalThis.location?.href);
    this._url.protocol = this._url.protocol.replace("http", "ws");
    this._WebSocket = WebSocket;
    this._now = now ?? Date.now;
    this._random = random ?? Math.random;
    globalThis.addEventListener?.("online", () => this._wake());
    globalThis.document?.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this._wake();
    });
    this._open();
  }

  /** The room of that name, the same object each time. */
  room(name, options) {
    if (!this._rooms.has(name)) this._rooms.set(name, new Room(this, name, options));
    return this._rooms.get(name);
  }

  /** Connect now, without waiting for the next attempt. */
  retry() {
    if (this.state === "offline" || this.state === "closed") this._open();
  }

  /** Hang up for good. */
  close() {
    this._hangUp("closed", { reason: "closed" });
  }

  /** Send any command; resolves with the reply's data, throws Rejected. */
  command(type, data = {}, wait = ANSWER) {
    return new Promise((resolve, reject) => {
      if (this.state !== "online") return reject(new Rejected());
      const ref = String(++this._ref);
      const timer = setTimeout(() => {
        this._replies.delete(ref);
        reject(Object.assign(new Rejected(), { unanswered: true }));
      }, wait);
      this._replies.set(ref, { resolve, reject, timer });
      if (!this._out.length) queueMicrotask(() => this._flush());
      this._out.push(JSON.stringify({ ref, type, data }));
    });
  }

  _flush() {
    const limit = (this.session?.limits?.frame ?? 65536) / 3; // 3 bytes at most a UTF-16 unit
    while (this._socket && this._out.length) {
      let size = 0;
      let count = 0;
      while (count < this._out.length && (size += this._out[count].length + 1) < limit) count++;
      const batch = this._out.splice(0, count || 1);
      this._socket.send(batch.length > 1 ? `[${batch}]` : batch[0]);
    }
  }

  _become(state, details = {}) {
    this.state = state;
    this._emit("state", { state, reason: null, retryAt: null, ...details });
  }

  _open() {
    clearTimeout(this._timer);
    this._become("connecting");
    const socket = (this._socket = new this._WebSocket(this._url.href, ["bus.v1"]));
    const current = (handler) => (event) => this._socket === socket && handler(event);
    socket.onmessage = current(({ data }) => this._frame(data));
    socket.onclose = current(({ code }) => this._closed(code));
    socket.onerror = () => {}; // a close follows
    this._timer = setTimeout(() => this._closed("timeout"), ANSWER);
  }

  _frame(text) {
    this._heard = this._now();
    const frame = JSON.parse(text);
    for (const item of Array.isArray(frame) ? frame : [frame]) this._take(item);
  }

  _take(item) {
    const { type, data, room } = item;
    if (type === "reply") return this._reply(item);
    if (type === "session.started") return this._started(data);
    if (type === "session.closing") return this._closing(data);
    if (type === "message.settled") {
      for (const [name, at] of this._rooms) if ((room ?? name) === name) at._settled(data);
    }
    if (room === undefined) this._emit(EVENTS[type] ?? type, data);
    else this._rooms.get(room)?._receive(item);
  }

  _reply({ ref, ok, data, error }) {
    const caller = this._replies.get(ref);
    if (!caller) return;
    this._replies.delete(ref);
    clearTimeout(caller.timer);
    if (ok) caller.resolve(data ?? {});
    else caller.reject(new Rejected(error));
  }

  _started(data) {
    clearTimeout(this._timer);
    const { user, token } = this.session ?? {};
    let proof = this._token;
    if (!proof && token && data.user?.guest && data.user.id !== user.id) {
      proof = token; // a guest without cookies is somebody new on each connection
      Object.assign(data, { user, token });
    }
    this.session = data;
    this._upSince = this._now();
    this.state = "online";
    if (proof) this._authenticate(proof, data);
    this._become("online");
    this._beat();
    for (const room of this._rooms.values()) room._connected();
  }

  // The first command; what follows in the same frame is already done in that name.
  _authenticate(token, session) {
    this.command("session.authenticate", { token }).then(
      ({ user }) => (session.user = user ?? session.user),
      ({ code }) => code === "unauthenticated" && this._closed(4401),
    );
  }

  _closing({ reconnect_in = 0 }) {
    this._resumeAt = this._now() + reconnect_in * 1000;
    const socket = this._socket;
    setTimeout(() => this._socket === socket && this._closed(1012), reconnect_in * 1000);
  }

  _beat() {
    const pause = (this.session.heartbeat ?? 25) * 1000;
    const idle = this._now() - this._heard;
    if (idle >= pause) this._probe(pause);
    this._timer = setTimeout(() => this._beat(), idle >= pause ? pause : pause - idle);
  }

  _probe(wait) {
    const socket = this._socket;
    const asked = this._now();
    this.command("session.ping", {}, wait).catch(() => {
      if (this._socket === socket && this._heard <= asked) this._closed("timeout");
    });
  }

  _wake() {
    if (this.state === "offline") this._open();
    else if (this.state === "online") this._probe(PROBE); // the network may have changed under it
  }

  _closed(code) {
    if (CLOSED[code]) return this._hangUp("closed", { reason: CLOSED[code] });
    const now = this._now();
    if (this._upSince !== null && now - this._upSince >= STEADY) this._attempt = 0;
    if (code === 4429) this._attempt = Math.max(this._attempt, 5);
    const most = Math.min(LAST_DELAY, FIRST_DELAY * 2 ** this._attempt++);
    const retryAt = Math.max(now, this._resumeAt ?? now + this._random() * most);
    const reason = LOST[code] ?? (code === "timeout" ? code : "lost");
    this._hangUp("offline", { reason, retryAt });
    if (this.state === "offline") this._timer = setTimeout(() => this._open(), retryAt - now);
  }

  _hangUp(state, details) {
    const socket = this._socket;
    this._socket = this._upSince = this._resumeAt = null;
    this._out = [];
    clearTimeout(this._timer);
    socket?.close();
    this.state = state; // before the rooms are told, so that nobody writes to it
    for (const { reject, timer } of this._replies.values()) {
      clearTimeout(timer);
      reject(new Rejected());
    }
    this._replies.clear();
    for (const room of this._rooms.values()) room._lost();
    this._become(state, details);
  }
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Not randomUUID(), which a page on plain http and a name other than localhost does not have.
function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Connect to the session protocol at `url`, and stay connected. */
export function connect(url, options) {
  return new Bus(url, options);
}
