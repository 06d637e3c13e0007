-- The hours whose sessions this chunk has made.
INSERT INTO changed_hours (website_key, hour)
SELECT DISTINCT website_key, date_trunc('hour', started_at, 'UTC')
  FROM visits
