-- What autovacuum would do in a while: fresh statistics, and no entries of the
-- filter index left in its pending lists, which every search has to read.
ANALYZE visitors;
ANALYZE events;
ANALYZE sessions;
ANALYZE session_ids;
SELECT gin_clean_pending_list(inhrelid)
  FROM pg_inherits
 WHERE inhparent = 'sessions_filters'::regclass
