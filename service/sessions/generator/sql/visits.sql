-- Who visits when. A visit has an ordinal in its hour; a regular visitor comes back with the
-- same ordinal, any multiple of six hours later, until the end of its lifetime.
-- No visit lasts over 4.3 hours, so a visitor's visits are 40 minutes apart or more.
INSERT INTO visits (
    visit, hash_seed, session_id, website_key, visitor_key, visitor_id,
    started_at, hits, pace, entry, opens_with_action,
    hostname, country, region, city, language, browser, os, device, is_bot,
    sent_referrer, query, referrer, utm_source, utm_medium, utm_campaign)
WITH slots AS MATERIALIZED (
    SELECT h.starts_at, h.milliseconds, ordinal,
           h.number / 6 AS step, mod(h.number, 6) AS residue,
           h.number * %(width)s::bigint + ordinal AS visit,
           hashint8extended(h.number * %(width)s::bigint + ordinal, %(seed)s::bigint) AS hash_seed,
           -- Most regulars are so for days, some for two weeks.
           2 + floor(54 * power(
               pg_temp.share(ordinal * 6 + mod(h.number, 6), %(seed)s::bigint), 2))::integer AS lifetime
      FROM hours h
     CROSS JOIN generate_series(0, h.visits - 1) AS ordinal
     WHERE h.number BETWEEN %(first)s AND %(last)s),
people AS MATERIALIZED (
    SELECT *,
           CASE WHEN pg_temp.share(hash_seed, 1) < 0.45
                THEN (((step - mod(step, lifetime)) * 6 + residue) * %(width)s::bigint + ordinal) * 2 + 1
                ELSE visit * 2 END AS visitor
      FROM slots),
lives AS MATERIALIZED (
    SELECT *,
           hashint8extended(visitor, %(seed)s::bigint) AS person,
           starts_at + floor(pg_temp.share(hash_seed, 2) * milliseconds) * interval '1 millisecond'
               AS started_at,
           -- 59 of 100 visits are a single hit; the others follow a power law up to 300.
           CASE WHEN pg_temp.share(hash_seed, 3) < 0.59 THEN 1
                ELSE least(300, 2 + floor(
                    6.2 * (power((1 - pg_temp.share(hash_seed, 3)) / 0.41, -1 / 1.75) - 1)))::integer
                 END AS hits,
           pg_temp.share(hash_seed, 4) < 0.01 AS opens_with_action
      FROM people)
SELECT l.visit, l.hash_seed,
       -- An id is of the moment of the first hit: 48 bits of milliseconds, 80 bits of chance.
       encode(
           substr(int8send((extract(epoch FROM l.started_at) * 1000)::bigint), 3)
           || int8send(hashint8extended(l.hash_seed, 7)) || substr(int8send(l.visit), 7),
           'hex')::uuid,
       s.website_key, %(first_key)s::bigint + l.visitor,
       -- The second half is the visitor's number, shuffled: no two visitors share it.
       right(encode(int8send(l.person), 'hex'), 8)
       || right(encode(int8send(l.visitor * 1540483477), 'hex'), 8),
       l.started_at, l.hits,
       -- Between hits a few seconds for most visits and up to ten minutes for some; long
       -- visits are brisk, and all end in time.
       least(
           5000 + 600000 * power(pg_temp.share(l.hash_seed, 5), 4),
           15000000.0 / l.hits,
           extract(epoch FROM %(until)s - l.started_at)::float8 * 1000 / l.hits),
       CASE WHEN l.opens_with_action AND l.hits > 1 THEN 2 ELSE 1 END, l.opens_with_action,
       s.hostname, p.country, p.region, p.city,
       CASE WHEN c.is_bot THEN '' ELSE p.language END,
       c.browser, c.os, c.device, c.is_bot,
       r.sent_referrer, r.query, r.referrer, r.utm_source, r.utm_medium, r.utm_campaign
  FROM lives l
  JOIN sites s ON s.slot = pg_temp.slot(l.person, 1)
  JOIN locations p ON p.slot = pg_temp.slot(l.person, 2)
  JOIN clients c ON c.slot = pg_temp.slot(l.person, 3)
  JOIN sources r ON r.slot = pg_temp.slot(l.hash_seed, 6)
 ORDER BY l.started_at
