import { randomUUID } from "node:crypto";
import { create, type JsonObject, type JsonValue, toBinary } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromDate, timestampNow } from "@bufbuild/protobuf/wkt";
import { type Event, EventSchema } from "./gen/analytics/sessions/v1/event_pb.js";
import { refuseUnknown } from "./settings.js";

const MOST_EVENTS = 1_000;
const MOST_BYTES = 3 * 1024 * 1024;
const FIELDS = [...Object.keys(EventSchema.field), "$typeName", "$unknown"];

type Fields = Omit<Event, "$typeName" | "$unknown" | "timestamp" | "eventData">;
/** An event to record; what is undefined or null counts as left out. */
export type EventInit = { [F in keyof Fields]?: Fields[F] | null | undefined } & {
  /** When it happened; default: the current time. */
  timestamp?: Date | Timestamp | null | undefined;
  /** Data of your own, as JSON has it. */
  eventData?: object | null | undefined;
};
/** Events to record, at hand or still to come. */
export type EventInits = Iterable<EventInit> | AsyncIterable<EventInit>;

/** The events in batches that one request can hold, each with an id and a timestamp. */
export async function* batches(events: EventInits): AsyncGenerator<Event[]> {
  let batch: Event[] = [];
  let bytes = 0;
  let seen = 0;
  for await (const init of events) {
    const [event, size] = eventOf(init, `events[${seen++}]`);
    if (batch.length === MOST_EVENTS || (batch.length > 0 && bytes + size > MOST_BYTES)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(event);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** A message that can be sent again without counting twice, and its size. */
function eventOf(init: EventInit, name: string): [Event, number] {
  refuseUnknown(`${name} has no field`, init, FIELDS);
  const given = Object.entries(init).filter(([, value]) => value !== undefined && value !== null);
  const fields = given.map(([field, value]) => [field, fieldOf(field, value, `${name}.${field}`)]);
  const event = create(EventSchema, Object.fromEntries(fields));
  event.eventId ||= randomUUID();
  event.timestamp ??= timestampNow();
  try {
    return [event, toBinary(EventSchema, event).length + 8]; // with its frame
  } catch (cause) {
    throw new TypeError(`${name}: ${(cause as Error).message}`, { cause });
  }
}

function fieldOf(field: string, value: unknown, name: string): unknown {
  if (field === "eventData") return objectOf(value, name);
  if (field === "timestamp") return timestampOf(value, name);
  if (typeof value === (field === "sequence" ? "number" : "string")) return value;
  return field.startsWith("$") ? value : refuse(value, name);
}

function timestampOf(value: unknown, name: string): unknown {
  if (!(value instanceof Date)) {
    return value instanceof Object && "seconds" in value ? value : refuse(value, name);
  }
  return Number.isNaN(value.getTime()) ? refuse(value, name) : timestampFromDate(value);
}

/** A copy of what JSON has too; a TypeError names what it has not, such as a Date. */
function jsonOf(value: unknown, name: string): JsonValue {
  if (value === null || ["string", "boolean"].includes(typeof value)) return value as JsonValue;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map((item, n) => jsonOf(item, `${name}[${n}]`));
  return objectOf(value, name);
}

function objectOf(value: unknown, name: string): JsonObject {
  const isPlain = [Object.prototype, null].includes(Object.getPrototypeOf(value ?? false));
  if (!isPlain) return refuse(value, name);
  const set = Object.entries(value as object).filter(([, item]) => item !== undefined);
  return Object.fromEntries(set.map(([key, item]) => [key, jsonOf(item, `${name}.${key}`)]));
}

function refuse(value: unknown, name: string): never {
  const kind =
    value instanceof Object
      ? value.constructor.name
      : typeof value === "string"
        ? JSON.stringify(value)
        : String(value);
  throw new TypeError(`${name}: ${kind} can't be sent as it is`);
}
