CREATE UNLOGGED TABLE usual_events AS
SELECT e.website_key, s.session_id, s.visitor_id, e.occurred_at, e.is_pageview, e.is_bot,
       split_part(split_part(e.url, '?', 1), '#', 1) AS path,
       s.country, s.region, s.city, s.browser, s.os, s.device, s.language, s.hostname,
       s.referrer, s.utm_source, s.utm_medium, s.utm_campaign
  FROM sessions s
  JOIN events e ON e.website_key = s.website_key AND e.visitor_key = s.visitor_key
   AND e.occurred_at BETWEEN s.started_at AND s.ended_at;
CREATE INDEX ON usual_events (website_key, occurred_at);
CREATE INDEX ON usual_events (website_key, session_id);
