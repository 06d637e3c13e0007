import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.List;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.EventServiceApi;
import org.openapitools.client.api.SessionServiceApi;
import org.openapitools.client.model.Event;
import org.openapitools.client.model.ListSessionsResponse;
import org.openapitools.client.model.RecordEventsRequest;
import org.openapitools.client.model.RecordEventsResponse;
import org.openapitools.client.model.Session;

/** Records an event and lists its session, with the generated types; prints what it got. */
public class Call {
  public static void main(String[] arguments) throws ApiException {
    String website = System.getenv("SESSIONS_WEBSITE_ID");
    String key = "Bearer " + System.getenv("SESSIONS_KEY");
    ApiClient client = new ApiClient();
    client.updateBaseUri(System.getenv("SESSIONS_ADDRESS"));
    client.setRequestInterceptor(request -> request.header("Authorization", key));

    Event event = new Event();
    event.eventType(Event.EventTypeEnum.PAGEVIEW).visitorId("java").url("/generated");
    event.timestamp(OffsetDateTime.parse("2026-03-03T10:15:00Z"));
    RecordEventsResponse recorded =
        new EventServiceApi(client)
            .eventServiceRecordEvents(
                EventServiceApi.APIEventServiceRecordEventsRequest.newBuilder()
                    .websiteId(website)
                    .recordEventsRequest(new RecordEventsRequest().addEventsItem(event))
                    .build());
    ListSessionsResponse page =
        new SessionServiceApi(client)
            .sessionServiceListSessions(
                SessionServiceApi.APISessionServiceListSessionsRequest.newBuilder()
                    .websiteId(website)
                    .startDate(LocalDate.parse("2026-03-03"))
                    .endDate(LocalDate.parse("2026-03-03"))
                    .filterPage(List.of("/generated", "/other"))
                    .build());
    Session session = page.getSessions().get(0);
    System.out.printf(
        "%d %s %d %s %s%n",
        recorded.getNewEvents(),
        session.getVisitorId(),
        session.getPageviews(),
        session.getIsBounce(),
        page.getNextCursor());
  }
}
