-- What each visit did. A custom event happens on the page of the hit before it,
-- and a pageview comes from the page that was viewed before.
INSERT INTO hits (
    visit, number, is_pageview, occurred_at, event_id, page, previous_page, action)
SELECT v.visit, number, kind.is_pageview,
       pg_temp.hit_at(v.hash_seed, number, v.started_at, v.pace),
       pg_temp.event_id(v.hash_seed, number),
       pg_temp.page(
           v.hash_seed,
           CASE WHEN kind.is_pageview OR number = 1 THEN number ELSE number - 1 END,
           pages.count),
       CASE WHEN kind.is_pageview AND number > v.entry THEN pg_temp.page(
           v.hash_seed,
           CASE WHEN pg_temp.is_pageview(v.hash_seed, number - 1, v.entry, v.opens_with_action)
                THEN number - 1 ELSE number - 2 END,
           pages.count) END,
       CASE WHEN NOT kind.is_pageview THEN pg_temp.slot(v.hash_seed, number * 8 + 4) END
  FROM visits v
 CROSS JOIN (SELECT count(*)::integer AS count FROM pages) AS pages
 CROSS JOIN generate_series(1, v.hits) AS number
 CROSS JOIN LATERAL (
       SELECT pg_temp.is_pageview(v.hash_seed, number, v.entry, v.opens_with_action) AS is_pageview
        OFFSET 0) AS kind
