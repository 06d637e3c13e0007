-- Keys in a row for all visitors of a run.
SELECT setval(sequence, nextval(sequence) + %(keys)s::bigint) - %(keys)s::bigint
  FROM pg_get_serial_sequence('visitors', 'visitor_key') AS sequence
