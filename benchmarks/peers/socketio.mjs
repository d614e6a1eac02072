// Socket.IO 4 on Node, with the Redis adapter, as its documentation has it.
import { createServer } from "node:http";
import { createRequire } from "node:module";

// Installed in a directory of its own, which NODE_PATH names.
const require = createRequire(process.env.NODE_PATH + "/");
const { Server } = require("socket.io");
const { createAdapter } = require("@socket.io/redis-adapter");
const { createClient } = require("redis");

const address = new URL(process.env.BENCH_BROKER);
const options = address.protocol === "unix:" ? { socket: { path: address.pathname } } : { url: address.href };
const pub = createClient(options);
const sub = pub.duplicate();
await Promise.all([pub.connect(), sub.connect()]);
const http = createServer();
const io = new Server(http, { adapter: createAdapter(pub, sub), transports: ["websocket"] });
io.on("connection", (socket) => {
  socket.on("join", (room) => {
    socket.data.room = room;
    socket.join(room);
  });
  socket.on("msg", (message) => io.to(socket.data.room).emit("msg", message));
});
http.listen(Number(process.env.PORT), "127.0.0.1");
