/** The key: kept for the tab only, and never in an address. */

const STORED = "sessions-explorer-key";

/** Takes the key out of an address such as `#key=…&website_id=…`, and removes it there. */
export function takeKeyFromAddress(): void {
  const params = new URLSearchParams(window.location.hash.slice(1));
  const key = params.get("key");
  if (key === null) return;
  keepKey(key);
  params.delete("key");
  const query = params.toString();
  window.history.replaceState(null, "", `#/overview${query && `?${query}`}`);
}

/** The key, or an empty text; what can't be sent as one is none. */
export function keptKey(): string {
  const key = window.sessionStorage.getItem(STORED) ?? "";
  return /^[!-~]*$/.test(key) ? key : "";
}

export function keepKey(key: string): void {
  window.sessionStorage.setItem(STORED, key.trim());
}

export function forgetKey(): void {
  window.sessionStorage.removeItem(STORED);
}
