/** Help for somebody in danger, shown to the author of a message alone. */

import { gettext, language } from "../i18n.js";
import { button, make } from "./dom.js";

const LINK = /^[a-z0-9-]+(\.[a-z0-9-]+)+$/; // a host, as the name of who helps everywhere

/** Show a notice of the server above the composer, once; whoever has read it may close it. */
export function showNotice(composer, { contacts }) {
  composer.parentElement.querySelector(".crisis")?.remove();
  const here = countries();
  const near = contacts.filter(({ country }) => !country || here.has(country));
  const far = contacts.filter((contact) => !near.includes(contact));
  const box = make("aside", { className: "crisis" });
  box.setAttribute("aria-label", gettext("Help for you"));
  const text = make("p", {});
  text.setAttribute("role", "status");
  box.append(text, list(near));
  if (far.length) {
    const more = make("details", {}, make("summary", {}, gettext("Other countries")), list(far));
    box.append(more);
  }
  box.append(
    make("p", { className: "quiet" }, gettext("Only you can see this.")),
    button(gettext("Close"), () => {
      box.remove();
      composer.querySelector("textarea").focus();
    }),
  );
  composer.before(box);
  // What comes into a status that is there already is read out.
  text.textContent = gettext(
    "You are not alone. Talking to somebody can help, at any hour. If you are in danger right now, call the emergency number of your country.",
  );
}

/** The countries that the languages of the browser are of. */
function countries() {
  return new Set(
    [language, ...navigator.languages].flatMap((tag) => {
      try {
        return [new Intl.Locale(tag).maximize().region];
      } catch {
        return [];
      }
    }),
  );
}

function list(contacts) {
  const names = new Intl.DisplayNames([language], { type: "region" });
  const items = contacts.map(({ country, phone, name }) => {
    const where = country ? ` (${names.of(country)})` : "";
    const call = phone && make("a", { href: `tel:${phone.replace(/[^+\d]/g, "")}` }, phone);
    const shown = LINK.test(name)
      ? make("a", { href: `https://${name}`, target: "_blank", rel: "noopener noreferrer" }, name)
      : make("bdi", {}, name);
    return make("li", {}, ...(call ? [call, " "] : []), shown, where);
  });
  return make("ul", {}, ...items);
}
