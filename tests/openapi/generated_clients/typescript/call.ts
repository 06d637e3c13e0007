// Records an event and lists its session, with the generated types; prints what it got.
import { Configuration, EventEventTypeEnum, EventServiceApi, SessionServiceApi } from "./client";

async function main(): Promise<void> {
  const websiteId = process.env["SESSIONS_WEBSITE_ID"]!;
  const client = new Configuration({
    basePath: process.env["SESSIONS_ADDRESS"]!,
    accessToken: process.env["SESSIONS_KEY"]!,
  });
  const event = {
    eventType: EventEventTypeEnum.Pageview,
    visitorId: "typescript",
    timestamp: new Date("2026-03-03T10:15:00Z"),
    url: "/generated",
  };
  const recordEventsRequest = { events: [event] };
  const recorded = await new EventServiceApi(client).eventServiceRecordEvents({
    websiteId,
    recordEventsRequest,
  });
  const day = new Date("2026-03-03");
  const page = await new SessionServiceApi(client).sessionServiceListSessions({
    websiteId,
    startDate: day,
    endDate: day,
    filterPage: ["/generated", "/other"],
  });
  const [session] = page.sessions;
  const shown = [session!.visitorId, session!.pageviews, session!.isBounce, page.nextCursor];
  console.log([recorded.newEvents, ...shown.map(String)].join(" "));
}

void main();
