-- Log-in sessions of people at this bCenter, and what the CCC is to hear.

-- name: login_add(token_hash, person, expires_ms)
insert into login_session (token_hash, person_id, expires_at) values (decode($1::text, 'hex'), $2::uuid, to_timestamp($3::bigint / 1000.0));

-- name: login_every()
select encode(token_hash, 'hex') as token_hash, person_id, trunc(extract(epoch from used_at) * 1000)::bigint as used_ms,
       trunc(extract(epoch from expires_at) * 1000)::bigint as expires_ms
from login_session where expires_at > now();

-- name: login_touch(token_hash)
update login_session set used_at = now() where token_hash = decode($1::text, 'hex');

-- name: login_remove(token_hash)
delete from login_session where token_hash = decode($1::text, 'hex');

-- name: login_purge()
delete from login_session where expires_at < now() or used_at < now() - interval '1 hour';

-- name: audit_add(actor, actor_name, action, target_kind, target, result, trace, detail)
insert into audit (actor_id, actor_name, action, target_kind, target_id, result, trace_id, detail)
values ($1::uuid, $2::text, $3::text, $4::text, $5::uuid, $6::text, $7::text, $8::text);

-- What follows (rev, no), as far as nobody who is still writing may come before it.
-- name: audit_after(rev, no, limit)
select rev::text as rev, no, id, trunc(extract(epoch from at) * 1000)::bigint as at_ms, actor_id, actor_name, action, target_kind,
       target_id, result, trace_id, detail
from audit where (rev, no) > ($1::text::xid8, $2::bigint) and rev < pg_snapshot_xmin(pg_current_snapshot())
order by rev, no limit $3::integer;

-- name: audit_check()
select audit_check() as renewed;

-- name: audit_told()
select rev::text as rev, no from audit_told;

-- The CCC has everything up to there.
-- name: audit_tell(rev, no)
update audit_told set rev = $1::text::xid8, no = $2::bigint where (rev, no) < ($1::text::xid8, $2::bigint);

-- What the CCC has not is kept, however old it is.
-- name: audit_purge_old()
delete from audit a using audit_told t where a.at < now() - interval '30 days' and (a.rev, a.no) <= (t.rev, t.no);
