-- In the order of the primary key, which then grows at its end only.
INSERT INTO session_ids (website_key, session_id, visitor_key, started_at)
SELECT website_key, session_id, visitor_key, started_at
  FROM visits
 ORDER BY website_key, session_id
