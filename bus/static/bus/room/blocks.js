/** Splits a message into text and blocks of code, as bus/pages/code_blocks.py does on the server. */

const LANGUAGE = /^[^ \t\n`]*[ \t]*\n/;

/** What is between ``` and ``` is code; what is never closed, or has nothing in it, is text. */
export function blocks(text) {
  const fences = Array.from(text.matchAll(/`{3,}/g), ({ 0: run, index }) => (
    { length: run.length, start: index, end: index + run.length }
  ));
  const found = [];
  let done = 0;
  for (let at = 0; at < fences.length; at++) {
    const { length, start, end } = fences[at];
    // One as long, or longer, so that code may have shorter ones.
    let closing = at + 1;
    while (closing < fences.length && fences[closing].length < length) closing++;
    if (closing === fences.length) continue;
    at = closing;
    const inner = text.slice(end, fences[closing].start);
    if (/^[ \t\n]*$/.test(inner)) continue;
    const first = start === 0 || text[start - 1] === "\n";
    found.push({ code: false, text: text.slice(done, start) });
    found.push({ code: true, text: codeOf(inner, first) });
    done = fences[closing].end;
  }
  found.push({ code: false, text: text.slice(done) });
  return joined(found);
}

/** Without the line of the opening fence, which may name a language, and of the closing one. */
function codeOf(inner, atLineStart) {
  const end = inner.lastIndexOf("\n");
  const closedAlone = end >= 0 && /^[ \t]*$/.test(inner.slice(end + 1));
  const code = closedAlone ? inner.slice(0, end) : inner;
  const head = LANGUAGE.exec(inner)?.[0];
  const named = head && !/^[ \t\n]*$/.test(head);
  const drop = head && (!named || (atLineStart && closedAlone && head.length <= code.length));
  return drop ? code.slice(head.length) : code;
}

/** Without what ends the line before or after code, which begins and ends lines by itself. */
function joined(found) {
  return found.flatMap(({ code, text }, at) => {
    if (!code && at > 0) text = text.replace(/^[ \t]*\n?/, "");
    if (!code && at < found.length - 1) text = text.replace(/\n$/, "");
    return text ? [{ code, text }] : [];
  });
}
