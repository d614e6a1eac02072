/** One line of the log: a message of the room, or one of one's own on its way. */

import { fill, gettext, language } from "../i18n.js";
import { moreButton } from "./actions.js";
import { make } from "./dom.js";
import { markup } from "./markup.js";
import { reasonText } from "./reasons.js";

const FOLLOWS_WITHIN = 5 * 60_000; // ms; the same author's next line needs no name
const HUES = 8;
const LINK = /^(?:https?:\/\/|\/)/; // as the server has them; nothing that runs
const clock = new Intl.DateTimeFormat(language, { timeStyle: "short" });
const calendar = new Intl.DateTimeFormat(language, { dateStyle: "full" });

/** A row for a message of the room; `me` is the id of who looks. */
export function messageRow(message, me) {
  const mine = String(message.author.id) === me;
  const row = blank(message.author, mine, message.body, message.posted_at);
  row.dataset.author = message.author.id ?? `s${message.author.name}`; // services have names alone
  settle(row, message);
  return row;
}

/** A row for a message of one's own that is on its way. */
export function pendingRow(sent, me, name) {
  const row = blank({ name }, true, sent.body, new Date().toISOString());
  row.dataset.author = me;
  row.dataset.client = sent.client_id;
  return row;
}

/** A row for what a backend service announces; it is no message and has no seq. */
export function announcementRow({ source, payload }) {
  const row = blank({ name: source }, false, payload.body, new Date().toISOString());
  row.classList.add("announcement");
  row.dataset.author = `a${source}`;
  return row;
}

/** Make a row the message that the room now has: new, edited or removed. */
export function settle(row, message) {
  const { id, seq, changed, posted_at, body, edited, removed } = message;
  Object.assign(row.dataset, { id, seq, changed });
  if (row.dataset.client && message.author) rename(row, message.author); // with picture and link
  delete row.dataset.client;
  delete row.dataset.status;
  row.querySelector(".state")?.remove();
  stamp(row, posted_at);
  if (removed) return remove(row, message);
  row.classList.remove("removed"); // a moderator may have let it stand after all
  addMore(row);
  setBody(row, body);
  if (edited && !row.querySelector(".edited")) {
    row.querySelector(".body").after(make("span", { className: "edited" }, gettext("edited")));
  }
}

/** Take a message's text away. */
export function remove(row, { seq, by, removed_by, reason, changed }) {
  const mine = row.classList.contains("own");
  row.dataset.changed = changed ?? seq;
  row.classList.add("removed");
  row.source = "";
  for (const gone of row.querySelectorAll(".edited, .more, .acts")) gone.remove();
  row.querySelector(".body").textContent =
    mine && (by ?? removed_by) === "moderator" ? removedText(reason) : gettext("Message removed");
}

function removedText(code) {
  if (!code || code === "moderator") return gettext("Removed by a moderator");
  const reason = reasonText({ code });
  return fill(gettext("Removed by a moderator: %(reason)s"), { reason });
}

/** Enhance a row that the server drew: links and marks, and times of this place. */
export function adopt(row) {
  const picture = row.querySelector(".avatar img");
  if (picture) standIn(picture, initialOf(row.querySelector(".name").textContent));
  if (!row.classList.contains("removed")) {
    const body = row.querySelector(".body");
    setBody(row, body.dataset.source ?? body.textContent);
    delete body.dataset.source; // what is removed later leaves nothing behind
    addMore(row);
  }
  stamp(row, row.querySelector("time").dateTime);
}

/** Hide the name where the row before has the same author, and show the day where it changes. */
export function group(row) {
  if (!row) return;
  let before = row.previousElementSibling;
  if (before?.classList.contains("day")) {
    before.remove();
    before = row.previousElementSibling;
  }
  const [time, last] = [timeOf(row), before?.matches(".row") ? timeOf(before) : null];
  const day = calendar.format(time);
  const newDay = !last || calendar.format(last) !== day;
  const same = last && before.dataset.author === row.dataset.author && time - last < FOLLOWS_WITHIN;
  row.classList.toggle("follow", Boolean(same && !newDay));
  if (newDay && !before?.matches(".new")) {
    row.before(make("li", { className: "day" }, make("span", {}, day)));
  }
}

const timeOf = (row) => new Date(row.querySelector("time").dateTime);

/** Show the author as they are now: name, picture, link. */
export function rename(row, author) {
  row.querySelector(".avatar").replaceWith(avatarOf(author));
  (row.querySelector(".profile") ?? row.querySelector(".name")).replaceWith(nameOf(author));
  row.querySelector(".more")?.replaceWith(moreButton(author.name));
}

function nameOf({ name, profile_url }) {
  const shown = make("bdi", { className: "name" }, name);
  if (!LINK.test(profile_url ?? "")) return shown;
  return make("a", { className: "profile", href: profile_url }, shown);
}

function avatarOf({ name, avatar_url }) {
  const hue = [...name].reduce((sum, letter) => sum + letter.codePointAt(0), 0) % HUES;
  const avatar = make("span", { className: `avatar hue-${hue}` }, initialOf(name));
  avatar.setAttribute("aria-hidden", "true");
  if (LINK.test(avatar_url ?? "")) {
    const picture = make("img", { src: avatar_url, alt: "" });
    avatar.replaceChildren(picture);
    standIn(picture, initialOf(name));
  }
  return avatar;
}

const initialOf = (name) => [...name][0]?.toUpperCase() ?? "?";

/** Show the first letter where a picture does not come, or is of a host that the page forbids. */
function standIn(picture, initial) {
  const replace = () => picture.replaceWith(initial);
  if (picture.complete && !picture.naturalWidth) replace();
  else picture.addEventListener("error", replace, { once: true });
}

function blank(author, mine, body, at) {
  const by = make("p", { className: "by" }, nameOf(author), " ");
  if (mine) by.append(make("span", { className: "you" }, gettext("You")), " ");
  by.append(make("time"));
  const text = make("div", { className: "body", dir: "auto" });
  const line = make("div", { className: "line" }, by, text);
  const row = make("li", { className: mine ? "row own" : "row" }, avatarOf(author), line);
  stamp(row, at);
  setBody(row, body);
  return row;
}

function addMore(row) {
  if (row.querySelector(".more")) return;
  row.append(moreButton(row.querySelector(".name").textContent));
}

function stamp(row, at) {
  const time = row.querySelector("time");
  const when = new Date(at);
  const title = when.toLocaleString(language);
  Object.assign(time, { dateTime: at, textContent: clock.format(when), title });
}

function setBody(row, text) {
  if (row.source === text) return; // unchanged text is not announced again
  row.source = text;
  row.querySelector(".body").replaceChildren(markup(text));
}
