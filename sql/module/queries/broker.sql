-- The hot path: each is one statement, one round trip, one transaction.

-- op: the connect that this session ends, or null. It has ended well when her session is there, never before. seen_run,
-- seen_overlay and ready_run are what the host has reported, as far as it can: the constraints compare.
-- name: session_open(desktop, generation, epoch, person, overlay, seq, session, run, resume_hash, actor_name, trace, op, seen_run, seen_overlay, ready_run)
with lead as (select from leader where epoch = $3::bigint for share),
d as (update desktop set person_id = $4::uuid, assigned_at = coalesce(assigned_at, now()), seq = $6::bigint, generation = generation + 1
      where id = $1::uuid and generation = $2::bigint and overlay_id = $5::uuid and run_id = $8::uuid and not deleting
        and (person_id is null or person_id = $4::uuid) and exists (select from lead)
        and ($12::uuid is null or exists (select from operation p where p.id = $12::uuid and p.ended_at is null))
      returning id, pool_id, floating),
u as (insert into overlay_use (overlay_id, person_id, session_id)
      select $5::uuid, $4::uuid, case when floating then $7::uuid end from d
      on conflict (overlay_id, person_id) do nothing),
s as (insert into session (id, desktop_id, pool_id, person_id, overlay_id, run_id, seq, resume_hash, seen_run, seen_overlay, ready_run)
      select $7::uuid, id, pool_id, $4::uuid, $5::uuid, $8::uuid, $6::bigint, decode($9::text, 'hex'), $13::uuid, $14::uuid, $15::uuid
        from d returning id),
o as (update operation set state = 'succeeded', stage = 'ready', seq = $6::bigint, started_at = coalesce(started_at, now()),
             ended_at = now()
      where id = $12::uuid and ended_at is null and exists (select from s)),
st as (insert into seat (person_id, pool_id, released) select $4::uuid, pool_id, false from d
       on conflict (person_id, pool_id) do update set released = false, generation = seat.generation + 1 where seat.released),
a as (insert into audit (actor_id, actor_name, action, target_kind, target_id, trace_id)
      select $4::uuid, $10::text, 'connection.create', 'desktop', $1::uuid, $11::text from s)
select (select count(*) from lead) as lead, (select count(*) from s) as done;

-- No room, and nobody there who could pass her on: written down, nothing given up.
-- name: seat_refuse(person, pool, epoch, actor_name, trace, result, detail)
insert into audit (actor_id, actor_name, action, target_kind, target_id, trace_id, result, detail)
select $1::uuid, $4::text, 'connection.create', 'pool', $2::uuid, $5::text, $6::text, $7::text
  from leader where epoch = $3::bigint for share
returning 0 as generation;

-- turn: the CCC's request, which alone may give her back.
-- name: seat_release(person, pool, epoch, actor_name, trace, result, detail, turn)
with lead as (select from leader where epoch = $3::bigint for share),
a as (insert into audit (actor_id, actor_name, action, target_kind, target_id, trace_id, result, detail)
      select $1::uuid, $4::text, 'connection.create', 'pool', $2::uuid, $5::text, $6::text, $7::text from lead)
insert into seat (person_id, pool_id, released, turn) select $1::uuid, $2::uuid, true, $8::uuid from lead
on conflict (person_id, pool_id) do update set released = true, turn = excluded.turn, generation = seat.generation + 1
returning generation;

-- Not here, and the CCC passes her on. (The same columns as seat_release.)
-- name: seat_pass(person, pool, epoch, turn)
insert into seat (person_id, pool_id, released, turn)
select $1::uuid, $2::uuid, true, $4::uuid from leader where epoch = $3::bigint for share
on conflict (person_id, pool_id) do update set released = true, turn = excluded.turn, generation = seat.generation + 1
returning generation;

-- name: connect_start(desktop, generation, epoch, person, run, run_boot, seq, op, deadline_ms, actor_name, trace)
with lead as (select from leader where epoch = $3::bigint for share),
d as (update desktop set person_id = $4::uuid, assigned_at = coalesce(assigned_at, now()), run_id = $5::uuid, run_boot = $6::text,
             seq = $7::bigint, generation = generation + 1
      where id = $1::uuid and generation = $2::bigint and not deleting and (person_id is null or person_id = $4::uuid)
        and exists (select from lead) returning id, pool_id),
o as (insert into operation (id, verb, target_kind, target_id, asked_by, asked_name, state, stage, run_id, seq, created_at, started_at, deadline)
      select $8::uuid, 'connect', 'desktop', id, $4::uuid, $10::text, 'running', 'placing', $5::uuid, $7::bigint, now(), now(),
             to_timestamp($9::bigint / 1000.0) from d returning id),
st as (insert into seat (person_id, pool_id, released) select $4::uuid, pool_id, false from d
       on conflict (person_id, pool_id) do update set released = false, generation = seat.generation + 1 where seat.released),
a as (insert into audit (actor_id, actor_name, action, target_kind, target_id, trace_id)
      select $4::uuid, $10::text, 'connection.start', 'desktop', $1::uuid, $11::text from o)
select (select count(*) from lead) as lead, (select count(*) from o) as done;

-- Hers, but its host has no I/O to give now: the operation waits, and what it starts with is written later (desktop_write,
-- session_open).
-- name: connect_queue(desktop, generation, epoch, person, seq, op, deadline_ms, actor_name, trace)
with lead as (select from leader where epoch = $3::bigint for share),
d as (update desktop set person_id = $4::uuid, assigned_at = coalesce(assigned_at, now()), seq = $5::bigint,
             generation = generation + 1
      where id = $1::uuid and generation = $2::bigint and not deleting and (person_id is null or person_id = $4::uuid)
        and exists (select from lead) returning id, pool_id),
o as (insert into operation (id, verb, target_kind, target_id, asked_by, asked_name, state, stage, seq, created_at, deadline)
      select $6::uuid, 'connect', 'desktop', id, $4::uuid, $8::text, 'queued', 'placing', $5::bigint, now(),
             to_timestamp($7::bigint / 1000.0) from d returning id),
st as (insert into seat (person_id, pool_id, released) select $4::uuid, pool_id, false from d
       on conflict (person_id, pool_id) do update set released = false, generation = seat.generation + 1 where seat.released),
a as (insert into audit (actor_id, actor_name, action, target_kind, target_id, trace_id)
      select $4::uuid, $8::text, 'connection.start', 'desktop', $1::uuid, $9::text from o)
select (select count(*) from lead) as lead, (select count(*) from o) as done;
