/** A room tells everything once, in the order of `seq`, whatever happens to the connection. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeSocket, client, inRoom, joined, message, pass, posted, settle } from "./fake.mjs";

const told = (heard) => heard.map(([name, value]) => `${name} ${value.seq ?? value.code ?? ""}`.trim());

/** The room again on a new connection, up to its join command. */
async function back(socket, code = 1006) {
  socket.drop(code);
  await pass(500);
  const next = FakeSocket.last;
  assert.notEqual(next, socket);
  next.start();
  await settle();
  return { socket: next, join: next.next()[0] };
}

test("join resolves with the reply, before anything live is told", async () => {
  const { bus } = client();
  const room = bus.room("lobby");
  const order = [];
  room.on("message", (m) => order.push(m.seq));
  const entering = room.join().then((data) => order.push(`page to ${data.seq}`));
  FakeSocket.last.start();
  await settle();
  const [join] = FakeSocket.last.next();
  assert.deepEqual(join.data, { room: "lobby" });
  FakeSocket.last.say(posted(12));
  FakeSocket.last.say(posted(11), { ref: join.ref, type: "reply", ok: true, data: joined(10, [message(10)]) });
  FakeSocket.last.say(posted(13));
  await entering;
  await pass(50);
  assert.deepEqual(order, ["page to 10", 11, 12, 13]);
  assert.equal(room.seq, 13);
});

test("join throws the server's refusal, and does not try again", async () => {
  const { bus } = client();
  const refused = assert.rejects(bus.room("secret").join(), { name: "Rejected", code: "forbidden" });
  FakeSocket.last.start();
  await settle();
  FakeSocket.last.refuse(FakeSocket.last.next()[0], { code: "forbidden", message: "No." });
  await refused;
  await pass(60_000);
  assert.ok(FakeSocket.last.next().every((command) => command.type === "session.ping"));
});

test("join waits while the server is busy", async () => {
  const { bus } = client();
  const entering = bus.room("lobby").join();
  FakeSocket.last.start();
  await settle();
  FakeSocket.last.refuse(FakeSocket.last.next()[0], { code: "busy", message: "Later.", retry_after: 2 });
  await pass(1900);
  assert.equal(FakeSocket.last.next().length, 0);
  await pass(150);
  FakeSocket.last.reply(FakeSocket.last.next()[0], joined(3));
  assert.equal((await entering).seq, 3);
});

test("a reconnect joins again with the last seq and tells what was missed", async () => {
  const { socket, heard, room } = await inRoom(5);
  socket.say(posted(6));
  const { socket: next, join } = await back(socket);
  assert.deepEqual(join.data, { room: "lobby", since: 6 });
  next.say(posted(11)); // live, before the reply
  next.say(posted(8)); // told by the reply, too
  next.reply(join, joined(10, [
    message(7),
    message(8),
    message(3, { changed: 9, edited: true }),
    message(4, { changed: 10, removed: true, body: "" }),
  ]));
  await pass(50);
  assert.deepEqual(told(heard), [
    "message 6", "message 7", "message 8", "edited 3", "removed 4", "joined 10", "message 11",
  ]);
  assert.equal(room.seq, 11);
});

test("too much missed: the newest page comes with the gap", async () => {
  const { socket, heard } = await inRoom(5);
  const { socket: next, join } = await back(socket);
  next.reply(join, joined(900, [message(899), message(900)], { recovered: false }));
  await pass(50);
  assert.deepEqual(told(heard), ["gap 900", "joined 900"]);
  assert.equal(heard[0][1].messages.length, 2);
  next.say(posted(901));
  assert.deepEqual(told(heard).at(-1), "message 901");
});

test("a hole is told and filled; nothing is repeated", async () => {
  const { socket, heard } = await inRoom(5);
  socket.say(posted(6), posted(6), posted(9));
  socket.say(posted(10), { type: "message.removed", room: "lobby", seq: 11, data: { id: "m6", by: "moderator" } });
  await pass(200); // with random 1, it waits for 600 ms
  assert.deepEqual(socket.next(), []);
  await pass(400);
  const [join, ...more] = socket.next();
  assert.equal(more.length, 0);
  assert.deepEqual(join.data, { room: "lobby", since: 6 });
  socket.reply(join, joined(9, [message(7), message(8), message(9)]));
  await pass(50);
  assert.deepEqual(told(heard), [
    "message 6", "gap 9", "message 7", "message 8", "message 9", "joined 9", "message 10", "removed 11",
  ]);
});

test("a hole that the server fills by itself is nobody's concern", async () => {
  const { socket, heard } = await inRoom(5);
  socket.say(posted(7), posted(9));
  socket.say(posted(6), posted(7));
  await pass(300);
  socket.say(posted(8));
  await pass(300);
  assert.deepEqual(told(heard), ["message 6", "message 7", "message 8", "message 9"]);
  await pass(5000);
  assert.deepEqual(socket.next(), []);
});

test("a connection that ends in the middle of a hole forgets what waited behind it", async () => {
  const { socket, heard } = await inRoom(5);
  socket.say(posted(7));
  const { socket: next, join } = await back(socket);
  assert.deepEqual(join.data, { room: "lobby", since: 5 });
  next.reply(join, joined(7, [message(6), message(7)]));
  await pass(1000);
  assert.deepEqual(told(heard), ["message 6", "message 7", "joined 7"]);
  assert.deepEqual(next.next(), []);
});

test("edit, delete and report are commands of the room", async () => {
  const { socket, room } = await inRoom(5);
  const asked = [room.edit("m1", "new"), room.delete("m2"), room.report("m3", "spam")];
  await settle();
  const commands = socket.next();
  assert.deepEqual(commands.map(({ type, data }) => [type, data]), [
    ["message.edit", { room: "lobby", id: "m1", body: "new" }],
    ["message.delete", { room: "lobby", id: "m2" }],
    ["message.report", { room: "lobby", id: "m3", reason: "spam" }],
  ]);
  for (const command of commands) socket.reply(command, { seq: 6 });
  assert.deepEqual(await Promise.all(asked), [{ seq: 6 }, { seq: 6 }, { seq: 6 }]);
});

test("typing is told once in 3 s, and never without a connection", async () => {
  const { socket, room } = await inRoom(5);
  for (let key = 0; key < 40; key++) {
    room.typing();
    await pass(100);
  }
  assert.deepEqual(socket.next().map(({ type }) => type), ["typing.start", "typing.start"]);
  socket.drop();
  room.typing();
  await settle();
});

test("marks of what was read become one, never go back, and survive a lost connection", async () => {
  const { socket, room } = await inRoom(5);
  room.read(3);
  room.read();
  room.read(4);
  await pass(500);
  const marks = () => FakeSocket.last.next().filter(({ type }) => type === "read.mark").map(({ data }) => data);
  assert.deepEqual(marks(), [{ room: "lobby", seq: 5 }]);
  room.read(5);
  await pass(500);
  assert.deepEqual(marks(), []);
  socket.say(posted(6));
  socket.drop();
  room.read();
  await pass(500);
  const next = FakeSocket.last;
  next.start();
  await settle();
  next.reply(next.next()[0], joined(6, [], { read: 5, unread: 1 }));
  await pass(50);
  assert.deepEqual(marks(), [{ room: "lobby", seq: 6 }]);
});

test("the first mark of a user is told", async () => {
  const { socket, room } = await inRoom(5);
  const { socket: next, join } = await back(socket);
  next.reply(join, joined(6, [message(6)], { read: null, unread: 6 }));
  await pass(50);
  room.read();
  await pass(500);
  assert.deepEqual(next.next().map(({ data }) => data), [{ room: "lobby", seq: 6 }]);
});

test("a guest's marks are not kept, and so not told", async () => {
  const { socket, room } = await inRoom(5);
  const { socket: next, join } = await back(socket);
  next.reply(join, joined(6, [message(6)], { read: null, unread: null }));
  await pass(50);
  room.read();
  await pass(1000);
  assert.deepEqual(next.next(), []);
});

test("a hole that a join does not fill is asked for ever more slowly", async () => {
  const { socket } = await inRoom(5);
  socket.say(posted(7));
  let joins = 0;
  for (let second = 0; second < 30; second++) {
    for (const command of socket.next()) {
      if (command.type !== "room.join") continue;
      joins++;
      socket.reply(command, joined(5));
    }
    await pass(1000);
  }
  assert.ok(joins > 3 && joins < 15, `${joins} joins`);
});

test("leave() ends the events, and the room stays left over a reconnect", async () => {
  const { socket, heard, room } = await inRoom(5);
  const leaving = room.leave();
  await settle();
  const [command] = socket.next();
  assert.equal(command.type, "room.leave");
  socket.reply(command);
  await leaving;
  socket.say(posted(6));
  socket.drop();
  await pass(500);
  FakeSocket.last.start();
  await settle();
  assert.deepEqual(FakeSocket.last.next(), []);
  assert.deepEqual(heard, []);
});

test("all rooms join again in one frame", async () => {
  const { bus, socket } = await inRoom(5);
  bus.room("launch", { since: 3 }).join().catch(() => {});
  await settle();
  socket.reply(socket.next()[0], joined(3));
  await pass(50);
  const { socket: next } = await back(socket);
  assert.equal(next.frames.length, 1);
  assert.deepEqual(next.commands.map(({ data }) => data), [{ room: "lobby", since: 5 }, { room: "launch", since: 3 }]);
});

test("join() right after join() is answered, too", async () => {
  const { bus } = client();
  const room = bus.room("lobby");
  const order = [];
  (async () => {
    order.push((await room.join()).seq);
    order.push((await room.join()).seq);
  })();
  FakeSocket.last.start();
  await settle();
  FakeSocket.last.reply(FakeSocket.last.next()[0], joined(3));
  await settle();
  FakeSocket.last.say(posted(4));
  await pass(50);
  const [again, ...more] = FakeSocket.last.next();
  assert.deepEqual([again.data, more], [{ room: "lobby", since: 4 }, []]);
  FakeSocket.last.reply(again, joined(4));
  await pass(50);
  assert.deepEqual(order, [3, 4]);
  assert.ok(room.joined);
  const sent = room.send({ body: "hi" });
  await settle();
  assert.equal(FakeSocket.last.next()[0].data.client_id, sent.client_id);
});

test("leave() while a join is under way ends it; join() begins another", async () => {
  const { bus } = client();
  const room = bus.room("lobby");
  const refused = assert.rejects(room.join(), { code: "not_member" });
  FakeSocket.last.start();
  await settle();
  const [first] = FakeSocket.last.next();
  room.leave();
  await refused;
  const entering = room.join();
  await settle();
  const [leave, second] = FakeSocket.last.next();
  assert.deepEqual([leave.type, second.type], ["room.leave", "room.join"]);
  FakeSocket.last.reply(first, joined(3));
  await pass(50);
  assert.equal(room.joined, false);
  FakeSocket.last.reply(second, joined(4));
  assert.equal((await entering).seq, 4);
});

test("who is there is told as the server says it, with all names or with none", async () => {
  const { socket, heard } = await inRoom(0);
  const members = [{ id: 8, name: "sora" }];
  socket.say({ type: "presence.changed", room: "lobby", data: { count: 300, joined: [], left: [] } });
  socket.say({ type: "presence.changed", room: "lobby", data: { count: 1, joined: [], left: [], members } });
  assert.deepEqual(heard.map(([name, { count, members: all }]) => [name, count, all]), [
    ["presence", 300, undefined], ["presence", 1, members],
  ]);
});

test("a room in another spelling hears the events of the one that the server means", async () => {
  const { bus } = client();
  const room = bus.room("Lobby");
  const heard = [];
  room.on("message", (m) => heard.push(m.seq));
  const entering = room.join();
  FakeSocket.last.start();
  await settle();
  FakeSocket.last.reply(FakeSocket.last.next()[0], { ...joined(10), room: { name: "lobby" } });
  await entering;
  await pass(50);
  FakeSocket.last.say(posted(11));
  await pass(50);
  assert.deepEqual(heard, [11]);
});
