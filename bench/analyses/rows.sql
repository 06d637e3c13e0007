-- setup
CREATE TEMPORARY VIEW chosen AS
SELECT *, extract(epoch FROM ended_at - started_at)::integer AS seconds,
       pageviews <= 1 AND events = 0 AS is_bounce
  FROM sessions WHERE NOT is_bot
-- summary
SELECT count(*), count(DISTINCT visitor_key), sum(pageviews), sum(events),
       count(*) FILTER (WHERE is_bounce), sum(seconds),
       percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY seconds)
  FROM chosen
-- series by day
SELECT date_trunc('day', started_at, 'Europe/Berlin') AS day, count(*),
       count(DISTINCT visitor_key), sum(pageviews), sum(events),
       count(*) FILTER (WHERE is_bounce), sum(seconds),
       percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY seconds)
  FROM chosen GROUP BY day ORDER BY day
-- country
SELECT country, count(*), count(DISTINCT visitor_key), sum(pageviews), sum(events),
       count(*) FILTER (WHERE is_bounce), sum(seconds),
       percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY seconds)
  FROM chosen GROUP BY country ORDER BY count(*) DESC LIMIT 10
-- page
SELECT page, count(*), count(DISTINCT visitor_key), sum(pageviews), sum(events),
       count(*) FILTER (WHERE is_bounce), sum(seconds),
       percentile_disc(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY seconds), sum(views)
  FROM chosen s
 CROSS JOIN LATERAL (
       SELECT url AS page, count(*) AS views FROM events e
        WHERE e.website_key = s.website_key AND e.visitor_key = s.visitor_key
          AND e.occurred_at BETWEEN s.started_at AND s.ended_at AND e.is_pageview
        GROUP BY url) AS viewed
 GROUP BY page ORDER BY count(*) DESC LIMIT 10
