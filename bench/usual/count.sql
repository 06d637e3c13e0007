SELECT count(*)
  FROM (SELECT session_id
          FROM usual_events
         WHERE website_key = %(website_key)s
           AND occurred_at >= %(start)s::date AND occurred_at < %(end)s::date + 1
         GROUP BY session_id
        HAVING NOT bool_or(is_bot)) AS sessions
