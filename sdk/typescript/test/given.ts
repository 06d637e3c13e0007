import { readFileSync } from "node:fs";

/** A variable of the environment that the suite is run with. */
export function given(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`the suite needs a running service, and its ${name}`);
  return value;
}

/** The cases that all SDKs have a test of, and values for them. */
export const PLAN: {
  addresses: { taken: Record<string, string>; refused: string[] };
  keys: { trimmed: string[]; refused: string[] };
} = JSON.parse(readFileSync(process.env["SESSIONS_CASES"] ?? "../cases.json", "utf8"));

/** Everything that an iterable yields. */
export async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
