-- Rows of synscope (synscope.attempt/1) in ClickHouse, and ten questions to them: docs/fleet.md. From 18.16 on.
-- Load: clickhouse-client --format_csv_allow_double_quotes=0 --format_csv_allow_single_quotes=0 --format_csv_delimiter=$'\x01' \
--           --query 'insert into row format CSV' <rows.jsonl
-- or, from 20.9 on, with: insert into row format JSONAsString

create table if not exists row (line String) engine = MergeTree order by tuple();

-- The first member of a name is taken: these are not in what comes before them.
create view if not exists attempt as
select visitParamExtractString(line, 'time') as time,
       parseDateTimeBestEffortOrZero(time) as second,
       visitParamExtractString(line, 'hostname') as host,
       visitParamExtractString(line, 'server') as listener,
       visitParamExtractString(line, 'client_address') as client,
       visitParamExtractString(line, 'role') as role,
       visitParamExtractString(line, 'outcome') as outcome,
       visitParamExtractInt(line, 'syns') as syns,
       toInt64OrNull(visitParamExtractRaw(line, 'connect_ns')) as connect_ns,
       toInt64OrNull(visitParamExtractRaw(line, 'accept_wait_ns')) as accept_wait_ns,
       extractAll(visitParamExtractRaw(line, 'causes'), '"name":"([^"]*)"') as names,
       extractAll(visitParamExtractRaw(line, 'causes'), '"confidence":"([^"]*)"') as confidences,
       extractAll(visitParamExtractRaw(line, 'causes'), '"packets":([0-9]+)') as counts
from row;

create view if not exists cause as
select time, second, host, listener, client, role, outcome, cause, confidence, toInt64(count) as packets,
       cause in ('accept-queue-full-syn', 'accept-queue-full-ack', 'syn-queue-full', 'max-syn-backlog-reserve',
                 'cookie-ack-dropped') as is_drop
from attempt array join names as cause, confidences as confidence, counts as count;

-- question outcomes: what became of the attempts?
select outcome, count() as attempts from attempt group by outcome order by attempts desc;

-- question causes: why were they dropped or delayed?
select cause, count() as attempts, sum(packets) as sum from cause group by cause order by attempts desc;

-- question hosts: which hosts dropped most?
select host, sum(packets) as sum from cause where is_drop group by host order by sum desc limit 20;

-- question listeners: which listeners dropped most, and how many attempts did that hit?
select host, listener, sum(packets) as sum, uniqExact(time, client) as attempts
from cause where is_drop group by host, listener order by sum desc limit 20;

-- question minutes: when?
select toStartOfMinute(second) as minute, count() as attempts, countIf(syns > 1) as retransmitted
from attempt group by minute order by minute;

-- question connect: how long did connect() take?
select listener, count(connect_ns) as attempts, quantileExact(0.5)(connect_ns) as p50_ns, quantileExact(0.99)(connect_ns) as p99_ns,
       max(connect_ns) as max_ns
from attempt group by listener order by max_ns desc;

-- question waits: how long did connections wait for accept()?
select host, listener, count(accept_wait_ns) as attempts, quantileExact(0.99)(accept_wait_ns) as p99_ns, max(accept_wait_ns) as max_ns
from attempt group by host, listener order by max_ns desc;

-- question clients: which clients were hit most?
select client, sum(packets) as sum from cause where is_drop group by client order by sum desc limit 20;

-- question retransmissions: how many SYNs were sent again?
select listener, sum(syns - 1) as retransmitted from attempt group by listener order by retransmitted desc;

-- question unserved: who was never served?
select listener, outcome, count() as attempts from attempt
where outcome not in ('accepted', 'established', 'joined', 'waiting', 'open') group by listener, outcome order by attempts desc;
