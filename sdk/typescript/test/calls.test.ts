/** What is sent and answered, shown by a service whose answers are made for a test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import {
  Client,
  type EventInit,
  type ExportItem,
  type Interceptor,
  InvalidArgument,
  ResourceExhausted,
  SessionsError,
} from "../src/index.js";
import { EventSchema } from "../src/gen/analytics/sessions/v1/event_pb.js";
import { ListSessionsRequestSchema } from "../src/gen/analytics/sessions/v1/session_service_pb.js";
import { RetryInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { Fake, type Methods, unavailable } from "./fake.js";
import { collected } from "./given.js";

const KEY = "spk_fake";
const PAGEVIEW: EventInit = { eventType: "pageview", visitorId: "anna" };

/** A service that keeps what it is asked, and fails with each of the errors in turn. */
function keeping(...errors: ConnectError[]) {
  const requests: any[] = [];
  const contexts: HandlerContext[] = [];
  const keep = (request: object, context: HandlerContext) => {
    requests.push(request);
    contexts.push(context);
    const error = errors.shift();
    if (error) throw error;
    return {};
  };
  const methods: Methods = {
    listSessions: keep,
    getSession: keep,
    recordEvents: keep,
    eraseVisitor: keep,
    async *streamEvents(batches, context) {
      for await (const batch of batches) {
        keep(batch, context);
        yield { batch: batch.batch };
      }
    },
  };
  const ids = () => contexts.map((context) => context.requestHeader.get("x-request-id"));
  return { methods, requests, contexts, ids };
}

const CALLS: Record<string, (client: Client) => Promise<unknown>> = {
  sessions: (client) => collected(client.sessions("site")),
  session: (client) => client.session("site", "sess"),
  events: (client) => collected(client.events("site", "sess")),
  record: (client) => client.record("site", [PAGEVIEW]),
  stream: (client) => collected(client.stream("site", [PAGEVIEW])),
  eraseVisitor: (client) => client.eraseVisitor("site", { visitorId: "anna" }),
};

for (const [name, call] of Object.entries(CALLS)) {
  test(`retry_unavailable: ${name}`, async () => {
    const { methods, requests, ids } = keeping(unavailable(), unavailable());
    await using fake = await Fake.start(methods);
    await call(new Client({ address: fake.address, key: KEY }));
    assert.equal(requests.length, 3);
    assert.deepEqual(requests[1], requests[0]);
    assert.deepEqual(requests[2], requests[0]);
    assert.equal(new Set(ids()).size, 1);
  });

  test(`retry_deadline: ${name}`, async () => {
    const { methods, requests } = keeping(new ConnectError("late", Code.DeadlineExceeded));
    await using fake = await Fake.start(methods);
    await call(new Client({ address: fake.address, key: KEY }));
    assert.equal(requests.length, 2);
  });

  test(`closed_client: ${name}`, async () => {
    const { methods, requests } = keeping();
    await using fake = await Fake.start(methods);
    const client = new Client({ address: fake.address, key: KEY });
    client.close();
    client.close();
    const error = { code: Code.Canceled, message: "the client is closed" };
    await assert.rejects(call(client), error);
    assert.equal(requests.length, 0);
  });
}

test("retry_resource_exhausted", async () => {
  const detail = { desc: RetryInfoSchema, value: { retryDelay: durationFromMs(300) } };
  const limit = new ConnectError("limit", Code.ResourceExhausted, undefined, [detail]);
  const { methods, requests } = keeping(limit, new ConnectError("size", Code.ResourceExhausted));
  await using fake = await Fake.start(methods);
  const client = new Client({ address: fake.address, key: KEY });
  await assert.rejects(client.session("site", "sess"), ResourceExhausted);
  assert.equal(requests.length, 2);
});

test("reads_what_it_recorded", async () => {
  const { methods, contexts } = keeping();
  const told = ["0000000000000010", "000000000000000f"];
  const keep = methods.getSession!;
  const answer = (request: any, context: HandlerContext) => {
    context.responseHeader.set("x-sessions-position", told.shift()!);
    return keep(request, context) as object;
  };
  await using fake = await Fake.start({ ...methods, recordEvents: answer, eraseVisitor: answer });
  const client = new Client({ address: fake.address, key: KEY });
  await client.record("site", [{ eventType: "pageview", url: "/" }]);
  await client.eraseVisitor("site", { visitorId: "visitor" });
  await client.session("site", "sess");
  const known = contexts.map(({ requestHeader }) => requestHeader.get("x-sessions-position"));
  assert.deepEqual(known, [null, "0000000000000010", "0000000000000010"]);
});

test("request_ids", async () => {
  const { methods, ids } = keeping(unavailable());
  await using fake = await Fake.start(methods);
  const client = new Client({ address: fake.address, key: KEY });
  await client.session("site", "sess");
  await client.session("site", "sess");
  const [first, again, other] = ids();
  assert.match(first!, /^[0-9a-f-]{36}$/);
  assert.equal(again, first);
  assert.notEqual(other, first);
});

test("options_of_a_call", async () => {
  const { methods, contexts, ids } = keeping(unavailable(), unavailable());
  await using fake = await Fake.start(methods);
  const client = new Client({ address: fake.address, key: KEY });
  const options = { timeoutMs: 60_000, retryMs: 0, requestId: "mine" };
  const requestId = "mine";
  await assert.rejects(client.session("site", "sess", options), { requestId });
  assert.deepEqual(ids(), [requestId]);
  assert.ok(contexts[0]!.timeoutMs()! > 30_000);
  await assert.rejects(client.sessions("site", {}, options).page(), { requestId });
  const wrong = { requestId: "two words" };
  await assert.rejects(client.session("site", "sess", wrong), { name: "TypeError" });
});

test("attempt_has_deadline: of 10 s, erasing one of 120 s, a stream none", async () => {
  const { methods, contexts } = keeping();
  await using fake = await Fake.start(methods);
  const client = new Client({ address: fake.address, key: KEY });
  for (const name of ["session", "eraseVisitor", "stream"]) await CALLS[name]!(client);
  const [usual, erasing, stream] = contexts.map((context) => context.timeoutMs());
  assert.ok(usual! > 5_000 && usual! <= 10_000);
  assert.ok(erasing! > 60_000 && erasing! <= 120_000);
  assert.equal(stream, undefined);
});

test("interceptors", async () => {
  const { methods, contexts } = keeping(unavailable());
  await using fake = await Fake.start(methods);
  const seen: string[] = [];
  const trace: Interceptor = (next) => (request) => {
    seen.push(request.method.name);
    request.header.set("traceparent", "00-1-2-01");
    return next(request);
  };
  const client = new Client({ address: fake.address, key: KEY, interceptors: [trace] });
  await client.session("site", "sess");
  assert.deepEqual(seen, ["GetSession", "GetSession"]);
  for (const { requestHeader } of contexts) {
    assert.equal(requestHeader.get("traceparent"), "00-1-2-01");
  }
});

test("calls_carry_key_and_agent", async () => {
  const { methods, contexts } = keeping();
  await using fake = await Fake.start(methods);
  await new Client({ address: fake.address, key: KEY }).session("site", "sess");
  const { requestHeader } = contexts[0]!;
  assert.equal(requestHeader.get("authorization"), `Bearer ${KEY}`);
  assert.match(requestHeader.get("user-agent")!, /^analytics-sessions-typescript\/\d+\.\d+\.\d+$/);
});

test("erase_visitor", async () => {
  const { methods, requests } = keeping();
  await using fake = await Fake.start(methods);
  const client = new Client({ address: fake.address, key: KEY });
  await client.eraseVisitor("site", { visitorId: "anna" });
  await client.eraseVisitor("site", { clientIp: "192.0.2.1", userAgent: "Mozilla/5.0" });
  assert.deepEqual(
    requests.map(({ websiteId, visitorId, clientIp, userAgent }) =>
      [websiteId, visitorId, clientIp, userAgent].join("|"),
    ),
    ["site|anna||", "site||192.0.2.1|Mozilla/5.0"],
  );
  const misspelt = { visitor_id: "anna" } as unknown as { visitorId: string };
  assert.throws(() => client.eraseVisitor("site", misspelt), { name: "TypeError" });
});

test("page_size", async () => {
  const { methods, requests } = keeping();
  await using fake = await Fake.start(methods);
  const client = new Client({ address: fake.address, key: KEY });
  for (const paging of [{}, { pageSize: 7, cursor: "c" }]) {
    await client.sessions("site", {}, paging).page();
    await client.events("site", "sess", paging).page();
  }
  const [sessions, events, fewSessions, fewEvents] = requests;
  assert.deepEqual([sessions.limit, sessions.cursor], [100, ""]);
  assert.deepEqual([events.eventsLimit, events.eventsCursor], [0, ""]);
  assert.deepEqual([fewSessions.limit, fewSessions.cursor], [7, "c"]);
  assert.deepEqual([fewEvents.eventsLimit, fewEvents.eventsCursor], [7, "c"]);
});

test("query_is_checked: every parameter is sent", async () => {
  const { methods, requests } = keeping();
  await using fake = await Fake.start(methods);
  const client = new Client({ address: fake.address, key: KEY });
  const names = Object.keys(ListSessionsRequestSchema.field);
  const filters = names.filter((name) => /^filter.|ourney$/.test(name));
  assert.equal(filters.length, 15);
  const query = Object.fromEntries(filters.map((name) => [name, [name, ""]]));
  const days = { startDate: "2026-03-03", endDate: "2026-03-04", timezone: "UTC" };
  const [filter, cell] = ["country = US", "cell"];
  await client.sessions("site", { ...query, ...days, filter, cell, includeBots: true }).page();
  const { $typeName, ...sent } = requests[0];
  const rest = { websiteId: "site", limit: 100, cursor: "", includeBots: true, filter, cell };
  assert.deepEqual(sent, { ...query, ...days, ...rest });
});

for (const [query, message] of [
  [{ filterCountry: null }, /^filterCountry: null is no text/],
  [{ filterCountry: [undefined] }, /^filterCountry: undefined is no text/],
  [{ filterOs: 3 }, /^filterOs: 3 is no text/],
  [{ filter: ["a"] }, /^filter: a is no value/],
  [{ journey: [] }, /^journey has no values/],
  [{ startDate: null }, /^startDate: null is no value/],
  [{ startDate: 20260303 }, /^startDate: 20260303 is no value/],
  [{ startDate: new Date(NaN) }, /^startDate: is an invalid Date/],
  [{ includeBots: "true" }, /^includeBots: true is no value/],
] as [object, RegExp][]) {
  test(`query_is_checked: ${message.source}`, () => {
    const client = new Client({ address: "a:1", key: KEY });
    assert.throws(() => client.sessions("site", query), { name: "TypeError", message });
  });
}

test("takes a Date for a day", async () => {
  const { methods, requests } = keeping();
  await using fake = await Fake.start(methods);
  const client = new Client({ address: fake.address, key: KEY });
  const moment = new Date("2026-03-03T23:30:00Z");
  for (const zone of [{}, { timezone: "Europe/Berlin" }, { timezone: "America/New_York" }]) {
    await client.sessions("site", { startDate: moment, endDate: moment, ...zone }).page();
  }
  assert.deepEqual(
    requests.map((request) => request.startDate),
    ["2026-03-03", "2026-03-04", "2026-03-03"],
  );
});

for (const [fields, message] of [
  [{ evenName: "x" }, "events[1] has no field evenName"],
  [{ event_name: "x" }, "events[1] has no field event_name"],
  [{ url: 3 }, "events[1].url: 3 can't be sent as it is"],
  [{ url: new URL("https://a.example") }, "events[1].url: URL can't be sent as it is"],
  [{ timestamp: "2026-03-03" }, 'events[1].timestamp: "2026-03-03" can\'t be sent as it is'],
  [{ timestamp: new Date(NaN) }, "events[1].timestamp: Date can't be sent as it is"],
  [{ sequence: "1" }, 'events[1].sequence: "1" can\'t be sent as it is'],
  [{ sequence: 1.5 }, "events[1]: cannot encode field"],
  [{ eventData: { d: new Date() } }, "events[1].eventData.d: Date can't be sent as it is"],
  [{ eventData: { a: [1, { b: 2n }] } }, "events[1].eventData.a[1].b: 2 can't"],
  [{ eventData: { n: NaN } }, "events[1].eventData.n: NaN can't be sent as it is"],
  [{ eventData: new Map() }, "events[1].eventData: Map can't be sent as it is"],
  [{ eventData: [1] }, "events[1].eventData: Array can't be sent as it is"],
] as [EventInit, string][]) {
  test(`event_is_checked: ${message}`, async () => {
    const { methods, requests } = keeping();
    await using fake = await Fake.start(methods);
    const client = new Client({ address: fake.address, key: KEY });
    for (const call of [
      () => client.record("site", [PAGEVIEW, fields]),
      () => collected(client.stream("site", [PAGEVIEW, fields])),
    ]) {
      await assert.rejects(call(), (error: Error) => {
        assert.equal(error.name, "TypeError");
        assert.ok(error.message.startsWith(message), error.message);
        return true;
      });
    }
    assert.equal(requests.length, 0);
  });
}

test("sends every field of an event, and leaves out what is null or undefined", async () => {
  const { methods, requests } = keeping();
  await using fake = await Fake.start(methods);
  const client = new Client({ address: fake.address, key: KEY });
  const names = Object.keys(EventSchema.field);
  const timestamp = new Date("2026-03-03T08:00:00.123Z");
  const eventData = { n: [1, null, { x: true }], gone: undefined };
  const texts = Object.fromEntries(names.map((name) => [name, name]));
  const full: EventInit = { ...texts, timestamp, sequence: 2, eventData };
  const empty = Object.fromEntries(names.map((name) => [name, name < "h" ? null : undefined]));
  await client.record("site", [full, empty, create(EventSchema, { url: "/message" })]);
  const [first, second, third] = requests[0].events;
  assert.deepEqual(
    { ...first, timestamp: undefined },
    {
      ...create(EventSchema, {
        ...texts,
        timestamp: undefined!,
        sequence: 2,
        eventData: { n: [1, null, { x: true }] },
      }),
      timestamp: undefined,
    },
  );
  assert.deepEqual([first.timestamp.seconds, first.timestamp.nanos], [1772524800n, 123_000_000]);
  const { eventId, timestamp: now, ...rest } = second;
  assert.ok(eventId && now);
  const { eventId: _, ...nothing } = create(EventSchema);
  assert.deepEqual(rest, nothing);
  assert.equal(third.url, "/message");
});

const MANY = Array.from({ length: 2_500 }, (_, n) => ({ ...PAGEVIEW, eventId: `${n}` }));

for (const [way, end] of [
  ["is lost", unavailable()],
  ["ends", undefined],
] as const) {
  test(`stream_reopens: when it ${way}`, async () => {
    let asked = 0;
    const numbers: bigint[] = [];
    const streamEvents: Methods["streamEvents"] = async function* (batches) {
      for await (const { batch, events } of batches) {
        numbers.push(batch);
        assert.equal(events[0]!.eventId, `${1_000n * batch}`);
        if (++asked === 2 && end) throw end;
        if (asked === 2) return;
        yield { batch };
      }
    };
    await using fake = await Fake.start({ streamEvents });
    const client = new Client({ address: fake.address, key: KEY });
    const done = await collected(client.stream("site", MANY));
    assert.deepEqual(done, [{ accepted: 1_000 }, { accepted: 2_000 }, { accepted: 2_500 }]);
    assert.deepEqual(numbers.slice(-2), [1n, 2n]);
  });
}

const SESSIONS = ["a", "b", "c", "d"].map((sessionId) => ({
  kind: { case: "session" as const, value: { sessionId } },
}));

/** A service with an export of four sessions, two in a message; `fail` is called after each. */
function exporting(fail: (cursor: string) => "ends" | void) {
  const cursors: string[] = [];
  const exportSessions: Methods["exportSessions"] = async function* ({ cursor }) {
    cursors.push(cursor);
    for (let at = Number(cursor || 0); at < 4; at += 2) {
      const items = SESSIONS.slice(at, at + 2);
      yield { items, cursor: `${at + 2}`, sessions: at + 2 };
      if (fail(`${at + 2}`)) return;
    }
    yield { sessions: 4, isLast: true };
  };
  return { cursors, methods: { exportSessions } };
}

function sessionIds(items: readonly ExportItem[]): (string | false)[] {
  return items.map(({ kind }) => kind.case === "session" && kind.value.sessionId);
}

for (const [way, failure] of [
  ["is lost", unavailable()],
  ["is reset", new ConnectError("reset", Code.Internal)],
  ["ends early", undefined],
] as const) {
  test(`export_resumes: when it ${way}`, async () => {
    let failed = false;
    const { cursors, methods } = exporting(() => {
      if (failed) return;
      failed = true;
      if (failure) throw failure;
      return "ends";
    });
    await using fake = await Fake.start(methods);
    const client = new Client({ address: fake.address, key: KEY });
    const items = await collected(client.exportSessions("site"));
    assert.deepEqual(sessionIds(items), ["a", "b", "c", "d"]);
    assert.deepEqual(cursors, ["", "2"]);
  });
}

test("export_failure", async () => {
  const refusing = exporting(() => {
    throw new ConnectError("no", Code.InvalidArgument);
  });
  const lacking: Methods["exportSessions"] = async function* () {
    yield { items: SESSIONS.slice(0, 2), cursor: "2", sessions: 2 };
    yield { items: SESSIONS.slice(3), sessions: 4, isLast: true };
  };
  for (const [methods, code] of [
    [refusing.methods, Code.InvalidArgument],
    [{ exportSessions: lacking }, Code.DataLoss],
  ] as const) {
    await using fake = await Fake.start(methods);
    const found = new Client({ address: fake.address, key: KEY }).exportSessions("site").pages();
    assert.deepEqual(sessionIds((await found.next()).value?.items ?? []), ["a", "b"]);
    await assert.rejects(found.next(), (error) => {
      assert.ok(error instanceof SessionsError);
      assert.equal(error.code, code);
      return true;
    });
  }
});

test("stream_failure", async () => {
  const streamEvents: Methods["streamEvents"] = async function* (batches) {
    for await (const { batch } of batches) {
      if (batch === 1n) throw new ConnectError("no", Code.InvalidArgument);
      yield { batch };
    }
  };
  await using fake = await Fake.start({ streamEvents });
  const done = new Client({ address: fake.address, key: KEY }).stream("site", MANY);
  assert.deepEqual((await done.next()).value, { accepted: 1_000 });
  await assert.rejects(done.next(), (error) => {
    assert.ok(error instanceof InvalidArgument);
    assert.equal(error.accepted, 1_000);
    return true;
  });
});

test("stream: an error of the events themselves is the caller's, whatever its code", async () => {
  const lost = new ConnectError("the source is away", Code.Unavailable);
  async function* failing() {
    yield PAGEVIEW;
    throw lost;
  }
  await using fake = await Fake.start({});
  const done = new Client({ address: fake.address, key: KEY }).stream("site", failing());
  await assert.rejects(collected(done), lost);
});

test("stream: a signal ends it, and nobody is left waiting", async () => {
  const streamEvents: Methods["streamEvents"] = async function* (batches, { signal }) {
    for await (const { batch } of batches) {
      if (batch === 1n) await sleep(20_000, undefined, { signal }).catch(() => undefined);
      yield { batch };
    }
  };
  await using fake = await Fake.start({ streamEvents });
  const client = new Client({ address: fake.address, key: KEY });
  const controller = new AbortController();
  const reason = new Error("enough");
  const done = client.stream("site", MANY, { signal: controller.signal });
  assert.deepEqual((await done.next()).value, { accepted: 1_000 });
  setTimeout(() => controller.abort(reason), 50);
  await assert.rejects(done.next(), reason);
});

test("closed_client: a stream that waits", async () => {
  const streamEvents: Methods["streamEvents"] = async function* (_, { signal }) {
    setTimeout(() => client.close(), 50);
    await sleep(20_000, undefined, { signal }).catch(() => undefined);
  };
  await using fake = await Fake.start({ streamEvents });
  const client = new Client({ address: fake.address, key: KEY });
  await assert.rejects(client.stream("site", MANY).next(), (error) => {
    assert.ok(error instanceof SessionsError);
    assert.equal(error.code, Code.Canceled);
    return true;
  });
});
