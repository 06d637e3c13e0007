import { expect, test } from "vitest";
import { problemOf } from "./problems.ts";

function answer(reason: string, metadata: Record<string, string> = {}) {
  return { code: 3, message: "what the service says", details: [{ reason, metadata }] };
}

const none = new Headers();

test("an expression's mistake has its field and character", () => {
  const metadata = { field: "steps[1]", position: "7" };
  const body = answer("ERROR_REASON_INVALID_FIELD", metadata);
  expect(problemOf(400, none, body)).toMatchObject({
    text: "what the service says",
    field: "steps[1]",
    position: 7,
    isOfKey: false,
  });
});

test("a key's problem asks for another key and is not tried again", () => {
  const problem = problemOf(401, none, answer("ERROR_REASON_KEY_EXPIRED"));
  expect(problem.isOfKey).toBe(true);
  expect(problem.retryMs).toBeUndefined();
  expect(problemOf(403, none, answer("ERROR_REASON_SCOPE_MISSING")).text).toContain(
    "sessions:read",
  );
});

test("what may pass is tried again when the service says so", () => {
  const headers = new Headers({ "retry-after": "2", "x-request-id": "r1" });
  const problem = problemOf(429, headers, answer("ERROR_REASON_ANALYSIS_QUEUE_FULL"));
  expect(problem).toMatchObject({ retryMs: 2_000, requestId: "r1" });
  expect(problemOf(429, headers, answer("ERROR_REASON_KEY_LIMIT_EXCEEDED")).isOfKey).toBe(false);
  expect(problemOf(503, none, null).retryMs).toBe(5_000);
});

test("what is no error of the API is told by its status", () => {
  expect(problemOf(502, none, "<html>").text).toBe("The service answered 502.");
});
