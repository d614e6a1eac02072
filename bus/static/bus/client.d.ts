/** Types of client.js, the Bus client for browsers. */

export type State = "connecting" | "online" | "offline" | "closed";
export type Status = "queued" | "sending" | "held" | "posted" | "rejected" | "failed";

/** What a server says about a refusal; `retry_after` is in seconds. */
export interface Reason {
  code: string;
  message?: string;
  retry_after?: number;
}

/** A command, a join or a message was refused. */
export class Rejected extends Error {
  constructor(reason?: Partial<Reason>);
  readonly code: string;
  readonly retry_after?: number;
}

export interface Person {
  id: number | string;
  name: string;
  guest?: boolean;
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
  reply_to: string | null;
}

export interface Presence {
  count: number;
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
}

/** The reply to `room.join`. */
export interface Joined {
  room: RoomInfo;
  you: { role: "owner" | "moderator" | "member" | null; muted_until: string | null };
  seq: number;
  recovered: boolean;
  messages: Message[];
  presence: Presence;
}

/** How a message ended; `id` and `seq` once it is posted. */
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
  /** Why it was rejected or failed. */
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
  removed: { id: string; seq: number; by?: "author" | "moderator"; reason?: string };
  presence: Presence;
  typing: { members: Person[] };
  changed: RoomInfo;
  member: { role?: string; muted_until?: string | null; banned_until?: string | null; reason?: string };
  event: { name: string; payload: unknown; source: string; id: string };
  /** The outcome of a message of one's own, from this page or another. */
  settled: { client_id: string; status: string; id?: string; seq?: number; reason?: Reason | null };
  /** Something was missed. With `messages`, too much: show these instead; without, it follows. */
  gap: { since: number; seq: number; messages: Message[] | null };
  /** After each join, the first and those of reconnects. */
  joined: Joined;
  /** A join was refused for good. */
  rejected: Rejected;
}

export interface Room {
  readonly name: string;
  /** The last `seq` seen. */
  readonly seq: number | null;
  readonly joined: boolean;
  on<Name extends keyof RoomEvents>(name: Name, listener: (value: RoomEvents[Name]) => void): () => void;
  on(name: string, listener: (value: any) => void): () => void;
  join(): Promise<Joined>;
  leave(): Promise<void>;
  history(page?: { before?: number; after?: number; limit?: number }): Promise<{ messages: Message[]; more: boolean }>;
  send(draft: Draft): Sent;
}

export interface StateChange {
  state: State;
  /** lost, timeout, restart, busy, too_slow, too_many; unauthenticated, forbidden, replaced, closed. */
  reason: string | null;
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
  on(name: "event", listener: (event: RoomEvents["event"]) => void): () => void;
  on(name: string, listener: (value: any) => void): () => void;
  /** The room of that name. Give `since` to be told what was missed, instead of the newest page. */
  room(name: string, options?: { since?: number; limit?: number }): Room;
  command(type: string, data?: object, wait?: number): Promise<any>;
  /** Connect now, without waiting for the next attempt. */
  retry(): void;
  close(): void;
}

export interface Options {
  /** From `POST tokens`, for pages that have no session cookie of the site. */
  token?: string;
  WebSocket?: typeof WebSocket;
  now?: () => number;
  random?: () => number;
}

export function connect(url: string, options?: Options): Bus;
