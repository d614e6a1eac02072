/** A message is settled once, in its order, and its sender knows how it fares. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  FakeSocket, FakeStorage, client, inRoom, joined, message, pass, posted, settle, watch,
} from "./fake.mjs";

const settled = (client_id, status, more = {}) => ({
  type: "message.settled", room: "lobby", data: { client_id, status, ...more },
});

const own = ({ client_id }) => ({ client_id, author: { id: 7, name: "mina" } });

async function sendOne(options) {
  const world = await inRoom(0, options);
  const sent = world.room.send({ body: "hi" });
  const statuses = watch(sent);
  await settle();
  const [command] = world.socket.next();
  return { ...world, sent, statuses, command };
}

test("sending, accepted, posted", async () => {
  const { sent, statuses, command, socket } = await sendOne();
  assert.equal(command.type, "message.send");
  assert.deepEqual(command.data, { room: "lobby", body: "hi", client_id: sent.client_id });
  socket.reply(command, { status: "accepted" });
  await sent.accepted;
  assert.equal(sent.status, "sending");
  socket.say(settled(sent.client_id, "posted", { id: "m1", seq: 1 }));
  assert.deepEqual(await sent.settled, { status: "posted", id: "m1", seq: 1, client_id: sent.client_id, body: "hi" });
  assert.deepEqual(statuses, ["sending", "posted"]);
});

test("one's own message in the room settles it, too", async () => {
  const { sent, command, socket, heard } = await sendOne();
  socket.say(posted(1, own(sent)));
  assert.equal((await sent.settled).status, "posted");
  socket.reply(command, { status: "accepted" });
  await pass(60_000);
  assert.equal(socket.next().filter(({ type }) => type === "message.send").length, 0);
  assert.equal(heard.filter(([name]) => name === "message").length, 1);
});

test("another's message with the same client_id settles nothing", async () => {
  const { sent, command, socket, heard } = await sendOne();
  socket.reply(command, { status: "accepted" });
  await sent.accepted;
  const { client_id } = sent;
  socket.say(posted(1, { client_id }), posted(2, { client_id, author: { id: null, name: "bot" } }));
  await settle();
  assert.equal(sent.status, "sending");
  assert.equal(heard.filter(([name]) => name === "message").length, 2);
  socket.say(posted(3, own(sent)));
  assert.equal((await sent.settled).id, "m3");
});

test("held, then posted or rejected by a moderator", async () => {
  for (const end of ["posted", "rejected"]) {
    const { sent, statuses, command, socket } = await sendOne();
    socket.reply(command, { status: "accepted" });
    socket.say(settled(sent.client_id, "held", { reason: { code: "link", message: "Links." } }));
    assert.equal((await sent.settled).status, "held");
    assert.equal(sent.reason.code, "link");
    socket.say(settled(sent.client_id, end, { reason: { code: "moderator", message: "No." } }));
    assert.deepEqual(statuses, ["sending", "held", end]);
  }
});

test("rejected by the worker, with its reason", async () => {
  const { sent, command, socket } = await sendOne();
  socket.reply(command, { status: "accepted" });
  socket.say(settled(sent.client_id, "rejected", { reason: { code: "blocked_word", message: "A word." } }));
  await assert.rejects(sent.settled, { name: "Rejected", code: "blocked_word", message: "A word." });
  assert.equal(sent.status, "rejected");
});

test("refused at the door, with its code", async () => {
  const { sent, command, socket } = await sendOne();
  socket.refuse(command, { code: "too_long", message: "Too long." });
  await assert.rejects(sent.accepted, { code: "too_long" });
  await assert.rejects(sent.settled, { code: "too_long" });
  assert.equal(sent.status, "rejected");
});

test("a repeat is answered with its outcome", async () => {
  for (const status of ["posted", "held"]) {
    const { sent, command, socket } = await sendOne();
    socket.reply(command, { status, id: "m1", seq: 1 });
    assert.equal((await sent.settled).status, status);
  }
  const { sent, command, socket } = await sendOne();
  socket.reply(command, { status: "rejected", reason: { code: "spam", message: "Spam." } });
  await assert.rejects(sent.settled, { code: "spam" });
});

test("without a connection it is queued, and goes out after the join, in order", async () => {
  const { room, socket } = await inRoom(0);
  socket.drop();
  const first = room.send({ body: "1" });
  const second = room.send({ body: "2" });
  const dropped = room.send({ body: "never" });
  assert.equal(first.status, "queued");
  dropped.cancel();
  await pass(500);
  const next = FakeSocket.last;
  next.start();
  await settle();
  const [join] = next.next();
  assert.equal(join.type, "room.join");
  next.reply(join, joined(0));
  await pass(50);
  const bodies = [];
  for (const sent of [first, second]) {
    const [command, ...more] = next.next();
    assert.equal(more.length, 0, "one at a time: none overtakes another");
    bodies.push(command.data.body);
    next.reply(command, { status: "accepted" });
    await settle();
    assert.equal(sent.status, "sending");
  }
  assert.deepEqual(bodies, ["1", "2"]);
  assert.deepEqual(next.next(), []);
});

test("what was not settled is sent again with the same client_id, in order", async () => {
  const { room, socket } = await inRoom(0);
  const accepted = room.send({ body: "accepted" });
  const unanswered = room.send({ body: "unanswered" });
  await settle();
  socket.reply(socket.next()[0], { status: "accepted" });
  await settle();
  socket.drop();
  assert.equal(accepted.status, "sending", "the server has it");
  assert.equal(unanswered.status, "queued");
  await pass(500);
  const next = FakeSocket.last;
  next.start();
  await settle();
  next.reply(next.next()[0], joined(1, [message(1, { client_id: "other" })]));
  await pass(50);
  for (const sent of [accepted, unanswered]) {
    const [command] = next.next();
    assert.equal(command.data.client_id, sent.client_id);
    next.reply(command, { status: "posted", id: "m", seq: 2 });
    await settle();
    assert.equal(sent.status, "posted");
  }
});

test("what recovery shows as posted is not sent again", async () => {
  const { room, socket } = await inRoom(0);
  const sent = room.send({ body: "hi" });
  await settle();
  socket.drop();
  await pass(500);
  FakeSocket.last.start();
  await settle();
  const [join] = FakeSocket.last.next();
  FakeSocket.last.reply(join, joined(1, [message(1, own(sent))]));
  await pass(50);
  assert.equal(sent.status, "posted");
  assert.deepEqual(FakeSocket.last.next(), []);
});

test("no answer: sent again once, failed after 10 s, and retry() is the same message", async () => {
  const { sent, socket, room } = await sendOne();
  const later = room.send({ body: "later" });
  await pass(5000);
  const [ping, again] = socket.next();
  assert.equal(ping.type, "session.ping");
  assert.equal(again.data.client_id, sent.client_id);
  socket.reply(ping); // the server lives, but does not take messages
  await pass(5000);
  assert.equal(sent.status, "failed");
  await assert.rejects(sent.settled, { code: "unavailable" });
  const next = socket.next().find(({ type }) => type === "message.send");
  assert.equal(next.data.client_id, later.client_id, "the next one has its turn");
  socket.reply(next, { status: "accepted" });
  sent.retry();
  sent.retry();
  await settle();
  const commands = socket.next();
  assert.equal(commands.length, 1);
  assert.equal(commands[0].data.client_id, sent.client_id);
  assert.equal(sent.status, "sending");
  socket.reply(commands[0], { status: "posted", id: "m1", seq: 1 });
  assert.equal((await sent.settled).status, "posted");
});

test("a connection that has died is left, and the message waits for the next", async () => {
  const { sent, socket, statuses } = await sendOne();
  await pass(10_000);
  assert.ok(socket.isClosed);
  assert.deepEqual(statuses, ["sending", "queued"]);
  await pass(500);
  const next = FakeSocket.last;
  next.start();
  await settle();
  next.reply(next.next()[0], joined(1, [message(1, own(sent))]));
  await pass(50);
  assert.equal(sent.status, "posted");
});

test("an outcome that comes after all settles what had failed", async () => {
  const { sent, socket, room } = await sendOne();
  for (let second = 0; second < 10; second++) {
    await pass(1000);
    for (const command of socket.next()) if (command.type === "session.ping") socket.reply(command);
  }
  assert.equal(sent.status, "failed");
  assert.deepEqual(room.pending, [sent]);
  socket.say(posted(1, own(sent)));
  assert.equal(sent.status, "posted");
  assert.deepEqual(room.pending, []);
});

test("busy: waits as told, and the others wait behind", async () => {
  const { sent, command, socket, room } = await sendOne();
  room.send({ body: "second" });
  socket.refuse(command, { code: "busy", message: "Full.", retry_after: 3 });
  await pass(2900);
  assert.deepEqual(socket.next(), []);
  assert.equal(sent.status, "sending");
  await pass(150);
  const [again] = socket.next();
  assert.equal(again.data.client_id, sent.client_id);
  socket.reply(again, { status: "accepted" });
  await settle();
  assert.equal(socket.next()[0].data.body, "second");
});

test("busy without end fails in the end", async () => {
  const { sent, command, socket } = await sendOne();
  socket.refuse(command, { code: "busy", message: "Full.", retry_after: 3 });
  for (let second = 0; second < 40; second++) {
    await pass(1000);
    for (const again of socket.next()) {
      if (again.type === "message.send") socket.refuse(again, { code: "busy", message: "Full.", retry_after: 3 });
    }
  }
  assert.equal(sent.status, "failed");
  assert.equal(sent.reason.code, "busy");
});

for (const code of ["slow_mode", "rate_limited"]) {
  test(`${code}: told with the time to wait, and may be retried`, async () => {
    const { sent, command, socket } = await sendOne();
    socket.refuse(command, { code, message: "Slow.", retry_after: 8 });
    await assert.rejects(sent.settled, { code, retry_after: 8 });
    assert.equal(sent.status, "rejected");
    sent.retry();
    await settle();
    assert.equal(socket.next()[0].data.client_id, sent.client_id);
  });
}

test("a limit that meets a repeat of an accepted message is waited for", async () => {
  const { room, socket } = await inRoom(0);
  const sent = room.send({ body: "hi" });
  await settle();
  socket.reply(socket.next()[0], { status: "accepted" });
  await settle();
  socket.drop();
  await pass(500);
  const next = FakeSocket.last;
  next.start();
  await settle();
  next.reply(next.next()[0], joined(0));
  await pass(50);
  next.refuse(next.next()[0], { code: "slow_mode", message: "Slow.", retry_after: 2 });
  await pass(1900);
  assert.equal(sent.status, "sending");
  await pass(200);
  next.reply(next.next()[0], { status: "posted", id: "m1", seq: 1 });
  assert.equal((await sent.settled).status, "posted");
});

test("an accepted message whose outcome is lost is asked for, ever more seldom", async () => {
  const { sent, command, socket } = await sendOne();
  socket.reply(command, { status: "accepted" });
  const times = [];
  const began = Date.now();
  for (let second = 0; second < 75; second++) {
    await pass(1000);
    for (const again of socket.next()) {
      if (again.type === "message.send") {
        times.push(Math.round((Date.now() - began) / 1000));
        socket.reply(again, { status: "accepted" });
      } else socket.reply(again);
    }
  }
  assert.deepEqual(times, [10, 30, 70]);
  assert.equal(sent.status, "sending");
});

test("a message sent before the first connection waits for the join", async () => {
  const { bus } = client();
  const room = bus.room("lobby");
  room.join();
  const sent = room.send({ body: "early" });
  assert.equal(sent.status, "queued");
  FakeSocket.last.start();
  await settle();
  const [join, ...more] = FakeSocket.last.next();
  assert.equal(more.length, 0);
  FakeSocket.last.reply(join, joined(0));
  await pass(50);
  assert.equal(FakeSocket.last.next()[0].data.client_id, sent.client_id);
});

for (const [what, limits, body] of [
  ["characters", { body: 5, frame: 65536 }, "가나다라마바"],
  ["bytes", { body: 50_000, frame: 65536 }, "가".repeat(22_000)],
]) {
  test(`a message of too many ${what} is refused before it is sent; the next one goes out`, async () => {
    const storage = new FakeStorage();
    const { room, socket } = await inRoom(0, { storage });
    socket.drop();
    const [long, next] = [room.send({ body }), room.send({ body: "ok" })];
    const statuses = watch(long);
    await pass(500);
    FakeSocket.last.start({ limits });
    await settle();
    FakeSocket.last.reply(FakeSocket.last.next()[0], joined(0));
    await pass(50);
    assert.deepEqual(FakeSocket.last.next().map(({ data }) => data.body), ["ok"]);
    assert.equal(statuses.at(-1), "rejected");
    assert.equal(long.reason.code, "too_long");
    await assert.rejects(long.settled, { name: "Rejected", code: "too_long" });
    assert.deepEqual(room.pending, [next]);
    assert.deepEqual(storage.kept.map(({ body: kept }) => kept), ["ok"]);
  });
}

test("length is counted as the server does: characters, line ends as one, without what is around", async () => {
  const { bus } = client();
  FakeSocket.last.start({ limits: { body: 5, frame: 65536 } });
  const room = bus.room("lobby");
  const asked = ["  👍👍👍👍👍\n", "a\r\nb\r\nc", "👍👍👍👍👍👍"].map((body) => room.edit("m1", body));
  await settle();
  const commands = FakeSocket.last.next();
  assert.equal(commands.length, 2);
  await assert.rejects(asked[2], { code: "too_long" });
  for (const command of commands) FakeSocket.last.reply(command);
  await Promise.all(asked.slice(0, 2));
});

test("what a server hangs up on for its frame is not sent again; what came after it is", async () => {
  const { bus, room, socket } = await inRoom(0);
  const entering = bus.room("launch").join();
  await settle();
  socket.reply(socket.next()[0], joined(0));
  await entering;
  await pass(50);
  const [bad, next] = [room.send({ body: "bad" }), room.send({ body: "next" })];
  const other = bus.room("launch").send({ body: "other" });
  await settle();
  assert.equal(socket.next().length, 2);
  socket.drop(4400);
  await settle();
  assert.equal(bad.status, "rejected");
  assert.equal(bad.reason.code, "too_long");
  assert.deepEqual([next.status, other.status], ["queued", "queued"]);
  await pass(500);
  FakeSocket.last.start();
  await settle();
  for (const join of FakeSocket.last.next()) FakeSocket.last.reply(join, joined(0));
  await pass(50);
  const ids = FakeSocket.last.next().map(({ data }) => data.client_id);
  assert.deepEqual(ids, [next.client_id, other.client_id]);
});

test("leave() leaves nothing queued: the server says what until_async of it", async () => {
  const { room, socket } = await inRoom(0);
  const [under, queued] = [room.send({ body: "under way" }), room.send({ body: "queued" })];
  await settle();
  const [first] = socket.next();
  const leaving = room.leave();
  await settle();
  const [leave, ...more] = socket.next();
  assert.equal(leave.type, "room.leave");
  assert.deepEqual(more, [], "one at a time, still");
  socket.reply(first, { status: "accepted" });
  socket.reply(leave);
  await leaving;
  await settle();
  const [second] = socket.next();
  assert.equal(second.data.client_id, queued.client_id);
  socket.refuse(second, { code: "not_member", message: "Join the room first." });
  await assert.rejects(queued.settled, { code: "not_member" });
  assert.equal(under.status, "sending", "the server has it");
  socket.say(settled(under.client_id, "posted", { id: "m1", seq: 1 }));
  assert.equal((await under.settled).status, "posted");
  assert.deepEqual(room.pending, []);
});

test("leave() without a connection: what waits goes out, and is told, with the next", async () => {
  const { room, socket } = await inRoom(0);
  socket.drop();
  const sent = room.send({ body: "hi" });
  await room.leave();
  await pass(500);
  FakeSocket.last.start();
  await settle();
  const [command] = FakeSocket.last.next();
  assert.equal(command.data.client_id, sent.client_id);
  FakeSocket.last.refuse(command, { code: "not_member", message: "Join the room first." });
  await assert.rejects(sent.settled, { code: "not_member" });
});

test("leave() before the room is joined sends what waited for that, to be told, too", async () => {
  const { bus } = client();
  const room = bus.room("lobby");
  room.join().catch(() => {});
  FakeSocket.last.start();
  await settle();
  const sent = room.send({ body: "hi" });
  room.leave();
  await settle();
  const [, leave, command] = FakeSocket.last.next();
  assert.equal(leave.type, "room.leave");
  FakeSocket.last.refuse(command, { code: "not_member", message: "Join the room first." });
  await assert.rejects(sent.settled, { code: "not_member" });
});

test("an accepted message that the server speaks of no more has failed, until its outcome comes", async () => {
  const { room, socket, sent, command } = await sendOne();
  const later = room.send({ body: "later" });
  socket.reply(command, { status: "accepted" });
  await settle();
  socket.drop();
  await pass(500);
  FakeSocket.last.start();
  await settle();
  FakeSocket.last.refuse(FakeSocket.last.next()[0], { code: "banned", message: "Banned." });
  await settle();
  FakeSocket.last.refuse(FakeSocket.last.next()[0], { code: "banned", message: "Banned." });
  await settle();
  assert.equal(sent.status, "failed");
  assert.equal(sent.reason.code, "banned");
  assert.equal(FakeSocket.last.next()[0].data.client_id, later.client_id, "the next one has its turn");
  FakeSocket.last.say(settled(sent.client_id, "posted", { id: "m1", seq: 1 }));
  assert.equal(sent.status, "posted");
});
