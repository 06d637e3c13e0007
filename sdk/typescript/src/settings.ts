/** Where the service is, and who calls. */
export interface Settings {
  /** `http://host:port`, `https://host[:port]` or `host:port`; default: `SESSIONS_ADDRESS`. */
  address?: string | undefined;
  /** An API key; default: `SESSIONS_KEY`. */
  key?: string | undefined;
}

/** What is given, or else in the environment; throws a TypeError where neither has it. */
export function settled({ address, key }: Settings): { origin: string; authorization: string } {
  const found = address?.trim() || environment("SESSIONS_ADDRESS");
  const url = /^[^/]*:\/\//.test(found) ? found : `http://${found}`;
  if (!/^(https:\/\/[^/?#@\s]+|http:\/\/[^/?#@\s]+:\d+)\/?$/i.test(url) || !URL.canParse(url)) {
    throw new TypeError(`address ${found}: write http://host:port or https://host[:port]`);
  }
  const visible = checkVisible("key", key?.trim() || environment("SESSIONS_KEY"));
  return { origin: new URL(url).origin, authorization: `Bearer ${visible}` };
}

/** Text for a header; the error does not show it, because it may be secret. */
export function checkVisible(name: string, text: string): string {
  if (/^[!-~]+$/.test(text)) return text;
  throw new TypeError(`${name}: has characters other than visible ASCII`);
}

/** Throws a TypeError where a number of milliseconds is less than `least`, or none. */
export function checkMs(name: string, ms: number | undefined, least: number): void {
  if (ms === undefined || (Number.isFinite(ms) && ms >= least)) return;
  throw new TypeError(`${name}: ${ms} is not a number of milliseconds from ${least} on`);
}

/** Throws a TypeError for a name that is none of those. */
export function refuseUnknown(what: string, given: object, names: readonly string[]): void {
  const unknown = Object.keys(given).filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new TypeError(`${what} ${unknown.join(", ")}`);
}

function environment(name: string): string {
  const { process } = globalThis as { process?: { env: Record<string, string | undefined> } };
  const value = process?.env[name]?.trim(); // browsers have no environment
  if (!value) throw new TypeError(`set ${name}, or name it at construction`);
  return value;
}
