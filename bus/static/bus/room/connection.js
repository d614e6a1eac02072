/** `<bus-connection>`: a bar that says when there is no connection, and what to do. */

import { fill, gettext } from "../i18n.js";
import { button, make } from "./dom.js";

const GRACE = 1_000; // ms; a shorter absence is nobody's concern

/** Says nothing while all is well. */
export class BusConnection extends HTMLElement {
  #change = { state: "connecting" };

  /** Show a state of the client; `actions` has retry() and the address of the sign-in page. */
  show(change, actions) {
    const worse = this.childElementCount > 0; // do not flicker between attempts
    this.#change = change;
    this.actions = actions;
    clearTimeout(this.timer);
    if (change.state !== "online" && !worse && change.state !== "closed") {
      this.grace ??= setTimeout(() => this.#draw(), GRACE); // from the first attempt on
      return;
    }
    clearTimeout(this.grace);
    this.grace = null;
    if (change.state === "online") this.replaceChildren();
    else this.#draw();
  }

  #draw() {
    const { state, retryAt } = this.#change;
    const text = this.querySelector(".bar span");
    if (!text || state === "closed") {
      const bar = make("p", { className: "bar" }, make("span"), " ");
      bar.append(this.#way());
      this.replaceChildren(bar);
    }
    this.querySelector(".bar span").textContent = this.#words();
    clearTimeout(this.timer);
    if (retryAt) this.timer = setTimeout(() => this.#draw(), 500);
  }

  #words() {
    const { state, reason, retryAt } = this.#change;
    if (state === "closed") {
      return {
        unauthenticated: gettext("You are signed out."),
        forbidden: gettext("You cannot be here any more."),
        replaced: gettext("This chat was opened somewhere else."),
      }[reason] ?? gettext("The connection is closed.");
    }
    if (state === "connecting") return gettext("Connecting…");
    const seconds = Math.max(1, Math.ceil((retryAt - Date.now()) / 1000));
    return fill(gettext("Connection lost. Trying again in %(seconds)s s."), { seconds });
  }

  #way() {
    if (this.#change.reason === "unauthenticated") {
      return make("a", { href: this.actions.login || location.href }, gettext("Sign in"));
    }
    return button(gettext("Try now"), () => this.actions.retry());
  }
}

customElements.define("bus-connection", BusConnection);
