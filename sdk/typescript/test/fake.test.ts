/** What a running service can't be made to do: answers, silence and lost connections on command. */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Code, ConnectError } from "@connectrpc/connect";
import { Client, DeadlineExceeded, SessionsError, Unavailable } from "../src/index.js";
import type { Event } from "../src/gen/analytics/sessions/v1/event_pb.js";
import { Fake, gate, type Methods, unanswered, unavailable } from "./fake.js";
import { collected } from "./given.js";

const LONG = 20_000; // ms, for what must not happen
const KEY = "spk_fake";
const NONE = { sessions: [] };
const RECORDED = { newEvents: 1, knownEvents: 0 };
const PAGEVIEW = { eventType: "pageview", visitorId: "anna" };

function connected(fake: Fake, options: { timeoutMs?: number; retryMs?: number } = {}): Client {
  return new Client({ address: fake.address, key: KEY, ...options });
}

/** Fails with each of the errors in turn, then answers; and when it was asked. */
function failing(...errors: ConnectError[]): { methods: Methods; asked: number[] } {
  const asked: number[] = [];
  const listSessions = () => {
    const error = errors[asked.push(performance.now()) - 1];
    if (error) throw error;
    return NONE;
  };
  return { methods: { listSessions }, asked };
}

function pauses(asked: number[]): number[] {
  return asked.slice(1).map((moment, n) => moment - asked[n]!);
}

function assertBetween(value: number | undefined, least: number, most: number): void {
  assert.ok(value !== undefined && value >= least && value < most, `${value} ms`);
}

test("retry_unavailable: waits longer before each next attempt", async () => {
  const { methods, asked } = failing(unavailable(), unavailable(), unavailable());
  await using fake = await Fake.start(methods);
  await collected(connected(fake).sessions("site"));
  const [first, second, third, ...rest] = pauses(asked);
  assert.equal(rest.length, 0);
  assertBetween(first, 99, LONG);
  assertBetween(second, 199, LONG);
  assertBetween(third, 399, LONG);
});

test("retry_delay_of_server: waits as long as the server names", async () => {
  const { methods, asked } = failing(unavailable(450));
  await using fake = await Fake.start(methods);
  await collected(connected(fake).sessions("site"));
  assertBetween(pauses(asked)[0], 449, LONG);
});

test("retry_delay_of_server: takes a delay of nothing for none", async () => {
  const { methods, asked } = failing(unavailable(0));
  await using fake = await Fake.start(methods);
  await collected(connected(fake).sessions("site"));
  assertBetween(pauses(asked)[0], 99, LONG);
});

test("retry_ends: starts no attempt after the time for retries", async () => {
  const { methods, asked } = failing(...Array.from({ length: 9 }, () => unavailable()));
  await using fake = await Fake.start(methods);
  await assert.rejects(collected(connected(fake, { retryMs: 400 }).sessions("site")), Unavailable);
  assert.ok(asked.length <= 3, `${asked.length} attempts`);
});

test("retry_ends: makes one attempt where retries are off", async () => {
  const { methods, asked } = failing(unavailable());
  await using fake = await Fake.start(methods);
  await assert.rejects(collected(connected(fake, { retryMs: 0 }).sessions("site")), Unavailable);
  assert.equal(asked.length, 1);
});

for (const code of [Code.Internal, Code.Aborted, Code.NotFound, Code.Canceled]) {
  test(`retry_nothing_else: ${Code[code]}`, async () => {
    const { methods, asked } = failing(new ConnectError("no", code));
    await using fake = await Fake.start(methods);
    await assert.rejects(collected(connected(fake).sessions("site")), (error) => {
      assert.ok(error instanceof SessionsError);
      assert.equal(error.code, code);
      return true;
    });
    assert.equal(asked.length, 1);
  });
}

test("attempt_has_deadline: and a read is made again after it", async () => {
  const deadlines: (number | undefined)[] = [];
  const silent: Methods = {
    listSessions: async (_, { signal, timeoutMs }) => {
      deadlines.push(timeoutMs());
      await sleep(LONG, undefined, { signal }).catch(() => undefined);
      return NONE;
    },
  };
  await using fake = await Fake.start(silent);
  const client = connected(fake, { timeoutMs: 1_500, retryMs: 2_500 });
  await assert.rejects(collected(client.sessions("site")), DeadlineExceeded);
  assert.equal(deadlines.length, 2);
  for (const deadline of deadlines) assertBetween(deadline, 1, 1_501);
});

const linux = { skip: process.platform !== "linux" };
test("unanswered_connecting: is a server that is away", linux, async () => {
  const { address, close } = await unanswered();
  const client = new Client({ address, key: KEY, timeoutMs: 2_000, retryMs: 3_000 });
  const started = performance.now();
  await assert.rejects(collected(client.sessions("site")), Unavailable);
  assertBetween(performance.now() - started, 4_000, LONG); // the deadlines of two attempts
  client.close();
  await close();
});

test("record_repeats_the_same: also after a deadline", async () => {
  const sent: Event[] = [];
  const methods: Methods = {
    recordEvents: async ({ events }, { signal }) => {
      sent.push(...events);
      if (sent.length === 1) await sleep(LONG, undefined, { signal }).catch(() => undefined);
      if (sent.length === 2) throw unavailable();
      return RECORDED;
    },
  };
  await using fake = await Fake.start(methods);
  const client = connected(fake, { timeoutMs: 3_000 });
  assert.deepEqual(await client.record("site", [PAGEVIEW]), { accepted: 1 });
  assert.equal(sent.length, 3);
  assert.match(sent[0]!.eventId, /^[0-9a-f-]{36}$/);
  assert.deepEqual(sent[1], sent[0]);
  assert.deepEqual(sent[2], sent[0]);
  assert.deepEqual(Object.keys(PAGEVIEW), ["eventType", "visitorId"]);
});

test("record_batches: at most 1,000 events and 3 MiB", async () => {
  const sent: number[] = [];
  const recordEvents: Methods["recordEvents"] = ({ events }) => {
    sent.push(events.length);
    return { newEvents: events.length };
  };
  await using fake = await Fake.start({ recordEvents });
  const client = connected(fake);
  await client.record("site", Array(2_100).fill(PAGEVIEW));
  assert.deepEqual(sent.splice(0), [1_000, 1_000, 100]);
  const large = { ...PAGEVIEW, url: `/${"x".repeat(700_000)}` };
  await client.record("site", Array(10).fill(large));
  assert.deepEqual(sent, [4, 4, 2]);
});

test("walk_over_pages: also short and empty ones, until the cursor is null", async () => {
  const seen: string[] = [];
  const pages = [["a"], [], ["b", "c"]];
  const listSessions: Methods["listSessions"] = ({ cursor, limit, filterOs, includeBots }) => {
    seen.push(cursor);
    assert.deepEqual([limit, filterOs, includeBots], [100, ["iOS"], true]);
    const number = Number(cursor);
    const last = number === pages.length - 1;
    const sessions = pages[number]!.map((sessionId) => ({ sessionId }));
    return {
      sessions,
      nextCursor: {
        kind: last
          ? { case: "nullValue", value: 0 }
          : { case: "stringValue", value: `${number + 1}` },
      },
    };
  };
  await using fake = await Fake.start({ listSessions });
  const filters = { filterOs: ["iOS"], includeBots: true };
  const walk = connected(fake).sessions("site", filters);
  assert.deepEqual(seen, []); // lazily: nothing is asked before the first is wanted
  const found: string[] = [];
  for await (const { sessionId } of walk) {
    found.push(sessionId);
    filters.filterOs.pop(); // what the caller does to the filters later changes nothing
  }
  assert.deepEqual(found, ["a", "b", "c"]);
  assert.deepEqual(seen, ["", "1", "2"]);
});

test("query_is_checked: at once", () => {
  const client = new Client({ address: "a:1", key: KEY });
  for (const name of ["filterColour", "cursor", "limit", "websiteId"]) {
    const query = { [name]: "red" };
    const message = `there is no parameter ${name}`;
    assert.throws(() => client.sessions("site", query), { name: "TypeError", message });
  }
  const message = /^filterOs has no values/;
  assert.throws(() => client.sessions("site", { filterOs: [] }), { name: "TypeError", message });
});

test("query_is_checked: of analyses, too", () => {
  const client = new Client({ address: "a:1", key: KEY });
  const calls: [string, (query: object) => unknown][] = [
    ["dimension", (query) => client.breakdown("site", "country", query)],
    ["steps", (query) => client.funnel("site", ["event:*"], query)],
    ["page", (query) => client.transitions("site", "/", query)],
    ["websiteId", (query) => client.patterns("site", query)],
  ];
  for (const [name, call] of calls) {
    const message = `there is no parameter ${name}`;
    assert.throws(() => call({ [name]: ["red"] }), { name: "TypeError", message });
    assert.throws(() => call({ limit: "5" }), { name: "TypeError", message: /^limit: 5 is no/ });
  }
});

test("query_is_checked: undefined is none", async () => {
  let filtered: string[] | undefined;
  const listSessions: Methods["listSessions"] = ({ filterOs }) => {
    filtered = filterOs;
    return NONE;
  };
  await using fake = await Fake.start({ listSessions });
  const query: object = { filterOs: undefined };
  await collected(connected(fake).sessions("site", query));
  assert.deepEqual(filtered, []);
});

for (const [way, lose] of [
  ["is reset", (fake: Fake) => fake.sockets.at(-1)!.resetAndDestroy()],
  ["is closed", (fake: Fake) => fake.sockets.at(-1)!.end()],
  ["is destroyed", (fake: Fake) => fake.connections.at(-1)!.destroy()],
  ["ends with an error", (fake: Fake) => fake.connections.at(-1)!.destroy(undefined, 2)],
] as const) {
  test(`lost_connection: connects again when it ${way}, in a call and between calls`, async () => {
    let asked = 0;
    const listSessions: Methods["listSessions"] = async () => {
      if (++asked === 1) {
        lose(fake);
        await sleep(50);
      }
      return NONE;
    };
    await using fake = await Fake.start({ listSessions });
    const client = connected(fake);
    await collected(client.sessions("site"));
    assert.equal(fake.connections.length, 2);
    lose(fake);
    await collected(client.sessions("site"));
    await sleep(50);
    await collected(client.sessions("site"));
    assert.equal(fake.connections.length, 3);
  });
}

test("finishes a call on a connection that goes away, and makes the next on a new one", async () => {
  let asked = 0;
  const listSessions: Methods["listSessions"] = async () => {
    if (++asked === 1) fake.connections[0]!.goaway();
    await sleep(50);
    return NONE;
  };
  await using fake = await Fake.start({ listSessions });
  const client = connected(fake);
  await collected(client.sessions("site"));
  await collected(client.sessions("site"));
  assert.equal(fake.connections.length, 2);
});

test("lost_connection: comes back to a server that was away", async () => {
  await using fake = await Fake.start({ listSessions: () => NONE });
  const client = connected(fake);
  await collected(client.sessions("site"));
  fake.leave();
  const walk = collected(client.sessions("site"));
  while (fake.sockets.length < 3) await sleep(10);
  fake.isAway = false;
  assert.deepEqual(await walk, []);
});

test("dead_connection: found in time, in a call and between calls", async () => {
  await using fake = await Fake.start({ listSessions: () => NONE });
  const { address, swallow, close } = await gate(fake.port);
  const client = new Client({ address, key: KEY, timeoutMs: LONG }); // for slow machines
  await collected(client.sessions("site"));
  swallow();
  const started = performance.now();
  await collected(client.sessions("site")); // at once: only the call can find out
  assertBetween(performance.now() - started, 6_000, LONG);
  swallow();
  await sleep(3_500);
  await collected(client.sessions("site")); // after a while: it is asked first
  assert.ok(fake.connections.length >= 3);
  client.close();
  close();
});

test("a signal ends a call, a pause and a walk, with its own reason", async () => {
  const silent: Methods = {
    listSessions: async (_, { signal }) => {
      await sleep(LONG, undefined, { signal }).catch(() => undefined);
      return NONE;
    },
    recordEvents: () => {
      throw unavailable(LONG);
    },
  };
  await using fake = await Fake.start(silent);
  const client = connected(fake);
  const reason = new Error("enough");
  const started = performance.now();
  for (const call of [
    (signal: AbortSignal) => collected(client.sessions("site", {}, { signal })),
    (signal: AbortSignal) => client.record("site", [PAGEVIEW], { signal }),
  ]) {
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 100);
    await assert.rejects(call(controller.signal), reason);
    await assert.rejects(call(controller.signal), reason); // aborted from the start
  }
  assertBetween(performance.now() - started, 150, LONG / 2);
});

test("closed_client: calls in flight fail", async () => {
  let asked = 0;
  const listSessions: Methods["listSessions"] = async (_, { signal }) => {
    asked++;
    client.close();
    await sleep(LONG, undefined, { signal }).catch(() => undefined);
    return NONE;
  };
  await using fake = await Fake.start({ listSessions });
  const client = connected(fake);
  await assert.rejects(collected(client.sessions("site")), SessionsError);
  assert.equal(asked, 1);
});

test("calls_carry_key_and_agent", async () => {
  let authorization: string | null = null;
  const listSessions: Methods["listSessions"] = (_, { requestHeader }) => {
    authorization = requestHeader.get("authorization");
    return NONE;
  };
  await using fake = await Fake.start({ listSessions });
  await collected(connected(fake).sessions("site"));
  assert.equal(authorization, `Bearer ${KEY}`);
});

test("tls", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sessions-test-"));
  try {
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const request =
      "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1";
    execFileSync("openssl", [...request.split(" "), "-keyout", key, "-out", cert], {
      stdio: "pipe",
    });
    await using fake = await Fake.start(
      { listSessions: () => NONE },
      { key: readFileSync(key), cert: readFileSync(cert) },
    );
    const script = `import { Client } from "analytics-sessions";
      for await (const _ of new Client({ retryMs: 0 }).sessions("site")) ;
      console.log("done");`;
    const run = (environment: Record<string, string>) =>
      promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], {
        env: { ...process.env, SESSIONS_ADDRESS: fake.address, SESSIONS_KEY: KEY, ...environment },
      });
    const trusting = await run({ NODE_EXTRA_CA_CERTS: cert });
    assert.equal(trusting.stdout, "done\n");
    await assert.rejects(run({}), /Unavailable: self-signed certificate/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
