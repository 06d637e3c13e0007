-- The entry hit brings the visit's source with it; other pageviews come from the
-- site itself, which counts as no referrer.
INSERT INTO events (
    website_key, visitor_key, occurred_at, event_id, sequence, is_pageview, is_bot,
    event_name, url, referrer,
    country, region, city, browser, os, device, language, hostname, event_data)
SELECT v.website_key, v.visitor_key, h.occurred_at, h.event_id, 0, h.is_pageview, v.is_bot,
       coalesce(a.event_name, ''),
       'https://' || v.hostname || p.sent_path
       || CASE WHEN h.number = v.entry THEN v.query ELSE '' END,
       CASE WHEN h.number = v.entry THEN v.sent_referrer
            WHEN h.previous_page IS NULL THEN ''
            ELSE 'https://' || v.hostname || previous.sent_path END,
       v.country, v.region, v.city, v.browser, v.os, v.device, v.language, v.hostname,
       a.event_data
  FROM hits h
  JOIN visits v USING (visit)
  JOIN pages p ON p.number = h.page
  LEFT JOIN pages previous ON previous.number = h.previous_page
  LEFT JOIN actions a ON a.slot = h.action
