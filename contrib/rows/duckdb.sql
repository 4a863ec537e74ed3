-- Rows of synscope (synscope.attempt/1) in a folder, for DuckDB: docs/fleet.md. The ten questions to them are in questions.sql.
-- It reads the files anew for each question; "create table attempt as ..." instead of a view keeps what it has read.

create view row as select json as line from read_ndjson_objects('/srv/rows/*.jsonl');

create view attempt as
select (line->>'time')::timestamptz as time,
       line->'host'->>'hostname' as host,
       line->>'server' as listener,
       line->>'client_address' as client,
       line->>'role' as role,
       line->>'outcome' as outcome,
       (line->>'syns')::bigint as syns,
       (line->>'connect_ns')::bigint as connect_ns,
       (line->>'accept_wait_ns')::bigint as accept_wait_ns,
       line->'causes' as causes
from row;

create view cause as
select * exclude c, c->>'name' as cause, c->>'confidence' as confidence, (c->>'packets')::bigint as packets,
       c->>'name' in ('accept-queue-full-syn', 'accept-queue-full-ack', 'syn-queue-full', 'max-syn-backlog-reserve',
                      'cookie-ack-dropped') as is_drop
from (select *, unnest(from_json(causes, '["json"]')) as c from attempt);
