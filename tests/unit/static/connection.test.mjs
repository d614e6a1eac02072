/** The connection comes back when it should, when it should, and not when it should not. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeSocket, client, inRoom, pass, settle } from "./fake.mjs";

const last = (states) => states.at(-1);

test("speaks bus.v1, and is online with the first frame", async () => {
  const { bus, states } = client();
  assert.equal(bus.state, "connecting");
  assert.deepEqual(FakeSocket.last.protocols, ["bus.v1"]);
  FakeSocket.last.start();
  assert.equal(last(states).state, "online");
  assert.equal(bus.session.limits.body, 2000);
});

test("delays double from 0.5 s to 20 s, with full jitter", async () => {
  const { states } = client({ random: 1 });
  const delays = [];
  for (let attempt = 0; attempt < 8; attempt++) {
    FakeSocket.last.drop();
    const delay = last(states).retryAt - Date.now();
    delays.push(delay);
    await pass(delay);
  }
  assert.deepEqual(delays, [500, 1000, 2000, 4000, 8000, 16000, 20000, 20000]);
  const lucky = client({ random: 0.1 });
  FakeSocket.last.drop();
  assert.equal(last(lucky.states).retryAt - Date.now(), 50);
});

test("attempts count from zero only after 5 s of uptime", async () => {
  const { states } = client();
  const delayAfter = async (uptime) => {
    FakeSocket.last.start();
    await pass(uptime);
    FakeSocket.last.drop();
    const delay = last(states).retryAt - Date.now();
    await pass(delay);
    return delay;
  };
  assert.equal(await delayAfter(1000), 500);
  assert.equal(await delayAfter(1000), 1000);
  assert.equal(await delayAfter(4900), 2000);
  assert.equal(await delayAfter(5000), 500);
});

for (const [code, reason] of [[1012, "restart"], [1013, "busy"], [4408, "too_slow"], [1006, "lost"], [1000, "lost"]]) {
  test(`comes back after ${code}`, async () => {
    const { states } = client();
    FakeSocket.last.start();
    FakeSocket.last.drop(code);
    assert.equal(last(states).state, "offline");
    assert.equal(last(states).reason, reason);
    await pass(500);
    assert.equal(FakeSocket.all.length, 2);
  });
}

for (const [code, reason] of [[4401, "unauthenticated"], [4403, "forbidden"], [4409, "replaced"]]) {
  test(`stays away after ${code}`, async () => {
    const { bus, states } = client();
    FakeSocket.last.start();
    FakeSocket.last.drop(code);
    assert.deepEqual(last(states), { state: "closed", reason, retryAt: null });
    await pass(60_000);
    assert.equal(FakeSocket.all.length, 1);
    bus.retry(); // a person may ask
    assert.equal(FakeSocket.all.length, 2);
  });
}

test("retry() does not wait for the clock", async () => {
  const { bus } = client();
  FakeSocket.last.drop();
  bus.retry();
  assert.equal(FakeSocket.all.length, 2);
  await pass(30_000);
  FakeSocket.all[0].drop(); // a late word from the old socket changes nothing
  assert.notEqual(bus.state, "closed");
});

test("comes back at once when the browser is online or the page is visible", async () => {
  const wake = {};
  globalThis.addEventListener = (name, listener) => (wake[name] = listener);
  globalThis.document = { hidden: false, addEventListener: globalThis.addEventListener };
  try {
    client();
    FakeSocket.last.drop();
    wake.online();
    assert.equal(FakeSocket.all.length, 2);
    FakeSocket.last.drop();
    wake.visibilitychange();
    assert.equal(FakeSocket.all.length, 3);
    document.hidden = true;
    FakeSocket.last.drop();
    wake.visibilitychange();
    assert.equal(FakeSocket.all.length, 3);
  } finally {
    delete globalThis.addEventListener;
    delete globalThis.document;
  }
});

test("a connection that slept through a change of network is probed on waking", async () => {
  const wake = {};
  globalThis.addEventListener = (name, listener) => (wake[name] = listener);
  try {
    const { bus } = client();
    const socket = FakeSocket.last;
    socket.start();
    await pass(100);
    wake.online();
    await settle();
    assert.equal(socket.next()[0].type, "session.ping");
    await pass(5000);
    assert.equal(bus.state, "offline");
  } finally {
    delete globalThis.addEventListener;
  }
});

test("a silent server is pinged after one heartbeat and left 10 s later", async () => {
  const { states } = client();
  const socket = FakeSocket.last;
  socket.start({ heartbeat: 10 });
  await pass(9_900);
  assert.equal(socket.next().length, 0);
  await pass(150);
  const [ping] = socket.next();
  assert.equal(ping.type, "session.ping");
  socket.reply(ping, { server_time: "now" });
  await pass(10_050);
  assert.equal(socket.next()[0].type, "session.ping");
  await pass(10_000);
  assert.equal(last(states).state, "offline");
  assert.equal(last(states).reason, "timeout");
  assert.ok(socket.isClosed);
});

test("a new network does not wait for an attempt on the old one", async () => {
  const wake = {};
  globalThis.addEventListener = (name, listener) => (wake[name] = listener);
  try {
    client();
    const [stalled] = FakeSocket.all;
    wake.online();
    assert.ok(stalled.isClosed);
    assert.equal(FakeSocket.all.length, 2);
  } finally {
    delete globalThis.addEventListener;
  }
});

test("what a service tells one user is a notification", async () => {
  const { bus } = client();
  const heard = [];
  bus.on("notification", (event) => heard.push(event.name));
  FakeSocket.last.start();
  FakeSocket.last.say({ type: "event.published", data: { name: "build.finished", payload: {}, source: "ci", id: "1" } });
  assert.deepEqual(heard, ["build.finished"]);
});

test("a socket that opens but says nothing is given up", async () => {
  const { states } = client();
  await pass(10_000);
  assert.equal(last(states).reason, "timeout");
});

test("a server about to stop is left when it asked, whether it closes first or not", async () => {
  const { states } = client({ random: 0 });
  FakeSocket.last.start();
  await pass(6000);
  FakeSocket.last.say({ type: "session.closing", data: { reconnect_in: 3, reason: "restart" } });
  await pass(1000);
  FakeSocket.last.drop(1012);
  assert.equal(last(states).retryAt - Date.now(), 2000);
  await pass(2000);
  assert.equal(FakeSocket.all.length, 2);
  FakeSocket.last.start();
  FakeSocket.last.say({ type: "session.closing", data: { reconnect_in: 3, reason: "restart" } });
  await pass(3000);
  assert.equal(FakeSocket.all.length, 3);
});

test("those whom a server sends away at one moment come back spread", async () => {
  const { states } = client({ random: 0.8 });
  FakeSocket.last.start();
  FakeSocket.last.say({ type: "session.closing", data: { reconnect_in: 2, reason: "restart" } });
  FakeSocket.last.drop(1012);
  assert.equal(last(states).retryAt - Date.now(), 2400);
});

test("close() hangs up for good", async () => {
  const { bus, states } = client();
  FakeSocket.last.start();
  bus.close();
  assert.ok(FakeSocket.last.isClosed);
  await pass(60_000);
  assert.equal(last(states).state, "closed");
  assert.equal(FakeSocket.all.length, 1);
});

test("commands of one moment share a frame, within the server's limit", async () => {
  const { bus } = client();
  FakeSocket.last.start({ limits: { body: 2000, frame: 3000 } });
  bus.command("session.ping");
  bus.command("session.ping");
  await settle();
  assert.equal(FakeSocket.last.frames.length, 1);
  assert.equal(JSON.parse(FakeSocket.last.frames[0]).length, 2);
  for (let n = 0; n < 3; n++) bus.command("x", { body: "가".repeat(600) }).catch(() => {});
  await settle();
  assert.equal(FakeSocket.last.frames.length, 4);
  assert.equal(FakeSocket.last.commands.length, 5);
});

test("replies and events may come in one frame; a throwing listener stops nobody", async () => {
  const { room, socket, heard } = await inRoom(0);
  const reports = [];
  globalThis.reportError = (error) => reports.push(error.message);
  try {
    room.on("presence", () => assert.fail("mine"));
    const page = room.history({ before: 5, limit: 2 });
    await settle();
    const [asked] = socket.next();
    assert.deepEqual(asked.data, { room: "lobby", before: 5, limit: 2 });
    socket.say(
      { ref: asked.ref, type: "reply", ok: true, data: { messages: [], more: false } },
      { type: "presence.changed", room: "lobby", data: { count: 2 } },
      { type: "from.the.future", room: "lobby", data: {} },
    );
    assert.deepEqual(await page, { messages: [], more: false });
    assert.deepEqual(heard, [["presence", { count: 2 }]]);
    assert.deepEqual(reports, ["mine"]);
  } finally {
    delete globalThis.reportError;
  }
});

test("commands fail with the server's reason, or unavailable when there is no answer", async () => {
  const { bus, room, socket } = await inRoom(0);
  const refused = assert.rejects(room.history(), { code: "forbidden", message: "No." });
  await settle();
  socket.refuse(socket.next()[0], { code: "forbidden", message: "No." });
  await refused;
  const unanswered = assert.rejects(room.history(), { code: "unavailable" });
  await pass(10_000);
  await unanswered;
  const cut = assert.rejects(room.history(), { code: "unavailable" });
  await settle();
  socket.drop();
  await cut;
  await assert.rejects(bus.command("session.ping"), { code: "unavailable" });
});

test("a token is shown first, and a guest without cookies stays the same guest", async () => {
  const guest = (id) => ({ user: { id, name: id, guest: true }, token: `proof of ${id}` });
  const { bus } = client();
  bus.room("lobby").join().catch(() => {});
  FakeSocket.last.start(guest("g1"));
  await settle();
  assert.deepEqual(FakeSocket.last.next().map(({ type }) => type), ["room.join"]);
  FakeSocket.last.drop();
  await pass(500);
  FakeSocket.last.start(guest("g2"));
  await settle();
  const [proof, join] = FakeSocket.last.next();
  assert.equal(proof.type, "session.authenticate");
  assert.deepEqual(proof.data, { token: "proof of g1" });
  assert.equal(join.type, "room.join");
  assert.equal(bus.session.user.id, "g1");
  FakeSocket.last.reply(proof, { user: { id: "g1", name: "g1", guest: true } });
  FakeSocket.last.drop();
  await pass(1000);
  FakeSocket.last.start(); // signed in meanwhile: no guest any more
  await settle();
  assert.equal(FakeSocket.last.next()[0].type, "room.join");
  assert.equal(bus.session.user.id, 7);
});

test("a token that is refused ends it", async () => {
  const { bus, states } = client({ token: "old" });
  FakeSocket.last.start();
  await settle();
  const [proof] = FakeSocket.last.next();
  assert.deepEqual(proof.data, { token: "old" });
  FakeSocket.last.refuse(proof, { code: "unauthenticated", message: "Too old." });
  await settle();
  assert.equal(last(states).reason, "unauthenticated");
  assert.equal(bus.state, "closed");
});

test("a clock that is set back hides no dead network, and the wall time told is the wall's", async () => {
  const { states } = await inRoom(0);
  const { now } = Date;
  Date.now = () => now.call(Date) - 3_600_000;
  await pass(25_000);
  assert.equal(FakeSocket.last.next()[0].type, "session.ping");
  await pass(10_000);
  assert.equal(last(states).reason, "timeout");
  assert.equal(last(states).retryAt - Date.now(), 500);
});
