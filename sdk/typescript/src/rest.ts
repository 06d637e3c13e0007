import createClient from "openapi-fetch";
import type { paths } from "./gen/openapi.js";
import { type Settings, settled } from "./settings.js";

/** A fetch client with the paths and types of the OpenAPI document; it repeats nothing. */
export function restClient(settings: Settings = {}) {
  const { origin, authorization } = settled(settings);
  return createClient<paths>({ baseUrl: origin, headers: { authorization } });
}
