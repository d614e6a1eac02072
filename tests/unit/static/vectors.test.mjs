/** tests/vectors/client.json, run against client.js; tests/unit/client/test_vectors.py runs it against the Python client. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { client, FakeSocket, joined, message, pass, posted, settle } from "./fake.mjs";

const VECTORS = JSON.parse(readFileSync(new URL("../../vectors/client.json", import.meta.url)));

class Run {
  tells = [];
  handles = {};
  unanswered = [];

  constructor(token) {
    const { bus } = client({ token });
    this.bus = bus;
    this.room = bus.room("lobby");
    bus.on("state", ({ state }) => this.tells.push(`bus ${state}`));
    this.room.on("message", ({ seq }) => this.tells.push(`message ${seq}`));
    this.room.on("edited", ({ id }) => this.tells.push(`edited ${id}`));
    this.room.on("removed", ({ id }) => this.tells.push(`removed ${id}`));
    this.room.on("gap", ({ since, seq }) => this.tells.push(`gap ${since} ${seq}`));
    this.room.on("joined", ({ seq }) => this.tells.push(`joined ${seq}`));
    this.room.on("rejected", ({ code }) => this.tells.push(`refused ${code}`));
    this.room.on("settled", () => this.tells.push("settled"));
  }

  /** What was written since the last look; the next answer is to the oldest. */
  look() {
    const commands = FakeSocket.last.next();
    this.unanswered.push(...commands);
    return commands.map(({ type, data }) => ({ type, ...data }));
  }

  async give(step) {
    if (typeof step === "string") {
      for (const each of [{ join: true }, { started: true }, { joined: +step.slice(3) }]) await this.give(each);
      return;
    }
    this.look();
    const socket = FakeSocket.last;
    const { messages = [], ...more } = step;
    if (step.join) this.room.join().catch(() => {});
    else if (step.started) socket.start();
    else if (step.send) this.send(step);
    else if (step.retry) this.handles[step.retry].retry();
    else if (step.cancel) this.handles[step.cancel].sent.cancel();
    else if (step.reconnect) this.bus.retry();
    else if (step.leave) this.room.leave().catch(() => {});
    else if (step.edit) this.room.edit(step.edit, step.body).catch(() => {});
    else if (step.delete) this.room.delete(step.delete).catch(() => {});
    else if (step.edited) socket.say(changed("edited", step.seq, message(1, { id: step.edited, changed: step.seq, edited: true })));
    else if (step.removed) socket.say(changed("removed", step.seq, { id: step.removed, by: "author" }));
    else if (step.reply) socket.reply(this.unanswered.shift(), step.reply);
    else if (step.refuse) socket.refuse(this.unanswered.shift(), step.refuse);
    else if ("joined" in step) socket.reply(this.unanswered.shift(), joined(step.joined, messages.map((seq) => message(seq)), more));
    else if (step.posted) socket.say(posted(step.posted, more));
    else if (step.settled) socket.say({ type: "message.settled", room: "lobby", data: step.settled });
    else if (step.close) { this.unanswered = []; socket.drop(step.close); }
    else if (!step.pass) throw new Error(`no such input: ${JSON.stringify(step)}`);
    await pass((step.pass ?? 0) * 1000 + 1);
  }

  send({ send: name, length }) {
    const sent = this.room.send({ body: length ? "x".repeat(length) : "hi", client_id: name });
    const handle = (this.handles[name] = { sent });
    sent.on("status", (status) => this.tells.push(`${name} ${status}`));
    handle.follow = () => {
      const { accepted, settled } = sent;
      Object.assign(handle, { accepted: "open", settled: "open" });
      accepted.then(() => (handle.accepted = "yes"), ({ code }) => (handle.accepted = code));
      settled.then(({ status }) => (handle.settled = status), ({ code }) => (handle.settled = code));
    };
    handle.retry = () => {
      sent.retry();
      handle.follow(); // a retried message promises anew
    };
    handle.follow();
  }

  get ends() {
    const all = Object.entries(this.handles);
    return Object.fromEntries(all.map(([name, { sent, accepted, settled }]) => [name, `${sent.status} ${accepted} ${settled}`]));
  }
}

for (const { name, token, given, when, differs, ...expected } of VECTORS) {
  test(name, async () => {
    const run = new Run(token);
    for (const step of given) await run.give(step);
    run.look();
    run.tells.length = 0;
    await run.give(when);
    await settle();
    const seen = { sends: run.look(), tells: run.tells, ends: run.ends };
    assert.deepEqual(seen, { sends: [], tells: [], ends: {}, ...expected, ...without(differs?.js) });
  });
}

function changed(how, seq, data) {
  return { type: `message.${how}`, room: "lobby", seq, data };
}

function without({ because, ...rest } = {}) {
  return rest;
}
