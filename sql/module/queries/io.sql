-- The I/O law's facts: read at the start, written together when a limit has moved, or by the minute.

-- name: io_limit_all()
select bserver_id, learned, fallen, began, quiet::text as quiet, given from io_limit;

-- The ten newest of each.
-- name: io_move_all()
select bserver_id, trunc(extract(epoch from at) * 1000)::bigint as at_ms, from_uio, to_uio, reason, total, us_per_request,
       quiet_us, dropped
from (select *, row_number() over (partition by bserver_id order by no desc) as age from io_move) m
where age <= 10 order by bserver_id, no;

-- name: io_pool_all()
select pool_id, per_job, job_samples, per_start, start_samples from io_pool;

-- What a bServer is that the database does not have (any more) is left out.
-- name: io_write(limits, moves, pools, epoch)
with lead as (select from leader where epoch = $4::bigint for share),
l as (insert into io_limit (bserver_id, learned, fallen, began, quiet, given)
      select b.id, x.learned, x.fallen, x.began, x.quiet, x.given
        from jsonb_to_recordset($1::jsonb) x(id uuid, learned bigint, fallen boolean, began bigint, quiet jsonb, given bigint)
        join bserver b on b.id = x.id where exists (select from lead)
      on conflict (bserver_id) do update set learned = excluded.learned, fallen = excluded.fallen, began = excluded.began,
          quiet = excluded.quiet, given = excluded.given),
m as (insert into io_move (bserver_id, at, from_uio, to_uio, reason, total, us_per_request, quiet_us, dropped)
      select b.id, to_timestamp(x.at / 1000.0), x."from", x."to", x.reason, x.total, x.us_per_request, x.quiet_us, x.dropped
        from jsonb_to_recordset($2::jsonb) x(id uuid, seq integer, at bigint, "from" bigint, "to" bigint, reason text, total bigint,
                                             us_per_request bigint, quiet_us bigint, dropped bigint)
        join bserver b on b.id = x.id where exists (select from lead) order by x.seq),
p as (insert into io_pool (pool_id, per_job, job_samples, per_start, start_samples)
      select x.id, x.per_job, x.job_samples, x.per_start, x.start_samples
        from jsonb_to_recordset($3::jsonb) x(id uuid, per_job bigint, job_samples bigint, per_start bigint, start_samples bigint)
       where exists (select from lead)
      on conflict (pool_id) do update set per_job = excluded.per_job, job_samples = excluded.job_samples,
          per_start = excluded.per_start, start_samples = excluded.start_samples, written_at = now())
select (select count(*) from lead) as lead, 1 as done;

-- The newest hundred of each are kept.
-- name: purge_io_moves()
delete from io_move m where no <= (select o.no from io_move o where o.bserver_id = m.bserver_id order by o.no desc offset 100 limit 1);

-- name: purge_io_pools()
delete from io_pool p where written_at < now() - interval '7 days'
    and not exists (select from replica r where r.kind = 'pool' and r.id = p.pool_id)
    and not exists (select from desktop d where d.pool_id = p.pool_id);
