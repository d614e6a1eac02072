/** Rooms over one WebSocket; client.d.ts says what, docs/how-to/client.md why. */

// In ms.
const FIRST_DELAY = 500;
const LAST_DELAY = 20_000;
const STEADY = 5_000;
const ANSWER = 10_000;
const PROBE = 5_000;
const BUSY = 30_000;
const HOLE = 400;
const TYPING = 3_000;
const READ = 500;
const KEPT = 100;
// <protocol>
const CLOSED = { 4401: "unauthenticated", 4403: "forbidden", 4409: "replaced" };
const LOST = { 1012: "restart", 1013: "busy", 4408: "too_slow", 4429: "too_many", timeout: "timeout" };
const TRANSIENT = ["busy", "unavailable", "internal"];
const SEQUENCED = {
  "message.posted": "message", "message.edited": "edited", "message.removed": "removed",
};
const EVENTS = {
  ...SEQUENCED, "message.settled": "settled", "presence.changed": "presence",
  "typing.changed": "typing", "room.changed": "changed", "member.changed": "member",
  "event.published": "event",
};
// </protocol>
const TOO_LONG = { code: "too_long" };

/** A refusal. */
export class Rejected extends Error {
  constructor(error = {}) {
    super(error.message ?? error.code ?? "unavailable");
    Object.assign(this, { name: "Rejected", code: this.message }, error);
  }
}

/** Calls listeners. */
class Emitter {
  _listeners = new Map();

  on(name, listener) {
    const all = this._listeners.get(name) ?? new Set();
    this._listeners.set(name, all.add(listener));
    return () => all.delete(listener);
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

/** What is unsettled, by tab. */
class Shelf {
  _tab = randomId();

  constructor({ storage, locks }) {
    Object.assign(this, { storage, locks });
    locks?.request(`bus:${this._tab}`, () => new Promise((end) => (this.release = end)));
  }

  next() {
    const next = new Shelf(this);
    this.storage = null;
    this.release?.();
    return next;
  }

  put(key, kept) {
    try {
      if (kept.length) this.storage.setItem(key + this._tab, JSON.stringify(kept));
      else this.storage.removeItem(key + this._tab);
    } catch {}
  }

  take(key, restore) {
    for (const name of Object.keys(this.storage ?? {})) {
      const tab = name.startsWith(key) && name.slice(key.length);
      if (!tab || tab === this._tab) continue;
      const adopt = () => {
        try {
          const kept = JSON.parse(this.storage.getItem(name) ?? "[]");
          this.storage.removeItem(name);
          restore(kept);
        } catch {}
      };
      if (this.locks) this.locks.request(`bus:${tab}`, adopt);
      else adopt();
    }
  }
}

/** One message on its way. */
class Sent extends Emitter {
  status = "queued";
  reason = null;
  _tries = 0;
  _asked = 0;
  _accepted = false; // here
  _known = false; // on any

  constructor(room, { body, reply_to, client_id = randomId() }) {
    super();
    Object.assign(this, { room, body, reply_to, client_id });
    this._promise();
  }

  retry() {
    if (this.status !== "failed" && !this.reason?.retry_after) return;
    this._promise();
    this._tries = 0;
    this.reason = null;
    this.room._enqueue(this);
  }

  cancel() {
    this.room._forget(this);
  }

  get _waits() {
    return ["queued", "sending"].includes(this.status);
  }

  _promise() {
    this.accepted = new Promise((yes, no) => (this._accept = [yes, no]));
    this.settled = new Promise((yes, no) => (this._settle = [yes, no]));
    this.accepted.catch(() => {});
    this.settled.catch(() => {});
  }

  _become(status) {
    if (this.status === status) return;
    this.status = status;
    this.room._save();
    this._emit("status", status);
  }

  _refuse(status, reason) {
    this.reason = reason;
    const error = new Rejected(reason);
    this._accept[1](error);
    this._settle[1](error);
    this._become(status);
  }

  _outcome({ status, id, seq, reason }) {
    Object.assign(this, { id, seq, reason: reason ?? null, _known: true });
    if (status === "rejected") return this._refuse(status, reason ?? {});
    const { client_id, body } = this;
    this._accept[0]({ status: "accepted" });
    this._settle[0]({ status, id, seq, client_id, body });
    this._become(status);
  }
}

/** A room: its events in the order of `seq`. */
class Room extends Emitter {
  joined = false;
  pending = [];
  _wanted = false;
  _buffer = null;
  _waiting = [];
  _read = 0;
  _busy = false; // none overtakes another
  _turn = 0; // of the connection
  _gaps = 0;

  constructor(bus, name, { since, limit } = {}) {
    super();
    Object.assign(this, { bus, name, limit, seq: since ?? null });
  }

  join() {
    this._wanted = true;
    this._restore();
    const reply = new Promise((yes, no) => this._waiting.push([yes, no]));
    if (this.bus.state === "online" && !this._buffer) this._join();
    return reply;
  }

  async leave() {
    this._quit(new Rejected({ code: "not_member" }));
    const reply = this.bus.state === "online" && this._ask("room.leave");
    this._pump();
    await reply;
  }

  history(page) {
    return this._ask("history.list", page);
  }

  edit(id, body) {
    return this._ask("message.edit", { id, body });
  }

  delete(id, reason) {
    return this._ask("message.delete", { id, reason });
  }

  report(id, reason) {
    return this._ask("message.report", { id, reason });
  }

  typing() {
    const now = this.bus._now();
    if (!this.joined || now - this._typed < TYPING) return;
    this._typed = now;
    this._ask("typing.start").catch(() => {});
  }

  read(seq = this.seq) {
    if (this._unkept || seq <= this._read) return;
    this._read = seq;
    this._marking ??= setTimeout(() => this._mark(), READ);
  }

  send(message) {
    const sent = new Sent(this, message);
    this._enqueue(sent);
    return sent;
  }

  _ask(type, data) {
    return this.bus.command(type, { room: this.name, ...data });
  }

  _mark() {
    this._marking = null;
    this._ask("read.mark", { seq: this._read }).catch(() => {});
  }

  _enqueue(sent) {
    this._forget(sent);
    this.pending.push(sent);
    sent._become(this.bus.state === "online" ? "sending" : "queued");
    this._save();
    this._pump();
  }

  _forget(sent) {
    clearTimeout(sent._timer);
    this.pending = this.pending.filter((other) => other !== sent);
    this._save();
  }

  get _key() {
    return `bus:queue:${this.bus._user}:${this.name}:`;
  }

  _save() {
    if (this.bus._user == null) return;
    const kept = this.pending.map(({ body, reply_to, client_id, status, _known }) => (
      { body, reply_to, client_id, status, _known }
    ));
    this.bus._shelf.put(this._key, kept.slice(0, KEPT));
  }

  _restore() {
    if (this._restored || this.bus._user == null) return;
    this._restored = true;
    this.bus._shelf.take(this._key, (kept) => {
      for (const { status, _known, ...message } of kept) {
        if (this._find(message)) continue;
        const sent = new Sent(this, message);
        sent._known = _known;
        this.pending.push(sent);
        if (status === "failed") sent._refuse(status);
        this._emit("restored", sent);
      }
      this._save();
      this._pump();
    });
  }

  _disown() {
    this._restored = false;
    this._read = 0;
    for (const sent of this.pending.splice(0)) {
      if (sent.status !== "held") sent._refuse("rejected", { code: "unauthenticated" });
    }
  }

  _connected() {
    if (this._wanted) this._join();
    else this._pump();
  }

  _quit(error) {
    this._wanted = this.joined = false;
    this._buffer = null;
    for (const [, no] of this._waiting.splice(0)) no(error);
  }

  _lost() {
    this._turn++;
    this.joined = this._busy = false;
    this._buffer = null;
    for (const sent of this.pending) {
      if (!sent._waits) continue;
      clearTimeout(sent._timer);
      sent._accepted = false;
      sent._tries = 0;
      if (!sent._known) sent._become("queued");
    }
  }

  async _join(wait = 0) {
    const since = this.seq ?? undefined;
    const buffer = (this._buffer ??= []);
    this.joined = false;
    try {
      if (wait) await sleep(wait);
      if (buffer !== this._buffer) return;
      const data = await this._ask("room.join", { since, limit: this.limit });
      if (buffer === this._buffer) this._entered(data, since, buffer);
    } catch (error) {
      if (buffer !== this._buffer) return;
      const { code, retry_after } = error;
      if (retry_after || TRANSIENT.includes(code)) {
        return this._join((retry_after ?? 1 + 4 * this.bus._random()) * 1000);
      }
      this._quit(error);
      this._emit("rejected", error);
      this._pump();
    }
  }

  _entered(data, since, buffer) {
    const { seq, messages = [], recovered = true, read, unread } = data;
    const resumed = since !== undefined;
    if (resumed && !recovered) this._emit("gap", { since, seq, messages });
    for (const message of messages) {
      if (!resumed || !recovered) this._settleOld(message);
      else if (message.removed) this._emit("removed", message);
      else this._emitMessage(message.seq > since ? "message" : "edited", message);
    }
    this.seq = seq;
    this._unkept = unread === null;
    if (!this._unkept && this._read > read) this._mark();
    else this._read = read ?? 0;
    this.bus._names.set(data.room?.name, this.name);
    this._emit("joined", data);
    for (const [yes] of this._waiting.splice(0)) yes(data);
    setTimeout(() => buffer === this._buffer && this._release(), 0);
  }

  _release() {
    const late = this._buffer.sort((a, b) => a.seq - b.seq);
    this._buffer = null;
    this.joined = true;
    for (const event of late) this._receive(event);
    if (this._waiting.length && !this._buffer) this._join();
    else this._pump();
  }

  _receive(event) {
    const { type, seq, data } = event;
    if (type === "message.settled") this._settled(data);
    if (!SEQUENCED[type]) return this._emit(EVENTS[type] ?? type, data);
    if (this._buffer) return this._buffer.push(event);
    if (!this.joined || seq <= this.seq) return;
    if (seq > this.seq + 1) return this._hole(event);
    this._gaps = 0;
    this.seq = seq;
    this._emitMessage(SEQUENCED[type], type === "message.removed" ? { seq, ...data } : data);
  }

  async _hole(event) {
    const buffer = (this._buffer = [event]);
    await sleep(HOLE * (0.5 + this.bus._random()) * 2 ** Math.min(this._gaps++, 5));
    if (buffer !== this._buffer) return;
    const since = this.seq;
    if (buffer.some(({ seq }) => seq === since + 1)) return this._release();
    this._emit("gap", { since, seq: event.seq, messages: null });
    this._join();
  }

  _emitMessage(name, message) {
    if (name === "message") this._settleOld(message);
    this._emit(name, message);
  }

  _settleOld({ client_id, id, seq, author }) {
    if (author.id == this.bus._user) this._settled({ client_id, status: "posted", id, seq });
  }

  _find({ client_id }) {
    return this.pending.find((sent) => sent.client_id === client_id);
  }

  _settled(outcome) {
    const sent = this._find(outcome);
    if (!sent) return;
    if (outcome.status !== "held") this._forget(sent);
    clearTimeout(sent._timer);
    sent._outcome(outcome);
  }

  _pump() {
    if (this.bus.state !== "online" || this._busy || (this._wanted && !this.joined)) return;
    const next = this.pending.find((sent) => sent._waits && !sent._accepted);
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
      if (turn === this._turn || error.code === "too_long") await this._refused(sent, error);
    }
    if (turn !== this._turn) return;
    this._busy = false;
    this._pump();
  }

  _answered(sent, reply) {
    if (reply.status !== "accepted") return this._settled({ ...reply, client_id: sent.client_id });
    sent._known = sent._accepted = true;
    sent._accept[0](reply);
    if (!sent._waits) return;
    this._save();
    // It may be lost.
    sent._timer = setTimeout(() => {
      sent._accepted = false;
      this._pump();
    }, ANSWER * 2 ** sent._asked++);
  }

  async _refused(sent, error) {
    if (!sent._waits || !this.pending.includes(sent)) return;
    if (error.unanswered) this.bus._probe(PROBE);
    const { code, retry_after } = error;
    const { _known, _tries, _since } = sent;
    // It may be of an earlier copy.
    if (!((_known || _tries > 1) && retry_after || TRANSIENT.includes(code))) {
      if (!_known) this._forget(sent);
      return sent._refuse(_known ? "failed" : "rejected", error);
    }
    const spent = this.bus._now() - _since;
    if (!_known && spent >= (code === "busy" ? BUSY : ANSWER)) return sent._refuse("failed", error);
    if (!error.unanswered) await sleep(1000 * (retry_after ?? Math.min(_tries, 5)));
  }
}

/** The connection. */
class Bus extends Emitter {
  state = "offline";
  session = null;
  _rooms = new Map();
  _names = new Map();
  _replies = new Map();
  _out = [];
  _ref = 0;
  _attempt = 0;

  constructor(url, {
    token: _token, user: _user, now: _now = () => performance.now(), random: _random = Math.random,
    storage = localStore(), locks = globalThis.navigator?.locks,
    WebSocket: _WebSocket = globalThis.WebSocket,
  } = {}) {
    super();
    Object.assign(this, { _token, _user, _now, _random, _WebSocket });
    this._shelf = new Shelf({ storage, locks: storage && locks });
    this._url = new URL(url, globalThis.location?.href);
    this._url.protocol = this._url.protocol.replace("http", "ws");
    globalThis.addEventListener?.("online", () => this._wake());
    globalThis.document?.addEventListener("visibilitychange", () => document.hidden || this._wake());
    this._open();
  }

  room(name, options) {
    if (!this._rooms.has(name)) this._rooms.set(name, new Room(this, name, options));
    return this._rooms.get(name);
  }

  retry() {
    if (this.state !== "online") this._open();
  }

  close() {
    this._hangUp("closed", { reason: "closed" });
    this._shelf.release?.();
  }

  command(type, data = {}, wait = ANSWER) {
    return new Promise((resolve, reject) => {
      if (this.state !== "online") return reject(new Rejected());
      const ref = String(++this._ref);
      const text = JSON.stringify({ ref, type, data });
      const { body, frame } = this._limits;
      const said = (data.body ?? "").normalize().trim();
      const seen = Intl.Segmenter ? new Intl.Segmenter().segment(said) : said;
      if ([...seen].length > body || new Blob([text]).size > frame) return reject(new Rejected(TOO_LONG));
      const done = ({ ok, data, error }) => {
        clearTimeout(timer);
        this._replies.delete(ref);
        if (ok) resolve(data ?? {});
        else reject(new Rejected(error));
      };
      const timer = setTimeout(done, wait, { error: { unanswered: true } });
      this._replies.set(ref, done);
      if (!this._out.length) queueMicrotask(() => this._flush());
      this._out.push(text);
    });
  }

  _flush() {
    const limit = this._limits.frame / 3;
    while (this._socket && this._out.length) {
      let size = this._out[0].length;
      let count = 1;
      while (count < this._out.length && (size += this._out[count].length + 1) < limit) count++;
      const batch = this._out.splice(0, count);
      this._socket.send(batch.length > 1 ? `[${batch}]` : batch[0]);
    }
  }

  _become(state, details) {
    this.state = state;
    this._emit("state", { state, reason: null, retryAt: null, ...details });
  }

  _open() {
    clearTimeout(this._timer);
    this._socket?.close();
    this._become("connecting");
    const socket = (this._socket = new this._WebSocket(this._url.href, ["bus.v1"]));
    const current = (handler) => (event) => this._socket === socket && handler(event);
    socket.onmessage = current(({ data }) => this._frame(data));
    socket.onclose = current(({ code }) => this._closed(code));
    this._timer = setTimeout(() => this._closed("timeout"), ANSWER);
  }

  _frame(text) {
    this._heard = this._now();
    for (const item of [JSON.parse(text)].flat()) this._take(item);
  }

  _take(item) {
    const { type, data, room } = item;
    if (type === "reply") return this._replies.get(item.ref)?.(item);
    if (type === "session.started") return this._started(data);
    if (type === "session.closing") return this._closing(data);
    if (room) this._rooms.get(this._names.get(room) ?? room)?._receive(item);
    else this._emit(type === "event.published" ? "notification" : (EVENTS[type] ?? type), data);
  }

  _started(data) {
    clearTimeout(this._timer);
    const { user, token } = this.session ?? {};
    let proof = this._token;
    if (!proof && token && data.user?.guest && data.user.id !== user.id) {
      proof = token;
      Object.assign(data, { user, token });
    }
    this.session = data;
    this._limits = { frame: 65536, ...data.limits };
    if (!this._token) this._identify(data.user);
    this._upSince = this._now();
    this.state = "online";
    if (proof) {
      this.command("session.authenticate", { token: proof }).then(
        (reply) => this._identify((data.user = reply.user ?? data.user)),
        ({ code }) => this.state === "online" && this._closed(code === "unauthenticated" ? 4401 : 0),
      );
    }
    this._become("online");
    this._beat();
    for (const room of this._rooms.values()) room._connected();
  }

  _identify(user) {
    const before = this._user;
    this._user = user?.id ?? before;
    const other = before && before != this._user; // "7" is 7
    if (other) this._shelf = this._shelf.next();
    for (const room of this._rooms.values()) {
      if (other) room._disown();
      room._restore();
    }
  }

  _closing({ reconnect_in = 0 }) {
    const wait = reconnect_in * 1000 + this._random() * FIRST_DELAY;
    this._resumeAt = this._now() + wait;
    const socket = this._socket;
    setTimeout(() => this._socket === socket && this._closed(1012), wait);
  }

  _beat() {
    const pause = (this.session.heartbeat ?? 25) * 1000;
    const left = this._heard + pause - this._now();
    if (left <= 0) this._probe(ANSWER);
    this._timer = setTimeout(() => this._beat(), left > 0 ? left : pause);
  }

  _probe(wait) {
    const socket = this._socket;
    const asked = this._now();
    this.command("session.ping", {}, wait).catch(() => {
      if (this._socket === socket && this._heard <= asked) this._closed("timeout");
    });
  }

  _wake() {
    if (this.state === "online") this._probe(PROBE);
    else if (this.state !== "closed") this._open();
  }

  _closed(code) {
    if (code === 4400) [...this._replies.values()][0]?.({ error: TOO_LONG });
    if (CLOSED[code]) return this._hangUp("closed", { reason: CLOSED[code] });
    const now = this._now();
    if (now - this._upSince >= STEADY) this._attempt = 0;
    if (code === 4429) this._attempt = Math.max(this._attempt, 5);
    const most = Math.min(LAST_DELAY, FIRST_DELAY * 2 ** this._attempt++);
    const wait = Math.max(0, this._resumeAt - now || this._random() * most);
    const reason = LOST[code] ?? "lost";
    this._hangUp("offline", { reason, retryAt: Date.now() + wait });
    if (this.state === "offline") this._timer = setTimeout(() => this._open(), wait);
  }

  _hangUp(state, details) {
    const socket = this._socket;
    this._socket = this._upSince = this._resumeAt = undefined;
    this._out = [];
    clearTimeout(this._timer);
    socket?.close();
    this.state = state;
    for (const done of this._replies.values()) done({});
    for (const room of this._rooms.values()) room._lost();
    this._become(state, details);
  }
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function localStore() {
  try {
    return globalThis.localStorage;
  } catch {}
}

// Plain http has no randomUUID().
function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Connect to `url`, and stay connected. */
export function connect(url, options) {
  return new Bus(url, options);
}
