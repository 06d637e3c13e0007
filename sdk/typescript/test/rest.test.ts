/** The REST client, against a running service. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { restClient } from "../src/index.js";
import { given } from "./given.js";

const rest = restClient();
const path = { website_id: given("SESSIONS_WEBSITE_ID") };
const DAY = { start_date: "2026-03-03", end_date: "2026-03-03" };

async function listed(cursor: string) {
  const query = { ...DAY, limit: 100, filter_country: ["US", "DE"], cursor };
  const { data, error } = await rest.GET("/api/websites/{website_id}/sessions", {
    params: { path, query },
  });
  assert.ok(data, error?.message);
  return data;
}

test("lists with typed parameters, page by page", async () => {
  const countries: (string | undefined)[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const page = await listed(cursor);
    countries.push(...page.sessions.map((session) => session.country));
    cursor = page.next_cursor;
  }
  assert.equal(countries.length, 250);
  assert.equal(countries.filter((country) => country === "DE").length, 50);
});

test("sends an empty value of a filter, for sessions that have none", async () => {
  for (const [filter_country, count] of [
    ["", 0],
    ["DE", 50],
  ] as const) {
    const query = { ...DAY, limit: 100, filter_country: [filter_country] };
    const { data } = await rest.GET("/api/websites/{website_id}/sessions", {
      params: { path, query },
    });
    assert.equal(data?.sessions.length, count);
  }
});

test("gives errors their type", async () => {
  const { data, error, response } = await rest.GET("/api/websites/{website_id}/sessions", {
    params: { path, query: { limit: -1 } },
  });
  assert.equal(data, undefined);
  assert.equal(response.status, 400);
  assert.equal(error?.code, 3);
  assert.equal(error.message, "limit: -1 is negative; send 1 to 100");
});

test("knows the parameters and fields", async () => {
  const { data, error } = await rest.GET("/api/websites/{website_id}/sessions", {
    // @ts-expect-error: there is no such parameter
    params: { path, query: { color: "red" } },
  });
  assert.equal(error?.message, "color: there is no such parameter");
  // @ts-expect-error: there is no such field
  assert.equal(data?.pages, undefined);
});

test("records", async () => {
  const event = { event_type: "pageview" as const, visitor_id: "rest", url: "/rest" };
  const events = [{ ...event, event_id: "1", timestamp: "2026-03-08T10:00:00Z" }];
  const { data } = await rest.POST("/api/websites/{website_id}/events", {
    params: { path },
    body: { events },
  });
  assert.ok(data);
  assert.equal(data.new_events + data.known_events, 1);
});
