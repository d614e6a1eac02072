/** Message text as nodes: links, code, bold, emphasis; all else is text. */

import { blocks } from "./blocks.js";
import { make } from "./dom.js";

// The host of a link is ASCII: a Korean particle may follow it directly, and look-alike
// domains do not become links. ** and * may touch Hangul, as in **굵게**는.
const MARK = new RegExp(
  [
    "`([^`\\n]+)`",
    "(https?://(?:[a-z0-9-]+\\.)*[a-z0-9-]+(?::\\d+)?(?:[/?#][^\\s<>\"`]*)?)",
    "(?<![a-z0-9*])\\*\\*(?=[^\\s*])([^\\n]*?[^\\s*])\\*\\*(?![a-z0-9*])",
    "(?<![a-z0-9*])\\*(?=[^\\s*])([^*\\n]*?[^\\s*])\\*(?![a-z0-9*])",
  ].join("|"),
  "giu",
);

/** Nodes for a text as its author wrote it. */
export function markup(text) {
  const nodes = document.createDocumentFragment();
  for (const { code, text: part } of blocks(text)) {
    nodes.append(code ? block(part) : inline(part));
  }
  return nodes;
}

// Keys scroll what is wider than the screen.
function block(code) {
  return make("pre", { dir: "ltr", tabIndex: 0 }, make("code", {}, code));
}

function inline(text) {
  const nodes = document.createDocumentFragment();
  let end = 0;
  for (const found of text.matchAll(MARK)) {
    const [whole, code, address, bold, emphasis] = found;
    if (found.index > end) nodes.append(text.slice(end, found.index));
    end = found.index + whole.length;
    if (code) nodes.append(make("code", {}, code));
    else if (address) nodes.append(...link(address));
    else if (bold) nodes.append(make("strong", {}, inline(bold)));
    else nodes.append(make("em", {}, inline(emphasis)));
  }
  if (end < text.length) nodes.append(text.slice(end));
  return nodes;
}

function link(text) {
  const address = trimmed(text);
  if (!URL.canParse(address)) return [text];
  const rel = "noopener noreferrer nofollow";
  const anchor = make("a", { href: address, rel, target: "_blank" }, address);
  return [anchor, text.slice(address.length)];
}

/** Without the punctuation that ends the sentence, not the address. */
function trimmed(address) {
  for (;;) {
    const last = address.at(-1);
    const closes = { ")": "(", "]": "[", "}": "{" }[last];
    const open = closes && address.split(closes).length >= address.split(last).length;
    if (open || !/[.,;:!?'*_~)\]}…。、」』]/u.test(last)) return address;
    address = address.slice(0, -1);
  }
}
