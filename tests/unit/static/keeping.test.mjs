/** What is not settled survives a reload, is one tab's at a time, and breaks nothing. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeLocks, FakeSocket, FakeStorage, client, inRoom, joined, message, pass, settle, watch } from "./fake.mjs";

/** A room whose tab keeps what it has to send in a storage. */
async function tab(storage, more = {}) {
  const world = await inRoom(0, { storage, user: "7", ...more });
  return { ...world, restored: () => world.heard.filter(([name]) => name === "restored").map(([, sent]) => sent) };
}

/** The next page of a tab, up to its socket; `restored` collects what it finds. */
function reload(storage, more = {}) {
  const { bus } = client({ storage, user: "7", ...more });
  const room = bus.room("lobby");
  const restored = [];
  room.on("restored", (sent) => restored.push(sent));
  room.join().catch(() => {});
  return { bus, room, restored };
}

async function enter(data = joined(0), id = 7) {
  FakeSocket.last.start({ user: { id, name: "mina", guest: false } });
  await settle();
  FakeSocket.last.reply(FakeSocket.last.next()[0], data);
  await pass(50);
}

test("what was written without a connection is sent after a reload, once, in order", async () => {
  const storage = new FakeStorage();
  const { room, socket } = await tab(storage);
  socket.drop();
  const [first, second] = [room.send({ body: "1", reply_to: "m1" }), room.send({ body: "2" })];
  room.send({ body: "never" }).cancel();
  const { room: again, restored } = reload(storage);
  assert.deepEqual(restored.map(({ body, status }) => [body, status]), [["1", "queued"], ["2", "queued"]]);
  assert.deepEqual(again.pending, restored);
  await enter();
  for (const { client_id, body, reply_to } of [first, second]) {
    const [command, ...more] = FakeSocket.last.next();
    assert.equal(more.length, 0);
    assert.deepEqual(command.data, { room: "lobby", body, client_id, ...(reply_to && { reply_to }) });
    FakeSocket.last.reply(command, { status: "posted", id: body, seq: Number(body) });
    await settle();
  }
  assert.deepEqual(restored.map(({ status }) => status), ["posted", "posted"]);
  assert.deepEqual(storage.kept, []);
});

test("what was accepted, held or failed is there after a reload, too", async () => {
  const storage = new FakeStorage();
  const { room, socket } = await tab(storage);
  const held = room.send({ body: "held" });
  await settle();
  socket.reply(socket.next()[0], { status: "held", id: "h", reason: { code: "link", message: "Links." } });
  await settle();
  const failed = room.send({ body: "failed" });
  for (let second = 0; second < 11; second++) {
    await pass(1000);
    for (const command of socket.next()) if (command.type === "session.ping") socket.reply(command);
  }
  assert.deepEqual([held.status, failed.status], ["held", "failed"]);
  const accepted = room.send({ body: "accepted" });
  await settle();
  socket.reply(socket.next()[0], { status: "accepted" });
  await settle();
  const { restored } = reload(storage);
  assert.deepEqual(restored.map(({ status }) => status), ["queued", "failed", "queued"]);
  await enter();
  const [first] = FakeSocket.last.next();
  assert.equal(first.data.client_id, held.client_id);
  FakeSocket.last.refuse(first, { code: "slow_mode", message: "Slow.", retry_after: 1 });
  await pass(1000);
  FakeSocket.last.reply(FakeSocket.last.next()[0], { status: "held", id: "h" });
  await settle();
  const [second] = FakeSocket.last.next();
  assert.equal(second.data.client_id, accepted.client_id);
  restored[1].retry();
  FakeSocket.last.reply(second, { status: "posted", id: "a", seq: 1 });
  await settle();
  assert.equal(FakeSocket.last.next()[0].data.client_id, failed.client_id);
  assert.deepEqual(restored.map(({ status }) => status), ["held", "sending", "posted"]);
});

test("what the room shows as posted is not sent again after a reload", async () => {
  const storage = new FakeStorage();
  const { room, socket } = await tab(storage);
  const sent = room.send({ body: "hi" });
  await settle();
  socket.drop();
  const { restored } = reload(storage);
  FakeSocket.last.start();
  await settle();
  FakeSocket.last.reply(FakeSocket.last.next()[0], joined(1));
  FakeSocket.last.say({
    type: "message.settled", room: "lobby", data: { client_id: sent.client_id, status: "posted", id: "m1", seq: 1 },
  });
  await pass(50);
  assert.equal(restored[0].status, "posted");
  assert.deepEqual(FakeSocket.last.next(), []);
  assert.deepEqual(storage.kept, []);
});

test("a tab takes over from another only once that one is gone", async () => {
  const storage = new FakeStorage();
  const locks = new FakeLocks();
  const [one, two] = [locks.tab(), locks.tab()];
  const first = await tab(storage, { locks: one });
  await settle();
  first.socket.drop();
  const sent = first.room.send({ body: "mine" });
  const { room, restored } = reload(storage, { locks: two });
  await enter();
  assert.deepEqual(restored, []);
  assert.deepEqual(FakeSocket.last.next(), []);
  const own = room.send({ body: "of the second" });
  await settle();
  FakeSocket.last.reply(FakeSocket.last.next()[0], { status: "posted", id: "m1", seq: 1 });
  await settle();
  assert.equal(own.status, "posted");
  one.gone();
  await settle();
  assert.deepEqual(restored.map(({ client_id }) => client_id), [sent.client_id]);
  const statuses = watch(restored[0]);
  assert.equal(FakeSocket.last.next()[0].data.client_id, sent.client_id);
  assert.deepEqual(statuses, ["sending"]);
  assert.equal(storage.kept.length, 1);
});

test("what one deletes in a tab is nobody's any more", async () => {
  const storage = new FakeStorage();
  const locks = new FakeLocks();
  const one = locks.tab();
  const { room, socket } = await tab(storage, { locks: one });
  socket.drop();
  const sent = room.send({ body: "no" });
  const { restored } = reload(storage, { locks: locks.tab() });
  sent.cancel();
  one.gone();
  await enter();
  assert.deepEqual(restored, []);
  assert.deepEqual(FakeSocket.last.next(), []);
});

test("close() gives what is unsettled to the next", async () => {
  const storage = new FakeStorage();
  const locks = new FakeLocks().tab();
  const { bus, room } = await tab(storage, { locks });
  await settle();
  bus.close();
  room.send({ body: "later" });
  const { restored } = reload(storage, { locks });
  await settle();
  assert.equal(restored[0].body, "later");
});

test("others on the same machine, and other rooms, get nothing of it", async () => {
  const storage = new FakeStorage();
  const { room, socket } = await tab(storage);
  socket.drop();
  room.send({ body: "secret" });
  const { restored } = reload(storage, { user: "8" });
  await enter(joined(0), 8);
  assert.deepEqual(restored, []);
  const { bus } = client({ storage, user: "7" });
  bus.room("launch").on("restored", () => assert.fail("of another room"));
  bus.room("launch").join().catch(() => {});
  assert.equal(storage.kept.length, 1);
});

test("the server's word on who is there serves where the page does not know", async () => {
  const storage = new FakeStorage();
  const { room, socket } = await tab(storage, { user: undefined });
  socket.drop();
  room.send({ body: "hi" });
  assert.equal(storage.kept.length, 1);
  const { restored } = reload(storage, { user: undefined });
  assert.deepEqual(restored, []);
  FakeSocket.last.start();
  assert.equal(restored[0].body, "hi");
});

test("no more than 100 messages are kept, and all of them are sent", async () => {
  const storage = new FakeStorage();
  const { room, socket } = await tab(storage);
  socket.drop();
  for (let n = 0; n < 120; n++) room.send({ body: `${n}` });
  assert.equal(storage.kept.length, 100);
  assert.equal(room.pending.length, 120);
});

test("a storage that is full, shut or spoilt breaks nothing", async () => {
  for (const storage of [new FakeStorage({ full: true }), null]) {
    const { room, socket } = await tab(storage);
    const sent = room.send({ body: "hi" });
    await settle();
    socket.reply(socket.next()[0], { status: "posted", id: "m1", seq: 1 });
    await settle();
    assert.equal(sent.status, "posted");
  }
  const storage = new FakeStorage();
  storage.setItem("bus:queue:7:lobby:spoilt", "{");
  storage.setItem("bus:queue:7:lobby:odd", "null");
  const { restored } = reload(storage);
  await enter(joined(1, [message(1)]));
  assert.deepEqual(restored, []);
});

/** The next connection, of somebody, joined; the commands that follow. */
async function backAs(id, more = {}) {
  await pass(1000);
  const socket = FakeSocket.last;
  socket.start({ user: { id, name: `${id}`, guest: false }, ...more });
  await settle();
  const join = socket.next().find(({ type }) => type === "room.join");
  if (join) socket.reply(join, joined(0));
  await pass(50);
  return socket;
}

const sends = (socket) => socket.next().filter(({ type }) => type === "message.send").map(({ data }) => data);

for (const user of ["7", undefined]) {
  test(`what one user wrote is not sent as another, and waits for its author (user: ${user})`, async () => {
    const storage = new FakeStorage();
    const { bus, room, socket, restored } = await tab(storage, { user, locks: new FakeLocks().tab() });
    const [under, queued] = [room.send({ body: "under way" }), room.send({ body: "queued" })];
    await settle();
    socket.drop();
    const other = await backAs(8);
    assert.equal(bus.session.user.id, 8);
    assert.deepEqual(sends(other), []);
    assert.deepEqual(room.pending, []);
    for (const sent of [under, queued]) {
      assert.equal(sent.status, "rejected");
      await assert.rejects(sent.settled, { code: "unauthenticated" });
      sent.retry();
    }
    assert.deepEqual(storage.kept.map(({ body }) => body), ["under way", "queued"]);
    const own = room.send({ body: "sora's" });
    await settle();
    assert.deepEqual(sends(other).map(({ client_id }) => client_id), [own.client_id]);
    other.drop();
    const again = await backAs(7);
    assert.deepEqual(restored().map(({ body }) => body), ["under way", "queued"]);
    assert.deepEqual(sends(again).map(({ client_id }) => client_id), [under.client_id]);
    assert.equal(own.status, "rejected");
  });
}

test("a new user gets what that user has kept, and nothing that another tab leaves behind later", async () => {
  const storage = new FakeStorage();
  const locks = new FakeLocks();
  const one = locks.tab();
  const first = await tab(storage, { locks: one });
  first.socket.drop();
  first.room.send({ body: "mina's, of the first tab" });
  storage.setItem("bus:queue:8:lobby:gone", JSON.stringify([{ body: "sora's", client_id: "s", status: "queued" }]));
  const second = await tab(storage, { locks: locks.tab() });
  second.socket.drop();
  const other = await backAs(8);
  assert.deepEqual(second.restored().map(({ body }) => body), ["sora's"]);
  one.gone();
  await pass(50);
  assert.deepEqual(second.room.pending.map(({ body }) => body), ["sora's"]);
  assert.deepEqual(sends(other).map(({ body }) => body), ["sora's"]);
  assert.deepEqual(storage.kept.map(({ body }) => body).sort(), ["mina's, of the first tab", "sora's"]);
});

test("who comes back as the same, or is named at last, keeps everything", async () => {
  const storage = new FakeStorage();
  const { bus } = client({ storage });
  const room = bus.room("lobby");
  room.join().catch(() => {});
  const early = room.send({ body: "early" });
  assert.deepEqual(sends(await backAs(7)).map(({ client_id }) => client_id), [early.client_id]);
  const guest = { user: { id: "g1", name: "g1", guest: true }, token: "proof" };
  const { room: lobby } = reload(new FakeStorage(), { user: "g1" });
  const sent = lobby.send({ body: "hi" });
  (await backAs("g1", guest)).drop();
  const socket = await backAs("g2", { user: { id: "g2", name: "g2", guest: true }, token: "another" });
  assert.deepEqual(sends(socket).map(({ client_id }) => client_id), [sent.client_id]);
});

test("with a token, words are kept for whom it names", async () => {
  const storage = new FakeStorage();
  const { bus } = client({ storage, token: "t" });
  const room = bus.room("lobby");
  room.join().catch(() => {});
  const sent = room.send({ body: "hi" });
  FakeSocket.last.start({ user: { id: "g1", name: "g1", guest: true } });
  await settle();
  const [proof, join] = FakeSocket.last.next();
  FakeSocket.last.reply(proof, { user: { id: 7, name: "mina", guest: false } });
  FakeSocket.last.reply(join, joined(0));
  await pass(50);
  assert.deepEqual(sends(FakeSocket.last).map(({ client_id }) => client_id), [sent.client_id]);
  assert.ok(Object.keys(storage).every((key) => key.startsWith("bus:queue:7:lobby:")));
  assert.equal(storage.kept.length, 1);
});

test("where a token cannot be looked at now, nobody else speaks instead", async () => {
  const { bus } = client({ token: "t" });
  const room = bus.room("lobby");
  room.join().catch(() => {});
  room.send({ body: "hi" });
  const socket = FakeSocket.last;
  socket.start({ user: { id: "g1", name: "g1", guest: true } });
  await settle();
  const [proof, join] = socket.next();
  socket.refuse(proof, { code: "unavailable", message: "Later." });
  socket.reply(join, joined(0));
  await settle();
  assert.equal(bus.state, "offline");
  assert.ok(socket.isClosed);
  assert.deepEqual(sends(socket), []);
  await pass(500);
  assert.equal(bus.state, "connecting");
});

test("what one user has read is not marked for another", async () => {
  const { room, socket } = await inRoom(5);
  room.read();
  await pass(500);
  assert.equal(socket.next()[0].type, "read.mark");
  socket.drop();
  await pass(500);
  FakeSocket.last.start({ user: { id: 8, name: "sora", guest: false } });
  await settle();
  FakeSocket.last.reply(FakeSocket.last.next()[0], joined(5, [], { read: 2, unread: 3 }));
  await pass(1000);
  assert.deepEqual(FakeSocket.last.next(), []);
});
