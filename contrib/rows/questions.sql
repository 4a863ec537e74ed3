-- Ten questions to the rows of synscope, for PostgreSQL and DuckDB, after postgresql.sql or duckdb.sql: docs/fleet.md.

-- question outcomes: what became of the attempts?
select outcome, count(*) from attempt group by outcome order by 2 desc;

-- question causes: why were they dropped or delayed?
select cause, count(*), sum(packets) as packets from cause group by cause order by 2 desc;

-- question hosts: which hosts dropped most?
select host, sum(packets) as packets from cause where is_drop group by host order by 2 desc nulls last limit 20;

-- question listeners: which listeners dropped most, and how many attempts did that hit?
select host, listener, sum(packets) as packets, count(distinct (time, client)) as attempts
from cause where is_drop group by host, listener order by 3 desc limit 20;

-- question minutes: when?
select date_trunc('minute', time) as minute, count(*) as attempts, count(*) filter (where syns > 1) as retransmitted
from attempt group by 1 order by 1;

-- question connect: how long did connect() take?
select listener, count(connect_ns) as attempts, percentile_disc(0.5) within group (order by connect_ns) as p50_ns,
       percentile_disc(0.99) within group (order by connect_ns) as p99_ns, max(connect_ns) as max_ns
from attempt group by listener order by max_ns desc nulls last;

-- question waits: how long did connections wait for accept()?
select host, listener, count(accept_wait_ns) as attempts, percentile_disc(0.99) within group (order by accept_wait_ns) as p99_ns,
       max(accept_wait_ns) as max_ns
from attempt group by host, listener order by max_ns desc nulls last;

-- question clients: which clients were hit most?
select client, sum(packets) as packets from cause where is_drop group by client order by 2 desc limit 20;

-- question retransmissions: how many SYNs were sent again?
select listener, sum(syns - 1) as retransmitted from attempt group by listener order by 2 desc;

-- question unserved: who was never served?
select listener, outcome, count(*) from attempt
where outcome not in ('accepted', 'established', 'joined', 'waiting', 'open') group by listener, outcome order by 3 desc;
