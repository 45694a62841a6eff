-- What changed, for server-sent events.

-- name: event_horizon()
select pg_snapshot_xmin(pg_current_snapshot())::text as horizon;

-- name: event_since(rev, horizon)
select kind, id, person_id, bool_or(wake) as wake from event where rev >= $1::text::xid8 and rev < $2::text::xid8
 group by kind, id, person_id limit 5000;

-- name: event_settled()
select (select coalesce(max(rev), '0'::xid8) from event) < pg_snapshot_xmin(pg_current_snapshot()) as settled;

-- name: event_purge()
delete from event where at < now() - interval '10 minutes';

-- name: sessions_purge(idle_seconds)
delete from login_session where expires_at < now() or used_at < now() - make_interval(secs => $1::integer);
