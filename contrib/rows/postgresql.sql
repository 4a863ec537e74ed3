-- Rows of synscope (synscope.attempt/1) in PostgreSQL: docs/fleet.md. The ten questions to them are in questions.sql.
-- Load: \copy row (line) from 'rows.jsonl' with (format csv, quote E'\x01', delimiter E'\x02')

create table row (line jsonb not null);

create view attempt as
select (line->>'time')::timestamptz as time,
       line->'host'->>'hostname' as host,
       line->>'server' as listener,
       (line->>'client_address')::inet as client,
       line->>'role' as role,
       line->>'outcome' as outcome,
       (line->>'syns')::bigint as syns,
       (line->>'connect_ns')::bigint as connect_ns,
       (line->>'accept_wait_ns')::bigint as accept_wait_ns,
       line->'causes' as causes
from row;

create view cause as
select a.*, c->>'name' as cause, c->>'confidence' as confidence, (c->>'packets')::bigint as packets,
       c->>'name' in ('accept-queue-full-syn', 'accept-queue-full-ack', 'syn-queue-full', 'max-syn-backlog-reserve',
                      'cookie-ack-dropped') as is_drop
from attempt a, jsonb_array_elements(a.causes) c;
