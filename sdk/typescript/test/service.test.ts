/** Against a running service; tests/sdk/conftest.py says which data it holds. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { promisify } from "node:util";
import {
  Client,
  Code,
  type EventInit,
  InvalidArgument,
  NotFound,
  PermissionDenied,
  type Session,
  SessionsError,
  timestampDate,
  Unauthenticated,
  Unavailable,
} from "../src/index.js";
import { collected, given } from "./given.js";

const DAY = { startDate: "2026-03-03", endDate: "2026-03-03" };
const website = given("SESSIONS_WEBSITE_ID");
const client = new Client({ timeoutMs: 60_000, retryMs: 120_000 }); // for slow machines

/** Kills all workers; they come back by themselves. */
function restart(): Promise<unknown> {
  return promisify(execFile)("sh", ["-c", given("SESSIONS_RESTART")]);
}

async function refused(call: Promise<unknown>): Promise<SessionsError> {
  const error = await call.then(
    () => assert.fail("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof SessionsError, String(error));
  return error;
}

function ids(sessions: Session[]): string[] {
  return sessions.map((session) => session.visitorId);
}

const VISITORS = Array.from(
  { length: 250 },
  (_, n) => `visitor-${String(249 - n).padStart(3, "0")}`,
);

test("walks over all sessions, newest first", async () => {
  const sessions = await collected(client.sessions(website, DAY));
  assert.deepEqual(ids(sessions), VISITORS);
  assert.equal(new Set(sessions.map((session) => session.sessionId)).size, 250);
  assert.deepEqual(timestampDate(sessions.at(-1)!.startedAt!), new Date("2026-03-03T08:00:00Z"));
});

test("filters on all pages, by one value and by alternatives", async () => {
  const american = VISITORS.filter((name) => Number(name.slice(-3)) % 5);
  const one = await collected(client.sessions(website, { ...DAY, filterCountry: "US" }));
  assert.deepEqual(ids(one), american);
  const two = { ...DAY, filterCountry: ["US", "de"], filterPage: ["/products/1"] };
  assert.deepEqual(ids(await collected(client.sessions(website, two))), VISITORS);
  const none = { ...DAY, filterCountry: "" };
  assert.deepEqual(await collected(client.sessions(website, none)), []);
});

test("stops reading where the caller stops", async () => {
  for await (const session of client.sessions(website, DAY)) {
    assert.equal(session.visitorId, "visitor-249");
    break;
  }
});

test("reads one session, and all events of a long one", async () => {
  const [found] = (await collected(client.sessions(website, DAY))).slice(-1);
  const session = await client.session(website, found!.sessionId);
  assert.deepEqual(session, found);
  assert.equal(session.pageviews, 1_200);
  const events = await collected(client.events(website, session.sessionId));
  const urls = Array.from({ length: 1_200 }, (_, n) => `https://shop.example/products/${n}`);
  assert.deepEqual(
    events.map((event) => event.url),
    urls,
  );
});

function pageviews(count: number, day: string): EventInit[] {
  const run = randomUUID().slice(0, 8);
  return Array.from({ length: count }, (_, n) => ({
    eventId: `${run}-${n}`,
    eventType: "pageview",
    visitorId: `${run}-${n % 50}`,
    timestamp: new Date(Date.parse(day) + n * 1_000),
    url: "/recorded",
    eventData: { number: n, text: "x".repeat(100) },
  }));
}

test("records 2,500 events, and counts none twice", async () => {
  const events = pageviews(2_500, "2026-03-05T10:00:00Z");
  assert.deepEqual(await client.record(website, events), { newEvents: 2_500, knownEvents: 0 });
  assert.deepEqual(await client.record(website, events), { newEvents: 0, knownEvents: 2_500 });
});

test("records what comes in time, with ids and timestamps of its own", async () => {
  const event: EventInit = { eventType: "pageview", visitorId: randomUUID(), url: "/now" };
  const before = Date.now();
  async function* coming() {
    yield event;
    yield event;
  }
  assert.deepEqual(await client.record(website, coming()), { newEvents: 2, knownEvents: 0 });
  assert.deepEqual(await client.record(website, []), { newEvents: 0, knownEvents: 0 });
  assert.deepEqual(Object.keys(event), ["eventType", "visitorId", "url"]);
  for await (const session of client.sessions(website, { filterPage: "/now" })) {
    if (session.visitorId !== event.visitorId) continue;
    assert.equal(session.pageviews, 2);
    assert.ok(Math.abs(timestampDate(session.startedAt!).getTime() - before) < 60_000);
    return;
  }
  assert.fail("not recorded");
});

test("walks on while the workers are restarted", async () => {
  const sessions: Session[] = [];
  for await (const session of client.sessions(website, DAY)) {
    sessions.push(session);
    if (sessions.length === 100) await restart();
  }
  assert.deepEqual(ids(sessions), VISITORS);
});

test("records on while the workers are restarted", async () => {
  const events = pageviews(4_500, "2026-03-06T10:00:00Z");
  let restarted: Promise<unknown> = Promise.resolve();
  function* restarting() {
    for (const [number, event] of events.entries()) {
      if (number % 2_000 === 1_000) restarted = restart();
      yield event;
    }
  }
  const { newEvents, knownEvents } = await client.record(website, restarting());
  await restarted;
  assert.equal(newEvents + knownEvents, 4_500);
  assert.deepEqual(await client.record(website, events), { newEvents: 0, knownEvents: 4_500 });
});

test("tells which argument is invalid", async () => {
  const error = await refused(client.sessions(website, { startDate: "2026-02-30" }).next());
  assert.ok(error instanceof InvalidArgument);
  assert.equal(error.name, "InvalidArgument");
  assert.equal(error.code, Code.InvalidArgument);
  assert.equal(error.reason, "ERROR_REASON_INVALID_FIELD");
  const description = "'2026-02-30' is not a day of the calendar; send YYYY-MM-DD";
  assert.deepEqual(error.fields, [{ field: "start_date", description }]);
  assert.equal(error.message, `start_date: ${description}`);
  assert.match(error.requestId, /^[0-9a-f-]{36}$/);
});

test("tells how many events were recorded before a batch that is refused", async () => {
  const bad: EventInit = { eventType: "no such type", visitorId: "anna" };
  const events = [...pageviews(2_000, "2026-03-07T10:00:00Z"), bad];
  const error = await refused(client.record(website, events));
  assert.ok(error instanceof InvalidArgument);
  assert.equal(error.recorded, 2_000);
  assert.equal(error.fields[0]?.field, "events[0].event_type");
});

test("tells that a key is not known", async () => {
  const error = await refused(new Client({ key: "spk_unknown" }).session(website, "sess_0"));
  assert.ok(error instanceof Unauthenticated);
  assert.equal(error.reason, "ERROR_REASON_CREDENTIALS_INVALID");
});

test("tells that a key may not write", async () => {
  const reader = new Client({ key: given("SESSIONS_READ_KEY") });
  assert.equal((await collected(reader.sessions(website, DAY))).length, 250);
  const error = await refused(reader.record(website, pageviews(1, "2026-03-05T10:00:00Z")));
  assert.ok(error instanceof PermissionDenied);
  assert.equal(error.reason, "ERROR_REASON_SCOPE_MISSING");
  assert.equal(error.recorded, 0);
});

test("tells what is not found", async () => {
  const session = await refused(client.session(website, "sess_00000000000000000000000000000000"));
  assert.ok(session instanceof NotFound);
  assert.equal(session.reason, "ERROR_REASON_SESSION_NOT_FOUND");
  const site = await refused(client.sessions("site_0000000000").next());
  assert.ok(site instanceof NotFound);
  assert.equal(site.reason, "ERROR_REASON_WEBSITE_NOT_FOUND");
});

test("tells that nobody listens, after trying again", async () => {
  const started = performance.now();
  const nobody = new Client({ address: "127.0.0.1:1", retryMs: 600 });
  const error = await refused(nobody.session(website, "sess_0"));
  assert.ok(error instanceof Unavailable);
  assert.match(error.message, /ECONNREFUSED/);
  assert.equal(error.reason, "");
  assert.equal(error.requestId, "");
  const elapsed = performance.now() - started;
  assert.ok(elapsed >= 100 && elapsed < 10_000, `${elapsed} ms`);
});
