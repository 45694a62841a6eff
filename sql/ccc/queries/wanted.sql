-- The source of sync. The wire's revision is rev * 2^20 + no, so a cursor may lie between objects of one transaction.

-- name: wanted_source()
select history, (floor::text::bigint << 20) as floor,
       (pg_snapshot_xmin(pg_current_snapshot())::text::bigint << 20) as horizon from sync_source;

-- One page and its frame, from one snapshot of the database: nothing at or above the horizon, for a transaction that
-- is still open will commit there. Objects from (rev, no) on; next is where the page after this one begins. A snapshot
-- names the tombstones too: a relay that took it must be able to tell them to those below it who are further back.
-- count is what the end of a snapshot needs, and reads all that is live; who follows changes asks from a horizon, whose
-- number is 0, who is in the middle of a snapshot from an object's. (One object in a million has the number 0 too: there
-- the end comes without a count.)
-- name: wanted_page(rev, no, scopes, limit)
with source as materialized (
    select history, floor, pg_snapshot_xmin(pg_current_snapshot()) as horizon from sync_source
), hit as materialized (
    select w.scope, w.kind, w.id, w.deleted, w.body, (w.rev::text::bigint << 20) | w.no as wire
      from wanted w
     where w.scope = any ($3::text[]) and (w.rev, w.no) >= ($1::text::xid8, $2::integer)
       and w.rev < pg_snapshot_xmin(pg_current_snapshot())
     order by w.rev, w.no limit $4::integer + 1
), page as (
    select * from hit order by wire limit $4::integer
)
select s.history, (s.floor::text::bigint << 20) as floor, (s.horizon::text::bigint << 20) as horizon,
       (select wire from hit order by wire offset $4::integer limit 1) as next,
       (select count(*) from page) as n,
       (select jsonb_agg(case when p.deleted
                   then jsonb_build_object('scope', p.scope, 'kind', p.kind, 'id', p.id, 'rev', p.wire, 'deleted', true)
                   else jsonb_build_object('scope', p.scope, 'kind', p.kind, 'id', p.id, 'rev', p.wire, 'body', p.body) end
                   order by p.wire) from page p) as objects,
       case when ($1::text = '0' or $2::integer <> 0) and (select count(*) from hit) <= $4::integer
            then (select count(*) from wanted w where w.scope = any ($3::text[]) and not w.deleted and w.rev < s.horizon)
       end as count
  from source s;

-- True when every committed change lies below the horizon: nobody has to be woken again.
-- name: wanted_settled()
select (select coalesce(max(rev), '0'::xid8) from wanted) < pg_snapshot_xmin(pg_current_snapshot()) as settled;

-- name: wanted_renew(history)
select sync_renew($1::uuid) as renewed;

-- name: wanted_check()
select sync_check() as renewed;

-- name: wanted_due()
select exists (select from wanted_due) as due;

-- name: wanted_catch_up(most)
select wanted_catch_up($1::integer) as taken;

-- name: wanted_purge(seconds)
select wanted_purge(make_interval(secs => $1::integer)) as purged;
