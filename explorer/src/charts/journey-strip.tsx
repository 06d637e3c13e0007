import type { Answer } from "../api.ts";
import { duration } from "../format.ts";

type SessionEvent = Answer<"/{session_id}">["events"][number];

const LEAST = 1.5; // percent; what is shorter could not be seen

/** The session in one line: a segment for each view, as long as it lasted, and marks for events. */
export function JourneyStrip({
  events,
  length,
}: {
  events: readonly SessionEvent[];
  /** Seconds of the whole session. */
  length: number;
}) {
  const whole = Math.max(length, events.at(-1)?.offset ?? 0, 1);
  const at = (seconds: number) => `${Math.min(100, (seconds / whole) * 100)}%`;
  const pages = [...new Set(events.flatMap(({ page }) => page ?? []))];
  return (
    <ol class="strip" aria-label="The journey in one line">
      {events.map(({ event_type, event_name, page, offset = 0, time_on_page = 0 }, index) => {
        const what = event_type === "event" ? event_name : page || "(no path)";
        const left = at(offset);
        const width = `max(${LEAST}%, ${at(time_on_page)})`;
        const shade = String(pages.indexOf(page ?? "") % 6);
        return (
          <li key={index} class={event_type} data-shade={shade} style={{ left, width }}>
            <button type="button" onClick={() => show(index)} title={what}>
              {what}
              <span class="unseen">, after {duration(offset)}</span>
            </button>
          </li>
        );
      })}
    </ol>
  );
}

/** Goes to an event in the timeline; the address is that of the view, so no link can. */
function show(index: number): void {
  document.getElementById(`event-${index}`)?.focus();
}
