// Blocks of code in a message: the same table as for the server's own splitting.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { blocks } from "../../../bus/static/bus/room/blocks.js";

const CASES = JSON.parse(readFileSync(new URL("./blocks.json", import.meta.url), "utf8"));

for (const [text, parts] of CASES) {
  test(`blocks of ${JSON.stringify(text)}`, () => {
    const found = blocks(text).map(({ code, text }) => [code ? "code" : "text", text]);
    assert.deepEqual(found, parts);
  });
}

const HARD = {
  fences: (size) => "``` ".repeat(size / 4),
  "one fence": (size) => "`".repeat(size),
  "shorter and shorter": (size) => {
    const runs = [];
    for (let length = Math.floor(Math.sqrt(size * 2)); length > 2; length--) runs.push("`".repeat(length));
    return runs.join(" ");
  },
  lines: (size) => "```\n" + "\n".repeat(size),
  spaces: (size) => "```" + " \n".repeat(size / 2) + "x```",
  "ends of lines": (size) => "```" + "\n ".repeat(size / 2) + "x```",
};

for (const [name, make] of Object.entries(HARD)) {
  test(`a long text of ${name} takes time in proportion`, () => {
    const time = (size) => {
      const text = make(size);
      const times = [1, 2, 3, 4, 5].map(() => {
        const began = performance.now();
        blocks(text);
        return performance.now() - began;
      });
      return Math.min(...times);
    };
    time(50_000);
    const [short, long] = [time(50_000), time(800_000)];
    // 16 times the text; the square would be 256 times.
    assert.ok(long < 160 * Math.max(short, 0.2), `${short} ms, then ${long} ms`);
  });
}
