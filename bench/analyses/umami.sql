-- setup
CREATE TEMPORARY TABLE website_event AS
SELECT s.visitor_key AS session_id, s.session_id AS visit_id, e.occurred_at AS created_at,
       e.url AS url_path, CASE WHEN e.is_pageview THEN 1 ELSE 2 END AS event_type
  FROM sessions s
  JOIN events e ON e.website_key = s.website_key AND e.visitor_key = s.visitor_key
   AND e.occurred_at BETWEEN s.started_at AND s.ended_at
 WHERE NOT s.is_bot;
CREATE TEMPORARY TABLE session AS
SELECT DISTINCT ON (visitor_key) visitor_key AS session_id, country
  FROM sessions WHERE NOT is_bot;
CREATE INDEX ON website_event (created_at);
CREATE INDEX ON session (session_id);
ANALYZE website_event;
ANALYZE session
-- summary
SELECT sum(c), count(DISTINCT session_id), count(DISTINCT visit_id),
       sum(CASE WHEN c = 1 THEN 1 ELSE 0 END),
       sum(floor(extract(epoch FROM max_time - min_time)))
  FROM (SELECT session_id, visit_id, count(*) AS c, min(created_at) AS min_time,
               max(created_at) AS max_time
          FROM website_event WHERE event_type = 1 GROUP BY session_id, visit_id) AS t
-- series by day
SELECT date_trunc('day', created_at, 'Europe/Berlin') AS x, count(*),
       count(DISTINCT session_id)
  FROM website_event WHERE event_type = 1 GROUP BY x ORDER BY x
-- country
SELECT country AS x, count(DISTINCT e.session_id) AS y
  FROM website_event e JOIN session USING (session_id)
 WHERE event_type = 1 GROUP BY country ORDER BY y DESC LIMIT 10
-- page
SELECT url_path AS x, count(*) AS y
  FROM website_event WHERE event_type = 1 GROUP BY url_path ORDER BY y DESC LIMIT 10
