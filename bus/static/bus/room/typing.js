/** `<bus-typing>`: who is writing at the moment; seen, and not announced. */

import { fill, gettext } from "../i18n.js";

const LASTS = 10_000; // ms; whoever is cut off in mid-word is not typing for ever

/** One line, empty when nobody types. */
export class BusTyping extends HTMLElement {
  /** Show these people, without the one who looks. */
  show(members, me) {
    clearTimeout(this.timer);
    const names = members.filter(({ id }) => String(id) !== me).map(({ name }) => name);
    this.textContent = words(names);
    if (names.length) this.timer = setTimeout(() => this.show([], me), LASTS);
  }
}

function words([one, two, ...more]) {
  if (!one) return "";
  if (!two) return fill(gettext("%(one)s is typing…"), { one });
  if (!more.length) return fill(gettext("%(one)s and %(two)s are typing…"), { one, two });
  return gettext("Several people are typing…");
}

customElements.define("bus-typing", BusTyping);
