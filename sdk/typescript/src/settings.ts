/** Where the service is, and who calls. */
export interface Settings {
  /** `http://host:port`, `https://host[:port]` or `host:port`; default: `SESSIONS_ADDRESS`. */
  address?: string | undefined;
  /** An API key; default: `SESSIONS_KEY`. */
  key?: string | undefined;
}

/** What is given, or else in the environment; throws a TypeError where neither has it. */
export function settled({ address, key }: Settings): { origin: string; authorization: string } {
  const found = address || environment("SESSIONS_ADDRESS");
  const url = /^[^/]*:\/\//.test(found) ? found : `http://${found}`;
  if (!/^(https:\/\/[^/?#@]+|http:\/\/[^/?#@]+:\d+)\/?$/i.test(url) || !URL.canParse(url)) {
    throw new TypeError(`${found}: write http://host:port, https://host[:port] or host:port`);
  }
  const authorization = `Bearer ${key || environment("SESSIONS_KEY")}`;
  return { origin: new URL(url).origin, authorization };
}

function environment(name: string): string {
  const value = process.env[name];
  if (!value) throw new TypeError(`set ${name}, or name it at construction`);
  return value;
}
