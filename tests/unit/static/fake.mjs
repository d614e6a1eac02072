/** A WebSocket that a test holds by the other end, on a clock that a test moves. */

import { mock } from "node:test";

import { connect } from "../../../bus/static/bus/client.js";

/** Every socket that a client opened, oldest first, and what it wrote. */
export class FakeSocket {
  static all = [];

  constructor(url, protocols) {
    Object.assign(this, { url, protocols, frames: [], taken: 0, isClosed: false });
    FakeSocket.all.push(this);
  }

  static get last() {
    return FakeSocket.all.at(-1);
  }

  send(text) {
    this.frames.push(text);
  }

  close() {
    this.isClosed = true;
  }

  /** The commands written so far, frames taken apart. */
  get commands() {
    return this.frames.flatMap((text) => JSON.parse(text));
  }

  /** The commands written since the last look. */
  next() {
    const commands = this.commands.slice(this.taken);
    this.taken += commands.length;
    return commands;
  }

  say(...items) {
    this.onmessage?.({ data: JSON.stringify(items.length === 1 ? items[0] : items) });
  }

  start(data = {}) {
    this.say({
      type: "session.started",
      data: {
        session: "s", heartbeat: 25, user: { id: 7, name: "mina", guest: false },
        limits: { body: 2000, frame: 65536 }, ...data,
      },
    });
  }

  reply(command, data = {}) {
    this.say({ ref: command.ref, type: "reply", ok: true, data });
  }

  refuse(command, error) {
    this.say({ ref: command.ref, type: "reply", ok: false, error });
  }

  drop(code = 1006) {
    this.onclose?.({ code });
  }
}

/** Let promises and microtasks run; timers stand still. */
export async function settle() {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

/** Move the clock, in small steps so that promises between timers run. */
export async function pass(ms) {
  await settle();
  for (let left = ms; left > 0; left -= 50) {
    mock.timers.tick(Math.min(50, left));
    await settle();
  }
}

/** A client on a fake socket and a fake clock; `random` is what jitter draws. */
export function client({ random = 1, ...options } = {}) {
  FakeSocket.all = [];
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  const { now } = Date; // a test may change what the wall shows
  performance.now = () => now.call(Date);
  const states = [];
  const bus = connect("ws://bus.test/ws/", { WebSocket: FakeSocket, random: () => random, ...options });
  bus.on("state", (change) => states.push(change));
  return { bus, states };
}

/** A message as the wire has it. */
export function message(seq, more = {}) {
  return {
    id: `m${seq}`, seq, changed: seq, room: "lobby", author: { id: 8, name: "sora" }, body: `body ${seq}`,
    posted_at: "2026-11-21T02:00:00.123Z", client_id: `c${seq}`, edited: false, removed: false,
    reply_to: null, ...more,
  };
}

/** The event of a posting. */
export function posted(seq, more = {}) {
  return { type: "message.posted", room: "lobby", seq, data: message(seq, more) };
}

/** The data of a reply to room.join. */
export function joined(seq, messages = [], more = {}) {
  return { room: { name: "lobby" }, you: {}, seq, recovered: true, messages, presence: { count: 1, members: [] }, ...more };
}

/** A client in a room, and all that the room says from now on. */
export async function inRoom(seq = 0, options = {}) {
  const { bus, states } = client(options);
  const room = bus.room("lobby");
  const heard = [];
  for (const name of ["message", "edited", "removed", "gap", "joined", "rejected", "presence", "settled", "restored"]) {
    room.on(name, (value) => heard.push([name, value]));
  }
  const entering = room.join();
  const socket = FakeSocket.last;
  socket.start();
  await settle();
  socket.reply(socket.next()[0], joined(seq));
  await entering;
  await pass(1);
  heard.length = 0;
  return { bus, states, room, heard, socket };
}

/** Every status that a handle takes. */
export function watch(sent) {
  const statuses = [sent.status];
  sent.on("status", (status) => statuses.push(status));
  return statuses;
}

/** What a browser keeps for a site; one that is `full` refuses to keep more. */
export class FakeStorage {
  constructor({ full = false } = {}) {
    Object.defineProperty(this, "full", { value: full, writable: true });
  }

  getItem(key) {
    return Object.hasOwn(this, key) ? this[key] : null;
  }

  setItem(key, value) {
    if (this.full) throw new Error("QuotaExceededError");
    this[key] = String(value);
  }

  removeItem(key) {
    delete this[key];
  }

  /** Everything kept, of all tabs. */
  get kept() {
    return Object.values(this).flatMap((text) => JSON.parse(text));
  }
}

/** The locks of a site, as `navigator.locks`; each tab has its own `tab()`, which ends with it. */
export class FakeLocks {
  #queues = new Map();

  tab() {
    const mine = new Set();
    return {
      request: (name, work) => this.#request(name, work, mine),
      gone: () => mine.forEach((end) => end()),
    };
  }

  async #request(name, work, mine) {
    const before = this.#queues.get(name) ?? Promise.resolve();
    const dead = new Promise((end) => mine.add(end));
    const turn = before.then(() => Promise.race([Promise.resolve(work({ name })), dead]));
    this.#queues.set(name, turn.then(() => {}, () => {}));
    return turn;
  }
}
