/** Why something was refused, in words for its sender. */

import { gettext } from "../i18n.js";

// <reasons>
const WORDS = {
  blocked_word: gettext("it has a word that is not allowed here"),
  link: gettext("links are not allowed here"),
  personal: gettext("it has personal data or a secret"),
  spam: gettext("it looks like spam"),
  flood: gettext("too many messages in a short time"),
  mentions: gettext("it mentions too many people"),
  harassment: gettext("it may hurt somebody"),
  crisis: gettext("somebody may be in danger"),
  exploitation: gettext("it may put somebody at risk"),
  threat: gettext("it looks like a threat"),
  doxxing: gettext("it lays somebody's private life open"),
  drugs: gettext("it looks like dealing in drugs"),
  fraud: gettext("it looks like fraud"),
  model: gettext("it looks like abuse or spam"),
  new_member: gettext("new accounts wait for a moderator for now"),
  capitals: gettext("it is mostly in capitals"),
  emoji: gettext("it has too many emoji"),
  external: gettext("it needs a second look"),
  moderator: gettext("a moderator decided so"),
  withdrawn: gettext("you took it back"),
  reported: gettext("members have reported it"),
  review: gettext("a moderator looks at it again"),
  expired: gettext("nobody reviewed it in time"),
  newcomer: gettext("newcomers wait a little here before they write"),
  duplicate: gettext("you said the same a moment ago"),
  invalid: gettext("it has something that cannot be sent"),
  unauthenticated: gettext("you are not signed in"),
  forbidden: gettext("you may not write here"),
  not_member: gettext("you are not in this room"),
  muted: gettext("you are muted in this room"),
  banned: gettext("you are banned from this room"),
  not_found: gettext("the room is gone"),
  room_archived: gettext("the room is archived"),
  too_long: gettext("it is too long"),
  rate_limited: gettext("you are sending too fast"),
  slow_mode: gettext("the room is in slow mode"),
  conflict: gettext("somebody else was first"),
  busy: gettext("the service is busy"),
  unavailable: gettext("the service did not answer"),
  internal: gettext("something went wrong on our side"),
};
// </reasons>

/** The words for a reason; the server's own for a code of a rule that we do not know. */
export function reasonText(reason) {
  return WORDS[reason?.code] ?? reason?.message ?? reason?.code ?? gettext("no reason was given");
}
