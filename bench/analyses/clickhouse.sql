-- setup
CREATE DATABASE bench ENGINE = Atomic;
CREATE TABLE bench.sessions (
    started_at Int64, visitor_key Int64, duration UInt64, pageviews UInt32, events UInt32,
    is_bot UInt8, country LowCardinality(String), entry_page LowCardinality(String),
    exit_page LowCardinality(String), pages Array(LowCardinality(String)), times Array(Int64)
) ENGINE = MergeTree ORDER BY started_at;
INSERT INTO bench.sessions SELECT * FROM file('FILE', 'JSONEachRow');
OPTIMIZE TABLE bench.sessions FINAL;
-- summary
SELECT count(), uniqExact(visitor_key), sum(pageviews), sum(events),
       countIf(pageviews <= 1 AND events = 0), sum(intDiv(duration, 1000000)),
       quantilesExact(0.5, 0.9)(intDiv(duration, 1000000))
  FROM bench.sessions WHERE is_bot = 0
-- series by day
SELECT toDate(toDateTime(intDiv(started_at, 1000000)), 'Europe/Berlin') AS day,
       count(), uniqExact(visitor_key), sum(pageviews), sum(events),
       countIf(pageviews <= 1 AND events = 0), sum(intDiv(duration, 1000000)),
       quantilesExact(0.5, 0.9)(intDiv(duration, 1000000))
  FROM bench.sessions WHERE is_bot = 0 GROUP BY day ORDER BY day
-- country
WITH (SELECT groupArray(country) FROM (
          SELECT country FROM bench.sessions WHERE is_bot = 0
           GROUP BY country ORDER BY count() DESC, country LIMIT 10)) AS listed
SELECT if(has(listed, country), country, 'other') AS value, count(), uniqExact(visitor_key),
       sum(pageviews), sum(events), countIf(pageviews <= 1 AND events = 0),
       sum(intDiv(duration, 1000000)), quantilesExact(0.5, 0.9)(intDiv(duration, 1000000))
  FROM bench.sessions WHERE is_bot = 0 GROUP BY value;
SELECT count(), uniqExact(country), uniqExact(visitor_key), sum(pageviews), sum(events),
       countIf(pageviews <= 1 AND events = 0), sum(intDiv(duration, 1000000)),
       quantilesExact(0.5, 0.9)(intDiv(duration, 1000000))
  FROM bench.sessions WHERE is_bot = 0
-- page
WITH (SELECT groupArray(page) FROM (
          SELECT arrayJoin(arrayDistinct(pages)) AS page FROM bench.sessions WHERE is_bot = 0
           GROUP BY page ORDER BY count() DESC, page LIMIT 10)) AS listed
SELECT arrayJoin(arrayDistinct(arrayMap(
           each -> if(has(listed, each), toString(each), 'other'), pages))) AS page,
       count(), uniqExact(visitor_key), sum(pageviews), sum(events),
       countIf(pageviews <= 1 AND events = 0), sum(intDiv(duration, 1000000)),
       quantilesExact(0.5, 0.9)(intDiv(duration, 1000000)),
       sum(countEqual(pages, page)), countIf(entry_page = page), countIf(exit_page = page)
  FROM bench.sessions WHERE is_bot = 0 GROUP BY page;
SELECT count(), uniqExactArray(pages), uniqExact(visitor_key), sum(pageviews), sum(events),
       countIf(pageviews <= 1 AND events = 0), sum(intDiv(duration, 1000000)),
       quantilesExact(0.5, 0.9)(intDiv(duration, 1000000))
  FROM bench.sessions WHERE is_bot = 0
-- page with times
WITH (SELECT groupArray(page) FROM (
          SELECT arrayJoin(arrayDistinct(pages)) AS page FROM bench.sessions WHERE is_bot = 0
           GROUP BY page ORDER BY count() DESC, page LIMIT 10)) AS listed
SELECT arrayJoin(arrayDistinct(arrayMap(
           each -> if(has(listed, each), toString(each), 'other'), pages))) AS page,
       count(), uniqExact(visitor_key), sum(pageviews), sum(events),
       countIf(pageviews <= 1 AND events = 0), sum(intDiv(duration, 1000000)),
       quantilesExact(0.5, 0.9)(intDiv(duration, 1000000)),
       sum(countEqual(pages, page)), countIf(entry_page = page), countIf(exit_page = page)
  FROM bench.sessions WHERE is_bot = 0 GROUP BY page;
WITH (SELECT groupArray(page) FROM (
          SELECT arrayJoin(arrayDistinct(pages)) AS page FROM bench.sessions WHERE is_bot = 0
           GROUP BY page ORDER BY count() DESC, page LIMIT 10)) AS listed
SELECT if(has(listed, page), toString(page), 'other') AS value, countIf(time >= 0),
       sumIf(time, time >= 0), quantileExactIf(0.5)(time, time >= 0)
  FROM bench.sessions ARRAY JOIN pages AS page, times AS time WHERE is_bot = 0 GROUP BY value;
SELECT count(), uniqExactArray(pages), uniqExact(visitor_key), sum(pageviews), sum(events),
       countIf(pageviews <= 1 AND events = 0), sum(intDiv(duration, 1000000)),
       quantilesExact(0.5, 0.9)(intDiv(duration, 1000000))
  FROM bench.sessions WHERE is_bot = 0
-- funnel of 3
SELECT countIf(first > 0), countIf(second > 0), countIf(third > 0),
       quantilesExactIf(0.5, 0.9)(at[second] - at[first], second > 0),
       quantilesExactIf(0.5, 0.9)(at[third] - at[second], third > 0)
  FROM (SELECT arrayPushFront(arrayCumSum(times), 0) AS at,
               indexOf(pages, '/') AS first,
               if(first > 0, arrayFirstIndex(
                   (page, n) -> n > first AND page = '/pricing',
                   pages, arrayEnumerate(pages)), 0) AS second,
               if(second > 0, arrayFirstIndex(
                   (page, n) -> n > second AND page = '/signup',
                   pages, arrayEnumerate(pages)), 0) AS third
          FROM bench.sessions WHERE is_bot = 0)
-- visitor funnel over 7 days
SELECT level, count()
  FROM (SELECT windowFunnel(604800000000)(
                   toUInt64(started_at + at), page = '/', page = '/pricing', page = '/signup'
               ) AS level
          FROM bench.sessions
         ARRAY JOIN pages AS page, arrayPopBack(arrayPushFront(arrayCumSum(times), 0)) AS at
         WHERE is_bot = 0 AND page IN ('/', '/pricing', '/signup')
         GROUP BY visitor_key)
 GROUP BY level
-- flows of 4
SELECT way, count()
  FROM (SELECT arraySlice(arrayCompact(pages), 1, 4) AS way FROM bench.sessions WHERE is_bot = 0)
 GROUP BY way ORDER BY count() DESC LIMIT 1000
