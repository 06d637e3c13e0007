import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Client, restClient } from "../src/index.js";
import { settled } from "../src/settings.js";

const given = { ...process.env };
beforeEach(() => {
  process.env = { SESSIONS_ADDRESS: "http://there:1", SESSIONS_KEY: "k" };
});
afterEach(() => {
  process.env = given;
});

test("takes what is not given from the environment", () => {
  assert.deepEqual(settled({}), { origin: "http://there:1", authorization: "Bearer k" });
  const other = { address: "http://here:2", key: "mine" };
  assert.deepEqual(settled(other), { origin: "http://here:2", authorization: "Bearer mine" });
});

for (const [address, origin] of [
  ["http://here:8080", "http://here:8080"],
  ["http://here:8080/", "http://here:8080"],
  ["HTTP://here:8080", "http://here:8080"],
  ["here:8080", "http://here:8080"],
  ["127.0.0.1:8080", "http://127.0.0.1:8080"],
  ["[::1]:8080", "http://[::1]:8080"],
  ["http://here:80", "http://here"],
  ["https://here", "https://here"],
  ["https://here:8443", "https://here:8443"],
] as const) {
  test(`takes the address ${address}`, () => assert.equal(settled({ address }).origin, origin));
}

for (const address of [
  "ftp://here:1",
  "http://",
  "http://here",
  "here",
  "[::1]",
  "http://here:port",
  "http://here:99999",
  "http://here:1/api",
  "http://me@here:1",
  "http://here:1?a",
  "here:1/api",
  "a b:1",
]) {
  test(`refuses the address ${address}`, () => {
    assert.throws(() => new Client({ address }), {
      name: "TypeError",
      message: /http:\/\/host:port/,
    });
  });
}

for (const name of ["SESSIONS_ADDRESS", "SESSIONS_KEY"]) {
  test(`says to set ${name}`, () => {
    delete process.env[name];
    for (const make of [() => new Client(), () => restClient()]) {
      assert.throws(make, { name: "TypeError", message: new RegExp(name) });
    }
  });
}
