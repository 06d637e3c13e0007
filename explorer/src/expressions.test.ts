import { expect, test } from "vitest";
import {
  both,
  completed,
  completions,
  type Field,
  placeAt,
  quoted,
  stepOf,
} from "./expressions.ts";

const FIELDS: Field[] = [
  { name: "country", kind: "text", operators: ["=", "!=", ":"] },
  { name: "city", kind: "text", operators: ["=", "!=", ":"] },
  { name: "duration", kind: "duration", operators: [">", "<"] },
  { name: "is_bounce", kind: "boolean", operators: ["=", "!="] },
];

/** What is offered at the end of a text. */
function offered(text: string, values: readonly string[] = []) {
  return completions(placeAt(text, text.length), FIELDS, values);
}

test("text is quoted so that it means itself", () => {
  expect(quoted('a "b" \\ *')).toBe('"a \\"b\\" \\\\ \\*"');
  expect(stepOf({ page: "/a" })).toBe('page = "/a"');
  expect(stepOf({ event: "buy" })).toBe('event = "buy"');
});

test("a condition is added without a change of the rest", () => {
  expect(both("", "a = 1")).toBe("a = 1");
  expect(both('country = "DE"', "a = 1")).toBe('country = "DE" AND a = 1');
  expect(both("a = 1 OR b = 2", "c = 3")).toBe("(a = 1 OR b = 2) AND c = 3");
  expect(both("NOT a = 1", "c = 3")).toBe("(NOT a = 1) AND c = 3");
});

test("fields are completed where one can begin", () => {
  expect(offered("")).toEqual(["country", "city", "duration", "is_bounce"]);
  expect(offered("ci")).toEqual(["city"]);
  expect(offered('country = "DE" AND ci')).toEqual(["city"]);
  expect(offered('(country = "DE" -du')).toEqual(["duration"]);
  expect(offered('country = "DE" ')).toHaveLength(4);
});

test("operators are those of the field", () => {
  expect(offered("duration ")).toEqual(["> ", "< "]);
  expect(offered('country = "DE" OR city ')).toEqual(["= ", "!= ", ": "]);
});

test("values are completed, in quotes", () => {
  expect(offered("country = ", ["DE", "US"])).toEqual(['"DE"', '"US"']);
  expect(offered('country="d', ["DE", "US"])).toEqual(['"DE"']);
  expect(offered("is_bounce = t")).toEqual(["true"]);
  expect(placeAt('city = "New Yo', 14)).toEqual({
    kind: "value",
    field: "city",
    typed: "New Yo",
    from: 7,
  });
});

test("a completion takes the place of what is typed", () => {
  const text = 'city = "Ber" AND x';
  const place = placeAt(text, 11);
  expect(completed(text, 11, place, '"Berlin"')).toEqual({
    text: 'city = "Berlin" AND x',
    caret: 15,
  });
});
