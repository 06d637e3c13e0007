-- A regular has a row already when an earlier chunk met it. In sorted order, so
-- that two connections never wait for each other.
INSERT INTO visitors (website_key, visitor_id, visitor_key) OVERRIDING SYSTEM VALUE
SELECT DISTINCT website_key, visitor_id COLLATE "C", visitor_key
  FROM visits
 ORDER BY website_key, visitor_id COLLATE "C"
    ON CONFLICT DO NOTHING
