SELECT session_id, min(visitor_id) AS visitor_id,
       min(occurred_at) AS started_at, max(occurred_at) AS ended_at,
       count(*) FILTER (WHERE is_pageview) AS pageviews,
       count(*) FILTER (WHERE NOT is_pageview) AS events,
       bool_or(is_bot) AS is_bot,
       min(country) AS country, min(region) AS region, min(city) AS city,
       min(browser) AS browser, min(os) AS os, min(device) AS device,
       min(language) AS language, min(hostname) AS hostname, min(referrer) AS referrer,
       min(utm_source) AS utm_source, min(utm_medium) AS utm_medium,
       min(utm_campaign) AS utm_campaign,
       (array_agg(path ORDER BY occurred_at) FILTER (WHERE is_pageview))[1] AS entry_page,
       (array_agg(path ORDER BY occurred_at DESC) FILTER (WHERE is_pageview))[1] AS exit_page
  FROM usual_events
 WHERE website_key = %(website_key)s
   AND occurred_at >= %(start)s::date AND occurred_at < %(end)s::date + 1
 GROUP BY session_id
HAVING NOT bool_or(is_bot)
 ORDER BY started_at DESC, session_id DESC
 LIMIT %(limit)s OFFSET %(offset)s
