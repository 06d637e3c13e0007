import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Client, restClient } from "../src/index.js";
import { settled } from "../src/settings.js";
import { PLAN } from "./given.js";

const given = { ...process.env };
beforeEach(() => {
  process.env = { SESSIONS_ADDRESS: "http://there:1", SESSIONS_KEY: "k" };
});
afterEach(() => {
  process.env = given;
});

test("settings_from_environment", () => {
  assert.deepEqual(settled({}), { origin: "http://there:1", authorization: "Bearer k" });
  const other = { address: "http://here:2", key: "mine" };
  assert.deepEqual(settled(other), { origin: "http://here:2", authorization: "Bearer mine" });
});

for (const [address, expected] of Object.entries(PLAN.addresses.taken)) {
  test(`addresses: takes ${JSON.stringify(address)}`, () => {
    const { protocol, hostname, port } = new URL(settled({ address }).origin);
    const usual = protocol === "https:" ? "443" : "80";
    const way = protocol === "https:" ? "tls" : "plaintext";
    assert.equal(`${hostname}:${port || usual} ${way}`, expected);
  });
}

for (const address of PLAN.addresses.refused) {
  test(`addresses: refuses ${address}`, () => {
    const error = { name: "TypeError", message: /http:\/\/host:port/ };
    assert.throws(() => new Client({ address }), error);
  });
}

for (const key of PLAN.keys.trimmed) {
  test(`keys: trims ${JSON.stringify(key)}`, () => {
    assert.equal(settled({ key }).authorization, "Bearer spk_key");
  });
}

for (const key of PLAN.keys.refused) {
  test(`keys: refuses ${JSON.stringify(key)}`, () => {
    const message = "key: has characters other than visible ASCII";
    assert.throws(() => new Client({ key }), { name: "TypeError", message });
  });
}

test("durations_are_checked", () => {
  for (const wrong of [
    { timeoutMs: 0 },
    { timeoutMs: -1 },
    { timeoutMs: NaN },
    { retryMs: -1 },
    { retryMs: Infinity },
  ]) {
    const error = { name: "TypeError", message: /^(timeout|retry)Ms: / };
    assert.throws(() => new Client(wrong), error);
    assert.rejects(new Client().session("site", "sess", wrong), error);
  }
});

test("refuses options that are none", async () => {
  const misspelt: object = { timeout: 10 };
  const error = { name: "TypeError", message: "there is no option timeout" };
  assert.throws(() => new Client(misspelt), error);
  await assert.rejects(new Client().session("site", "sess", misspelt), error);
});

for (const name of ["SESSIONS_ADDRESS", "SESSIONS_KEY"]) {
  test(`settings_from_environment: says to set ${name}`, () => {
    delete process.env[name];
    for (const make of [() => new Client(), () => restClient()]) {
      assert.throws(make, { name: "TypeError", message: new RegExp(name) });
    }
  });
}
