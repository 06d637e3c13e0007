/** A variable of the environment that the suite is run with. */
export function given(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`the suite needs a running service, and its ${name}`);
  return value;
}

/** Everything that an iterable yields. */
export async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
