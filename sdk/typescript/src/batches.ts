import { randomUUID } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromDate, timestampNow } from "@bufbuild/protobuf/wkt";
import { type Event, EventSchema } from "./gen/analytics/sessions/v1/event_pb.js";

const MOST_EVENTS = 1_000;
const MOST_BYTES = 3 * 1024 * 1024;

/** An event to record. */
export type EventInit = Partial<Omit<Event, "$typeName" | "$unknown" | "timestamp">> & {
  /** When it happened; default: the current time. */
  timestamp?: Date | Timestamp | undefined;
};
/** Events to record, at hand or still to come. */
export type EventInits = Iterable<EventInit> | AsyncIterable<EventInit>;

/** The events in batches that one request can hold, each with an id and a timestamp. */
export async function* batches(events: EventInits) {
  let batch: Event[] = [];
  let bytes = 0;
  for await (const init of events) {
    const event = identified(init);
    const size = toBinary(EventSchema, event).length;
    if (batch.length === MOST_EVENTS || (batch.length > 0 && bytes + size > MOST_BYTES)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(event);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** A copy that can be sent again without counting twice. */
function identified({ eventId, timestamp = timestampNow(), ...rest }: EventInit): Event {
  const moment = timestamp instanceof Date ? timestampFromDate(timestamp) : timestamp;
  return create(EventSchema, { ...rest, eventId: eventId || randomUUID(), timestamp: moment });
}
