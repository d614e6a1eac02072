/** The page's language: what Django's catalogue, embedded in the page, has for a text. */

const catalog = JSON.parse(document.getElementById("catalog")?.textContent ?? "{}");

const page = document.documentElement.lang || "en";

/** The page's language as the reader has it (en-GB tells 17:04, en-US 5:04 PM), for dates. */
export const language = navigator.languages.find((each) => each.split("-")[0] === page) ?? page;

/** A text in the page's language. */
export function gettext(text) {
  const found = catalog[text];
  return typeof found === "string" ? found : text;
}

/** A text for one or for many; our languages have one form or these two. */
export function ngettext(one, many, count) {
  const forms = Array.isArray(catalog[one]) ? catalog[one] : [one, many];
  return forms[forms.length > 1 && count !== 1 ? 1 : 0];
}

/** Put values in the place of `%(name)s`. */
export function fill(text, values) {
  return text.replace(/%\((\w+)\)s/g, (_, name) => values[name]);
}
