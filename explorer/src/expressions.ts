/** Text of filters and steps: quoting, joining, and what can be completed where. */

/** A field that an expression can have, as `x-fields` of the OpenAPI document lists it. */
export interface Field {
  readonly name: string;
  readonly kind: "text" | "timestamp" | "duration" | "number" | "boolean" | "collection";
  readonly operators: readonly string[];
}

/** A value in quotes, with no wildcards in it. */
export function quoted(value: string): string {
  return `"${value.replace(/[\\"*]/g, "\\$&")}"`;
}

/** An expression that holds where both do. */
export function both(filter: string | undefined, condition: string): string {
  if (!filter) return condition;
  // OR binds tighter than AND, so that only juxtaposed texts need no parentheses.
  return /^\w+ ?(=|!=|:|<|>|<=|>=) ?("[^"]*"|[\w.-]+)$/.test(filter)
    ? `${filter} AND ${condition}`
    : `(${filter}) AND ${condition}`;
}

/** The step that an item is: a view of a page, or a custom event. */
export function stepOf({ page, event }: { page?: string; event?: string }): string {
  return event === undefined ? `page = ${quoted(page ?? "")}` : `event = ${quoted(event)}`;
}

/** Where the caret is, and which text a completion takes the place of. */
export interface Place {
  readonly kind: "field" | "operator" | "value";
  /** The field that an operator or a value belongs to. */
  readonly field: string;
  /** What is typed of it so far, without quotation marks. */
  readonly typed: string;
  readonly from: number;
}

const TOKENS = /"(?:\\.|[^"\\])*"?|[A-Za-z_][\w.]*|!=|<=|>=|[=<>:()-]|[^\s"=<>:!()-]+/g;
const OPERATORS = ["=", "!=", "<", "<=", ">", ">=", ":"];

/** What can be completed at the caret. */
export function placeAt(text: string, caret: number): Place {
  const before = text.slice(0, caret);
  const tokens = [...before.matchAll(TOKENS)].map((found) => ({ text: found[0], at: found.index }));
  const last = tokens.at(-1);
  const isTouching = last !== undefined && last.at + last.text.length === caret;
  const typed = isTouching && isWord(last.text) ? last : undefined;
  const [previous, field] = tokens.slice(0, typed ? -1 : undefined).reverse();
  const from = typed?.at ?? caret;
  const word = (typed?.text ?? "").replace(/^"|"$/g, "");
  if (previous && OPERATORS.includes(previous.text)) {
    return { kind: "value", field: field?.text ?? "", typed: word, from };
  }
  const isField = previous && isName(previous.text) && !isComplete(tokens, typed);
  return isField
    ? { kind: "operator", field: previous.text, typed: word, from }
    : { kind: "field", field: "", typed: word, from };
}

const isWord = (token: string) => /^["\w]/.test(token) || !/^[=<>:!()-]/.test(token);
const isName = (token: string) => /^[a-z_]+$/.test(token);

/** Whether the last whole token ends a comparison, so that the next one is a field. */
function isComplete(tokens: readonly { text: string }[], typed: object | undefined): boolean {
  const whole = tokens.slice(0, typed ? -1 : undefined);
  return OPERATORS.includes(whole.at(-2)?.text ?? "");
}

/** The text with a completion in place, and where the caret is then. */
export function completed(text: string, caret: number, { from }: Place, completion: string) {
  const rest = text.slice(caret).replace(/^"/, "");
  const start = text.slice(0, from) + completion;
  return { text: start + rest, caret: start.length };
}

/** What completes a field, an operator or a value. */
export function completions(place: Place, fields: readonly Field[], values: readonly string[]) {
  const typed = place.typed.toLowerCase();
  const fits = (option: string) => option.toLowerCase().includes(typed);
  const field = fields.find(({ name }) => name === place.field);
  switch (place.kind) {
    case "field":
      return fields.map(({ name }) => name).filter(fits);
    case "operator":
      return (field?.operators ?? []).map((operator) => `${operator} `);
    case "value":
      if (field?.kind === "boolean") return ["true", "false"].filter(fits);
      return values.filter(fits).map(quoted);
  }
}
