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

test("walk_over_pages: all sessions, newest first", async () => {
  const sessions = await collected(client.sessions(website, DAY));
  assert.deepEqual(ids(sessions), VISITORS);
  assert.equal(new Set(sessions.map((session) => session.sessionId)).size, 250);
  assert.deepEqual(timestampDate(sessions.at(-1)!.startedAt!), new Date("2026-03-03T08:00:00Z"));
});

test("export_complete: all sessions with their events, oldest first", async () => {
  const items = await collected(client.exportSessions(website, DAY, { includeEvents: true }));
  const sessions = items.flatMap(({ kind }) => (kind.case === "session" ? [kind.value] : []));
  assert.deepEqual(ids(sessions).reverse(), VISITORS);
  let session = sessions[0]!;
  for (const { kind } of items) {
    if (kind.case === "session") session = kind.value;
    if (kind.case === "event") assert.equal(kind.value.sessionId, session.sessionId);
  }
  const events = sessions.reduce((sum, { pageviews, events }) => sum + pageviews + events, 0);
  assert.equal(items.length, sessions.length + events);
});

test("export_pages: have cursors, and it begins at one", async () => {
  const pages = await collected(client.exportSessions(website, DAY).pages());
  assert.ok(pages.length > 1);
  const at = pages.map((page) => page.nextCursor);
  assert.deepEqual([at[0] !== null, at.at(-1)], [true, null]);
  const rest = await collected(client.exportSessions(website, DAY, { cursor: at[0] }));
  assert.deepEqual(
    [...pages[0]!.items, ...rest],
    pages.flatMap((page) => page.items),
  );
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

test("filter_and_journey: choose sessions, and a mistake has its position", async () => {
  const filter = "country = DE AND pageviews < 3";
  assert.equal((await collected(client.sessions(website, { ...DAY, filter }))).length, 49);
  const journey = ["page = /products/0", "page = /products/2"];
  const long = { ...DAY, journey, notJourney: "event:*" };
  assert.deepEqual(ids(await collected(client.sessions(website, long))), ["visitor-000"]);
  const others = { ...DAY, notJourney: journey };
  assert.equal((await collected(client.sessions(website, others))).length, 249);
  const error = await refused(client.sessions(website, { filter: "country == DE" }).page());
  assert.deepEqual(error.fields, [
    { field: "filter", description: "at character 10: found '=', expected a value" },
  ]);
});

test("walk_is_lazy: stops reading where the caller stops", async () => {
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

test("summarize: metrics of a day, absent where there is nothing to divide by", async () => {
  const { summary, comparison } = await client.summarize(website, DAY);
  assert.deepEqual([summary!.sessions, summary!.visitors, summary!.bounceRate], [250, 250, 0]);
  assert.equal(comparison, undefined);
  const nobody = await client.summarize(website, { ...DAY, filterCountry: "FR" });
  assert.deepEqual([nobody.summary!.sessions, nobody.summary!.bounceRate], [0, undefined]);
});

test("summarize_compares: with days of one's own", async () => {
  const { summary, comparison } = await client.summarize(website, {
    startDate: "2026-03-04",
    endDate: "2026-03-04",
    compare: "custom",
    compareStartDate: new Date("2026-03-01T12:00:00Z"),
    compareEndDate: "2026-03-03",
  });
  assert.deepEqual([summary!.sessions, comparison!.summary!.sessions], [0, 250]);
  assert.equal(comparison!.startDate, "2026-03-01");
});

test("time_series: hours of a day", async () => {
  const { buckets } = await client.timeSeries(website, { ...DAY, granularity: "hour" });
  assert.equal(buckets.length, 24);
  assert.equal(buckets[8]!.summary!.sessions, 60);
});

test("breakdown: by value, and what is in no row", async () => {
  const { rows, other, total } = await client.breakdown(website, "country", { ...DAY, limit: 1 });
  assert.deepEqual(
    rows.map(({ values, summary }) => [...values, summary!.sessions]),
    [["US", 200]],
  );
  assert.deepEqual([other!.summary!.sessions, total!.sessions], [50, 250]);
});

test("drill_down: from a row to its sessions", async () => {
  const query = { ...DAY, filterPage: "/products/1", filter: "pageviews < 100", limit: 1 };
  const { rows, other } = await client.breakdown(website, "country", query);
  for (const row of [rows[0]!, other!]) {
    const found = await collected(client.sessionsOf(website, row, query));
    assert.equal(found.length, row.summary!.sessions);
  }
  const pages = await client.breakdown(website, "page", { ...DAY, limit: 1, pageTimes: true });
  const others = await collected(client.sessionsOf(website, pages.other!, DAY));
  assert.equal(others.length, pages.other!.summary!.sessions);
  const bare = { ...pages.other!, cell: "" };
  assert.throws(() => client.sessionsOf(website, bare, DAY), { name: "TypeError" });
});

test("funnel: steps, also of each value", async () => {
  const steps = ['page = "/products/0"', 'page = "/products/1"'];
  const query = { ...DAY, dimension: "country", limit: 1 };
  const found = await client.funnel(website, steps, query);
  assert.deepEqual(
    found.steps.map((step) => step.reached),
    [250, 250],
  );
  assert.deepEqual(
    found.rows.map((row) => [row.value, row.steps[1]!.reached]),
    [["US", 200]],
  );
  assert.equal(found.steps[1]!.medianSecondsFromPrevious, 1);
  const visitors = await client.funnel(website, steps, { ...DAY, unit: "visitor", window: 60 });
  assert.equal(visitors.isComplete, true);
});

test("flows: a tree of nodes", async () => {
  const query = { ...DAY, depth: 2, width: 1, items: "both", collapseRepeats: false } as const;
  const { nodes } = await client.flows(website, query);
  assert.deepEqual(
    nodes.map(({ item, sessions }) => [item?.page, sessions]),
    [
      [undefined, 250],
      ["/products/0", 250],
      ["/products/1", 250],
    ],
  );
});

test("transitions: views and other pages", async () => {
  const found = await client.transitions(website, "/products/1", DAY);
  assert.deepEqual([found.views, found.entries, found.exits], [250, 0, 249]);
  assert.deepEqual(
    found.next.map(({ page, views }) => [page, views]),
    [["/products/2", 1]],
  );
});

test("cohorts: visitors and periods", async () => {
  const { cohorts } = await client.cohorts(website, { ...DAY, granularity: "day" });
  assert.deepEqual(
    cohorts.map(({ visitors, periods }) => [visitors, periods.length]),
    [[250, 1]],
  );
});

test("patterns: items, with and without a goal", async () => {
  const query = { ...DAY, length: 2, goal: 'page = "/products/2"' };
  const { patterns, isExact } = await client.patterns(website, query);
  assert.deepEqual(
    patterns.map(({ items, sessions }) => [...items.map((item) => item.page), sessions]),
    [["/products/0", "/products/1", 250]],
  );
  assert.deepEqual([patterns[0]!.withGoal!.sessions, isExact], [1, true]);
});

test("drill_down_into_behaviour: by journeys and by cells", async () => {
  const query = { ...DAY, filterCountry: "DE" };
  const steps = ['page = "/products/1"', 'page = "/products/2"'];
  const [first, second] = (await client.funnel(website, steps, query)).steps;
  const reached = await collected(client.sessionsOf(website, first!.reachedSessions!, query));
  const dropped = await collected(client.sessionsOf(website, second!.droppedSessions!, query));
  assert.deepEqual([reached.length, dropped.length], [first!.reached, second!.dropped]);
  for (const node of (await client.flows(website, query)).nodes) {
    const found = await collected(client.sessionsOf(website, node, query));
    assert.equal(found.length, node.sessions);
  }
});

function pageviews(count: number, day: string, url = "/recorded"): EventInit[] {
  const run = randomUUID().slice(0, 8);
  return Array.from({ length: count }, (_, n) => ({
    eventId: `${run}-${n}`,
    eventType: "pageview",
    visitorId: `${run}-${n % 50}`,
    timestamp: new Date(Date.parse(day) + n * 1_000),
    url,
    eventData: { number: n, text: "x".repeat(100), nested: [null, { is: true }] },
  }));
}

test("record_accepted: 2,500 events, also a second time", async () => {
  const events = pageviews(2_500, "2026-03-05T10:00:00Z");
  assert.deepEqual(await client.record(website, events), { accepted: 2_500 });
  assert.deepEqual(await client.record(website, events), { accepted: 2_500 });
});

test("records what comes in time, with ids and timestamps of its own", async () => {
  const event: EventInit = { eventType: "pageview", visitorId: randomUUID(), url: "/now" };
  const before = Date.now();
  async function* coming() {
    yield event;
    yield event;
  }
  assert.deepEqual(await client.record(website, coming()), { accepted: 2 });
  assert.deepEqual(await client.record(website, []), { accepted: 0 });
  assert.deepEqual(Object.keys(event), ["eventType", "visitorId", "url"]);
  for await (const session of client.sessions(website, { filterPage: "/now" })) {
    if (session.visitorId !== event.visitorId) continue;
    assert.equal(session.pageviews, 2);
    assert.ok(Math.abs(timestampDate(session.startedAt!).getTime() - before) < 60_000);
    return;
  }
  assert.fail("not recorded");
});

test("walk_survives_restart", async () => {
  const sessions: Session[] = [];
  for await (const session of client.sessions(website, DAY)) {
    sessions.push(session);
    if (sessions.length === 100) await restart();
  }
  assert.deepEqual(ids(sessions), VISITORS);
});

test("record_survives_restart", async () => {
  const events = pageviews(4_500, "2026-03-06T10:00:00Z", "/restarted");
  let restarted: Promise<unknown> = Promise.resolve();
  function* restarting() {
    for (const [number, event] of events.entries()) {
      if (number % 2_000 === 1_000) restarted = restart();
      yield event;
    }
  }
  assert.deepEqual(await client.record(website, restarting()), { accepted: 4_500 });
  await restarted;
  const day = { startDate: "2026-03-06", endDate: "2026-03-06", filterPage: "/restarted" };
  const sessions = await collected(client.sessions(website, day));
  assert.equal(
    sessions.reduce((sum, session) => sum + session.pageviews, 0),
    4_500,
  );
});

test("errors: an argument is invalid", async () => {
  const error = await refused(client.sessions(website, { startDate: "2026-02-30" }).page());
  assert.ok(error instanceof InvalidArgument);
  assert.equal(error.name, "InvalidArgument");
  assert.equal(error.code, Code.InvalidArgument);
  assert.equal(error.reason, "ERROR_REASON_INVALID_FIELD");
  const description = "'2026-02-30' is not a day of the calendar; send YYYY-MM-DD";
  assert.deepEqual(error.fields, [{ field: "start_date", description }]);
  assert.equal(error.message, `start_date: ${description}`);
  assert.match(error.requestId, /^[0-9a-f-]{36}$/);
});

test("record_failure: tells how many events before it are recorded", async () => {
  const bad: EventInit = { eventType: "no such type", visitorId: "anna" };
  const events = [...pageviews(2_000, "2026-03-07T10:00:00Z"), bad];
  const error = await refused(client.record(website, events));
  assert.ok(error instanceof InvalidArgument);
  assert.equal(error.accepted, 2_000);
  assert.equal(error.fields[0]?.field, "events[0].event_type");
});

test("errors: a key is not known", async () => {
  const error = await refused(new Client({ key: "spk_unknown" }).session(website, "sess_0"));
  assert.ok(error instanceof Unauthenticated);
  assert.equal(error.reason, "ERROR_REASON_CREDENTIALS_INVALID");
});

test("errors: a key may not write", async () => {
  const reader = new Client({ key: given("SESSIONS_READ_KEY") });
  assert.equal((await collected(reader.sessions(website, DAY))).length, 250);
  const error = await refused(reader.record(website, pageviews(1, "2026-03-05T10:00:00Z")));
  assert.ok(error instanceof PermissionDenied);
  assert.equal(error.reason, "ERROR_REASON_SCOPE_MISSING");
  assert.equal(error.accepted, 0);
});

test("errors: what is not found", async () => {
  const session = await refused(client.session(website, "sess_00000000000000000000000000000000"));
  assert.ok(session instanceof NotFound);
  assert.equal(session.reason, "ERROR_REASON_SESSION_NOT_FOUND");
  const site = await refused(client.sessions("site_0000000000").page());
  assert.ok(site instanceof NotFound);
  assert.equal(site.reason, "ERROR_REASON_WEBSITE_NOT_FOUND");
});

test("errors: nobody listens, after trying again", async () => {
  const started = performance.now();
  const nobody = new Client({ address: "127.0.0.1:1", retryMs: 600 });
  const error = await refused(nobody.session(website, "sess_0"));
  assert.ok(error instanceof Unavailable);
  assert.match(error.message, /ECONNREFUSED/);
  assert.equal(error.reason, "");
  assert.match(error.requestId, /^[0-9a-f-]{36}$/);
  const elapsed = performance.now() - started;
  assert.ok(elapsed >= 100 && elapsed < 10_000, `${elapsed} ms`);
});

test("pages_have_cursors: items and where the next page begins", async () => {
  const pages = await collected(client.sessions(website, DAY).pages());
  assert.deepEqual(
    pages.map((page) => [page.items.length, typeof page.nextCursor]),
    [
      [100, "string"],
      [100, "string"],
      [50, "object"],
    ],
  );
  assert.equal(pages[2]!.nextCursor, null);
});

test("walk_resumes: at a cursor, with a page size", async () => {
  const first = await client.sessions(website, DAY, { pageSize: 30 }).page();
  assert.deepEqual(ids([...first.items]), VISITORS.slice(0, 30));
  const rest = client.sessions(website, DAY, { cursor: first.nextCursor, pageSize: 90 });
  assert.equal((await rest.page()).items.length, 90);
  assert.deepEqual(ids(await collected(rest)), VISITORS.slice(30));
});

test("events_are_timed: also from page to page", async () => {
  const query = { ...DAY, filterPage: ["/products/1000"] };
  const [long] = await collected(client.sessions(website, query));
  const first = await client.events(website, long!.sessionId, { pageSize: 7 }).page();
  assert.deepEqual(
    first.items.slice(5).map((event) => event.timeOnPage),
    [1, undefined],
  );
  assert.equal(first.previousViewTime, undefined);
  const { nextCursor } = first;
  const second = await client.events(website, long!.sessionId, { cursor: nextCursor }).page();
  assert.equal(second.previousViewTime, 1);
});

test("stream_accepted: tells after each batch how many are recorded", async () => {
  const events = pageviews(2_500, "2026-03-09T10:00:00Z");
  const done = await collected(client.stream(website, events));
  assert.deepEqual(done, [{ accepted: 1_000 }, { accepted: 2_000 }, { accepted: 2_500 }]);
  assert.deepEqual(await collected(client.stream(website, [])), []);
});

test("erase_visitor: for good", async () => {
  const visitorId = randomUUID();
  const event = { eventType: "pageview", visitorId, timestamp: new Date("2026-03-10T10:00:00Z") };
  await client.record(website, [event]);
  const erased = await client.eraseVisitor(website, { visitorId });
  assert.deepEqual([erased.erasedSessions, erased.erasedEvents], [1, 1]);
  await client.record(website, [event]);
  const day = { startDate: "2026-03-10", endDate: "2026-03-10" };
  const found = await collected(client.sessions(website, day));
  assert.ok(found.every((session) => session.visitorId !== visitorId));
});
