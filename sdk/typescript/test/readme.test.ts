/** The blocks of the README, as one module that uses the package as its users do. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";

test("runs the README", async () => {
  const readme = readFileSync("README.md", "utf8");
  const blocks = [...readme.matchAll(/^```js\n(.*?)^```$/gms)].map((match) => match[1]);
  assert.equal(blocks.length, 11);
  writeFileSync("build/readme.mjs", blocks.join("\n"));
  const { stdout } = await promisify(execFile)(process.execPath, ["build/readme.mjs"]);
  const lines = stdout.split("\n");
  assert.equal(lines.filter((line) => /^sess_\w+ DE \d+$/.test(line)).length, 50);
  assert.equal(lines[50], "2026-03-03T12:09:00.000Z 1 seconds");
  assert.equal(lines[51], "pageview https://shop.example/products/0");
  assert.deepEqual(lines.slice(53, 56), ["100 false", "100 false", "40 true"]);
  assert.equal(lines[56], "250 sessions");
  assert.deepEqual(lines.slice(57, 60), ["US 200", "DE 50", "US"]);
  assert.deepEqual(lines.slice(60, 63), ["2", "1", "1 1"]);
  assert.equal(lines[63], "ListSessions checkout-4711");
  assert.match(lines[64]!, /^ERROR_REASON_INVALID_FIELD \[/);
  assert.match(stdout, /\n10\n$/);
});
