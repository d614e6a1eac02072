/**
 * Types of client.js, the Bus client for browsers; docs/how-to/client.md shows it at work.
 *
 * It keeps one WebSocket for all rooms and mends it: a lost connection comes back after a random
 * time of up to 0.5 s, doubling to 20 s, at once when the browser is online or the page visible
 * again, and when the server said. Each room then asks for what it missed. What was not settled is
 * sent again with the same `client_id`, which never becomes two messages; and only as the user who
 * wrote it. What is longer than the session's limits is refused as `too_long` before it is sent.
 */

// <names>
/** What a client may ask. */
export type CommandType =
  "session.authenticate" | "session.ping" | "room.join" | "room.leave" | "message.send" |
  "message.edit" | "message.delete" | "message.report" | "history.list" | "typing.start" |
  "read.mark" | "unread.list" | (string & {});
/** What it is told. */
export type EventType =
  "session.started" | "session.closing" | "message.posted" | "message.edited" | "message.removed" |
  "message.settled" | "review.opened" | "review.closed" | "room.changed" | "member.changed" |
  "user.changed" | "presence.changed" | "typing.changed" | "read.changed" | "event.published" |
  (string & {});
/** Why something was refused. */
export type Code =
  "invalid" | "unauthenticated" | "forbidden" | "not_member" | "muted" | "banned" | "not_found" |
  "room_archived" | "too_long" | "rate_limited" | "slow_mode" | "conflict" | "busy" |
  "unavailable" | "internal" | "duplicate" | "blocked_word" | "link" | "personal" | "spam" |
  "flood" | "mentions" | "harassment" | "crisis" | "exploitation" | "threat" | "doxxing" | "drugs" |
  "fraud" | "model" | "new_member" | "capitals" | "emoji" | "external" | "moderator" | "withdrawn" |
  "reported" | "review" | "expired" | "newcomer" | (string & {});
/** Why a connection ended. */
export type CloseReason =
  "lost" | "timeout" | "restart" | "busy" | "too_slow" | "too_many" | "unauthenticated" |
  "forbidden" | "replaced" | "closed";
// </names>

/** `closed`: it will not come back by itself. */
export type State = "connecting" | "online" | "offline" | "closed";
/**
 * `queued`: no connection. `sending`: on its way, or with the server. `held`: a moderator decides.
 * `posted` and `rejected` are final. `failed`: the server is there but gave no answer in 10 s, or
 * speaks no more of what it accepted, as after leaving; an outcome that comes still settles it.
 */
export type Status = "queued" | "sending" | "held" | "posted" | "rejected" | "failed";

/** What a server says about a refusal; `retry_after` is in seconds. */
export interface Reason {
  code: Code;
  message?: string;
  retry_after?: number;
}

/** A command, a join or a message was refused. */
export class Rejected extends Error {
  constructor(reason?: Partial<Reason>);
  readonly code: Code;
  readonly retry_after?: number;
  /** The field that is wrong, and why a text may not stand, where the server says so. */
  readonly field?: string;
  readonly reason?: Reason;
}

export interface Person {
  id: number | string;
  name: string;
  guest?: boolean;
  /** Where the project has them: a picture, and a page about the author. */
  avatar_url?: string;
  profile_url?: string;
}

export interface Message {
  id: string;
  seq: number;
  changed: number;
  room: string;
  author: Person;
  body: string;
  posted_at: string;
  client_id: string | null;
  edited: boolean;
  removed: boolean;
  removed_by?: "author" | "moderator" | null;
  reply_to: string | null;
}

/**
 * Who is there. Of a crowd only the `count` is told, so it may be above what the names add up to:
 * show the count as it is.
 */
export interface Presence {
  count: number;
  /**
   * All who are there; in the reply to `room.join`, up to 100 of them. In an event it comes where
   * `joined` and `left` do not tell everything: put it in the place of the list you keep.
   */
  members?: Person[];
  joined?: Person[];
  left?: Person[];
}

export interface RoomInfo {
  name: string;
  title: string;
  topic: string;
  access: "open" | "public" | "private";
  moderation: "off" | "relaxed" | "standard" | "strict";
  slow_mode: number;
  archived?: boolean;
  /** What newcomers wait before they may write, in seconds; 0 is not at all. */
  newcomer_wait?: number;
}

/** The reply to `room.join`. */
export interface Joined {
  room: RoomInfo;
  you: {
    role: "owner" | "moderator" | "member" | null;
    muted_until: string | null;
    /** Of a newcomer who still waits. */
    writes_from?: string;
  };
  seq: number;
  recovered: boolean;
  messages: Message[];
  presence: Presence;
  /**
   * Up to where you have read, null before the first mark; and how many messages came since, null
   * for guests, whose marks are not kept.
   */
  read?: number | null;
  unread?: number | null;
}

/** How a message ended; `id` and `seq` once it is posted. */
/** Help for somebody in danger: shown to the author of a message alone. */
export interface Notice {
  code: "crisis" | (string & {});
  text: string;
  contacts: { country: string; phone: string; name: string }[];
}

export interface Outcome {
  status: "posted" | "held";
  id?: string;
  seq?: number;
  client_id: string;
  body: string;
}

export interface Draft {
  body: string;
  reply_to?: string;
  /** Made when missing. The same one never becomes two messages. */
  client_id?: string;
}

/** One message on its way. */
export interface Sent {
  readonly client_id: string;
  readonly body: string;
  readonly reply_to?: string;
  readonly status: Status;
  /** Why it was rejected or failed; `unauthenticated` when somebody else is signed in now. */
  readonly reason: Reason | null;
  readonly id?: string;
  readonly seq?: number;
  /** The broker has it: it will be settled. */
  readonly accepted: Promise<unknown>;
  /** Posted or held; throws Rejected when it was rejected or failed. */
  readonly settled: Promise<Outcome>;
  on(name: "status", listener: (status: Status) => void): () => void;
  /** Again, after `failed` or a limit; renews `accepted` and `settled`. */
  retry(): void;
  /** Forget it; what is on the wire already may still be posted. */
  cancel(): void;
}

export interface RoomEvents {
  message: Message;
  edited: Message;
  /** After a reconnect it is the removed message, without its text. */
  removed: { id: string; seq: number; by?: "author" | "moderator"; reason?: string } | Message;
  presence: Presence;
  typing: { members: Person[] };
  changed: RoomInfo;
  member: { role?: string; muted_until?: string | null; banned_until?: string | null; reason?: string };
  event: { name: string; payload: unknown; source: string; id: string };
  /** The outcome of a message of one's own, from this page or another. */
  settled: {
    client_id: string;
    status: string;
    id?: string;
    seq?: number;
    reason?: Reason | null;
    notice?: Notice;
  };
  /**
   * Something was missed, and waiting a moment did not bring it. With `messages`, it was too much:
   * show these instead of what you have; without, what was missed follows.
   */
  gap: { since: number; seq: number; messages: Message[] | null };
  /** After each join, the first and those of reconnects. */
  joined: Joined;
  /** A join was refused for good. */
  rejected: Rejected;
  /** A message of one's own that was not settled before a reload, or before another user was here;
   * it is in `pending` now. */
  restored: Sent;
}

export interface Room {
  readonly name: string;
  /** The last `seq` seen. */
  readonly seq: number | null;
  readonly joined: boolean;
  /** What one has sent and is not settled: queued, sending, held or failed, in that order of time. */
  readonly pending: readonly Sent[];
  on<Name extends keyof RoomEvents>(name: Name, listener: (value: RoomEvents[Name]) => void): () => void;
  on(name: string, listener: (value: any) => void): () => void;
  /** Come in, and stay in over reconnects; throws Rejected where that is refused for good. */
  join(): Promise<Joined>;
  /** Go out. What was not sent yet is refused by the server as `not_member`. */
  leave(): Promise<void>;
  /** A page of older or newer messages, oldest first. */
  history(page?: { before?: number; after?: number; limit?: number }): Promise<{ messages: Message[]; more: boolean }>;
  /** A handle at once, also without a connection. */
  send(draft: Draft): Sent;
  /** Change the text of a message of one's own. */
  edit(id: string, body: string): Promise<{ seq: number }>;
  /** Take a message away: one's own, also one that is held, or as a moderator. */
  delete(id: string, reason?: string): Promise<{ seq: number | null }>;
  /** Tell the moderators of a message. */
  report(id: string, reason: string): Promise<unknown>;
  /** Say that one is typing; call it at every key, it speaks once in 3 s. */
  typing(): void;
  /** Mark the room as read up to `seq`, or to the newest message; never goes back. */
  read(seq?: number): void;
}

export interface StateChange {
  state: State;
  reason: CloseReason | null;
  /** When the next attempt begins, in ms since 1970. */
  retryAt: number | null;
}

export interface Session {
  session: string;
  protocol: string;
  server_time: string;
  user: Person;
  heartbeat: number;
  limits: { body: number; frame: number };
  /** A guest's proof of being the same guest again; the client shows it by itself. */
  token?: string | null;
}

export interface Bus {
  readonly state: State;
  readonly session: Session | null;
  on(name: "state", listener: (change: StateChange) => void): () => void;
  /** From a backend service, to this user alone. */
  on(name: "notification", listener: (event: RoomEvents["event"]) => void): () => void;
  on(name: string, listener: (value: any) => void): () => void;
  /** The room of that name. Give `since` to be told what was missed, instead of the newest page. */
  room(name: string, options?: { since?: number; limit?: number }): Room;
  /** Any command; resolves with the reply's data within `wait` ms, throws Rejected. */
  command(type: CommandType, data?: object, wait?: number): Promise<any>;
  /** Connect now, without waiting for the next attempt. */
  retry(): void;
  /** Hang up for good. */
  close(): void;
}

export interface Options {
  /** From `POST tokens`, for pages that have no session cookie of the site. */
  token?: string;
  /**
   * Whose page it is, as `session.user.id`. Unsettled messages are kept under it; without it they
   * are kept once the server has said who is there. What it says counts: messages of this user are
   * not sent when somebody else is there.
   */
  user?: string | number;
  /** Where unsettled messages are kept; `null` is nowhere. Default: `localStorage`. */
  storage?: Storage | null;
  /** Tells whether another tab is still there. Default: `navigator.locks`, which needs https. */
  locks?: LockManager;
  WebSocket?: typeof WebSocket;
  /** A clock in ms that never goes back; for intervals alone. Default: `performance.now`. */
  now?: () => number;
  random?: () => number;
}

/** Connect, and stay connected. */
export function connect(url: string, options?: Options): Bus;
