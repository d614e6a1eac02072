/** What a sender sees of a message on its way, and what they can do about it. */

import { fill, gettext } from "../i18n.js";
import { button, make } from "./dom.js";
import { reasonText } from "./reasons.js";

/** Words for a status; what is posted has its time instead. */
export function statusText({ status, reason }) {
  switch (status) {
    case "queued": return gettext("Waiting for connection");
    case "sending": return gettext("Sending…");
    case "held": return gettext("Held for review. Only you can see this");
    case "rejected": return fill(gettext("Not posted: %(reason)s"), { reason: reasonText(reason) });
    case "failed": return gettext("Could not send");
    default: return gettext("Posted");
  }
}

/** Draw the status of a message under it; `acts` has resend(), withdraw() and drop(). */
export function showStatus(row, sent, acts) {
  row.dataset.status = sent.status;
  row.querySelector(".state")?.remove();
  if (sent.status === "posted") return;
  const state = make("p", { className: "state" }, make("span", {}, statusText(sent)));
  state.append(...buttons(sent, acts).flatMap((each) => [" ", each]));
  row.querySelector(".line").append(state);
}

function buttons(sent, { resend, withdraw, drop }) {
  const gone = () => drop();
  switch (sent.status) {
    case "queued": return [button(gettext("Delete"), gone)];
    case "held": return [button(gettext("Withdraw"), () => withdraw())];
    case "rejected":
      return [
        button(gettext("Edit and resend"), () => resend()),
        button(gettext("Dismiss"), gone),
      ];
    case "failed":
      return [
        button(gettext("Retry"), () => sent.retry()),
        button(gettext("Copy"), (event) => copy(sent.body, event.currentTarget)),
        button(gettext("Delete"), gone),
      ];
    default: return [];
  }
}

async function copy(text, pressed) {
  try {
    await navigator.clipboard.writeText(text);
    pressed.textContent = gettext("Copied");
  } catch {
    // Plain http has no clipboard: select the text, so that a key copies it.
    getSelection().selectAllChildren(pressed.closest(".line").querySelector(".body"));
  }
}
