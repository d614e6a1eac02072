/** How long a text is, as the server counts: characters as people see them. */

const OF_ONE = 16; // code points of one character before each counts as another
const MOST = 8; // code points for each character that is allowed
const segmenter = globalThis.Intl?.Segmenter && new Intl.Segmenter();

/** How many characters a text may still have; below 0, how many are too much. */
export function left(text, limit) {
  const said = text.normalize();
  const points = [...said].length;
  const seen = segmenter ? characters(said) : points;
  return points > MOST * limit ? Math.min(limit - seen, MOST * limit - points) : limit - seen;
}

function characters(text) {
  let count = 0;
  for (const { segment } of segmenter.segment(text)) {
    count += segment.length > OF_ONE ? 1 + Math.max(0, [...segment].length - OF_ONE) : 1;
  }
  return count;
}
