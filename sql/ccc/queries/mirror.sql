-- What modules told. A page is applied in one transaction, under the lock of the module's cursor row.

-- name: mirror_source(module_id, node_id)
select m.id from module m join node n on n.block_id = m.block_id
 where m.id = $1::uuid and n.id = $2::uuid and n.kind = 'xcenter' and not n.revoked;

-- name: mirror_cursor_make(module_id)
insert into mirror_cursor (module_id) values ($1::uuid) on conflict do nothing;

-- name: mirror_cursor_lock(module_id)
select history, rev, round, snap_history, snap_rev, snap_seen, snap_node, snap_head, epoch,
       snap_at > now() - interval '10 s' as snap_fresh, led_at > now() - interval '1 minute' as led_fresh
  from mirror_cursor where module_id = $1::uuid for update;

-- name: mirror_cursor_set(module_id, history, rev, round, snap_history, snap_rev, snap_node, snap_seen, snap_head, epoch)
update mirror_cursor
   set history = $2::uuid, rev = $3::bigint, round = $4::bigint, snap_history = $5::uuid, snap_rev = $6::bigint,
       snap_node = $7::uuid, snap_seen = $8::bigint, snap_at = case when $7::uuid is not null then now() end,
       snap_head = $9::bigint, epoch = $10::bigint
 where module_id = $1::uuid;

-- name: mirror_hear(module_id, heard_ms, led)
update mirror_cursor
   set heard_at = greatest(heard_at, now() - make_interval(secs => $2::bigint / 1000.0)),
       as_of = greatest(as_of, now() - make_interval(secs => $2::bigint / 1000.0)),
       led_at = case when $3::boolean then now() else led_at end
 where module_id = $1::uuid;

-- Before mirror_hear: two xCenters tell of the module, and who heard it last knows best.
-- name: mirror_about(module_id, login, url, version, epoch, held, heard_ms)
insert into mirror_module (module_id, login, url, version, epoch, held)
select $1::uuid, $2::text, $3::text, $4::text, $5::bigint, $6::integer
 where not exists (select from mirror_cursor c
                    where c.module_id = $1::uuid and c.heard_at <= now()
                      and c.heard_at > now() - make_interval(secs => $7::bigint / 1000.0))
on conflict (module_id) do update
   set login = excluded.login, url = excluded.url, version = excluded.version, epoch = excluded.epoch,
       held = excluded.held
 where (mirror_module.login, mirror_module.url, mirror_module.version, mirror_module.epoch, mirror_module.held)
       is distinct from (excluded.login, excluded.url, excluded.version, excluded.epoch, excluded.held);

-- name: mirror_put_bserver(module_id, round, objects)
insert into mirror_bserver as t (id, module_id, round, name, state, slots, slots_used, body)
select o.id, $1::uuid, $2::bigint, o.name, o.state, o.slots, o.slots_used, o.body
  from jsonb_to_recordset($3::jsonb) o (id uuid, name text, state text, slots integer, slots_used integer, body jsonb)
on conflict (id) do update
   set round = excluded.round, name = excluded.name, state = excluded.state, slots = excluded.slots,
       slots_used = excluded.slots_used, body = excluded.body
 where t.module_id = excluded.module_id;

-- name: mirror_put_vf(module_id, round, objects)
insert into mirror_vf as t (id, module_id, round, bserver_id, address, state, desktop_id, body)
select o.id, $1::uuid, $2::bigint, o.bserver_id, o.address, o.state, o.desktop_id, o.body
  from jsonb_to_recordset($3::jsonb) o (id uuid, bserver_id uuid, address text, state text, desktop_id uuid, body jsonb)
on conflict (id) do update
   set round = excluded.round, bserver_id = excluded.bserver_id, address = excluded.address, state = excluded.state,
       desktop_id = excluded.desktop_id, body = excluded.body
 where t.module_id = excluded.module_id;

-- name: mirror_put_desktop(module_id, round, objects)
insert into mirror_desktop as t (id, module_id, round, name, state, observed, pool_id, person_id, bserver_id, session_id,
                                 created_at, body)
select o.id, $1::uuid, $2::bigint, o.name, o.state, o.observed, o.pool_id, o.person_id, o.bserver_id, o.session_id,
       coalesce(o.created_at, now()), o.body
  from jsonb_to_recordset($3::jsonb) o (id uuid, name text, state text, observed text, pool_id uuid, person_id uuid,
                                        bserver_id uuid, session_id uuid, created_at timestamptz, body jsonb)
on conflict (id) do update
   set round = excluded.round, name = excluded.name, state = excluded.state, observed = excluded.observed,
       pool_id = excluded.pool_id, person_id = excluded.person_id, bserver_id = excluded.bserver_id,
       session_id = excluded.session_id, created_at = excluded.created_at, body = excluded.body
 where t.module_id = excluded.module_id;

-- name: mirror_put_operation(module_id, round, objects)
insert into mirror_operation as t (id, module_id, round, verb, target_id, state, asked_by, created_at, ended_at, body)
select o.id, $1::uuid, $2::bigint, o.verb, o.target_id, o.state, o.asked_by, coalesce(o.created_at, now()), o.ended_at, o.body
  from jsonb_to_recordset($3::jsonb) o (id uuid, verb text, target_id uuid, state text, asked_by uuid,
                                        created_at timestamptz, ended_at timestamptz, body jsonb)
on conflict (id) do update
   set round = excluded.round, verb = excluded.verb, target_id = excluded.target_id, state = excluded.state,
       asked_by = excluded.asked_by, ended_at = excluded.ended_at, body = excluded.body
 where t.module_id = excluded.module_id;

-- name: mirror_put_seat(module_id, round, objects)
insert into mirror_seat as t (id, module_id, round, person_id, pool_id, released, generation)
select o.id, $1::uuid, $2::bigint, o.person_id, o.pool_id, o.released, o.generation
  from jsonb_to_recordset($3::jsonb) o (id uuid, person_id uuid, pool_id uuid, released boolean, generation bigint)
on conflict (module_id, id) do update
   set round = excluded.round, released = excluded.released, generation = excluded.generation;

-- name: mirror_put_pool_io(module_id, round, objects)
insert into mirror_pool_io as t (pool_id, module_id, round, per_job, per_start, samples, source, start_samples, start_source)
select o.id, $1::uuid, $2::bigint, o.per_job, o.per_start, o.samples, o.source, o.start_samples, o.start_source
  from jsonb_to_recordset($3::jsonb) o (id uuid, per_job bigint, per_start bigint, samples bigint, source text,
                                        start_samples bigint, start_source text)
on conflict (module_id, pool_id) do update
   set round = excluded.round, per_job = excluded.per_job, per_start = excluded.per_start, samples = excluded.samples,
       source = excluded.source, start_samples = excluded.start_samples, start_source = excluded.start_source;
-- name: mirror_put_share(module_id, round, objects)
insert into mirror_share as t (id, module_id, round, generation)
select o.id, $1::uuid, $2::bigint, o.generation from jsonb_to_recordset($3::jsonb) o (id uuid, generation bigint)
on conflict (module_id, id) do update set round = excluded.round, generation = excluded.generation;
-- name: mirror_put_pool(module_id, round, objects)
insert into mirror_pool as t (id, module_id, round, share, desktops, body)
select o.id, $1::uuid, $2::bigint, o.share, o.desktops, o.body
  from jsonb_to_recordset($3::jsonb) o (id uuid, share integer, desktops integer, body jsonb)
on conflict (module_id, id) do update
   set round = excluded.round, share = excluded.share, desktops = excluded.desktops, body = excluded.body;

-- name: mirror_put_audit(module_id, objects)
insert into audit (id, at, actor_id, actor_name, action, target_kind, target_id, target_name, result, trace_id, origin, detail)
select o.id, o.at, o.actor_id, o.actor_name, o.action, o.target_kind, o.target_id, o.target_name, o.result,
       coalesce(o.trace_id, ''), 'bcenter/' || m.name, o.detail
  from jsonb_to_recordset($2::jsonb) o (id uuid, at timestamptz, actor_id uuid, actor_name text, action text, target_kind text,
                                        target_id uuid, target_name text, result text, trace_id text, detail text)
  join module m on m.id = $1::uuid
on conflict (id) do nothing;

-- name: mirror_del_bserver(module_id, ids)
delete from mirror_bserver where module_id = $1::uuid and id = any ($2::uuid[]);
-- name: mirror_del_vf(module_id, ids)
delete from mirror_vf where module_id = $1::uuid and id = any ($2::uuid[]);
-- name: mirror_del_desktop(module_id, ids)
delete from mirror_desktop where module_id = $1::uuid and id = any ($2::uuid[]);
-- name: mirror_del_operation(module_id, ids)
delete from mirror_operation where module_id = $1::uuid and id = any ($2::uuid[]);
-- name: mirror_del_seat(module_id, ids)
delete from mirror_seat where module_id = $1::uuid and id = any ($2::uuid[]);
-- name: mirror_del_pool_io(module_id, ids)
delete from mirror_pool_io where module_id = $1::uuid and pool_id = any ($2::uuid[]);
-- name: mirror_del_share(module_id, ids)
delete from mirror_share where module_id = $1::uuid and id = any ($2::uuid[]);
-- name: mirror_del_pool(module_id, ids)
delete from mirror_pool where module_id = $1::uuid and id = any ($2::uuid[]);

-- The end of a snapshot: what it did not name goes. Audit rows never go.

-- name: mirror_sweep_bserver(module_id, round)
delete from mirror_bserver where module_id = $1::uuid and round < $2::bigint;
-- name: mirror_sweep_vf(module_id, round)
delete from mirror_vf where module_id = $1::uuid and round < $2::bigint;
-- name: mirror_sweep_desktop(module_id, round)
delete from mirror_desktop where module_id = $1::uuid and round < $2::bigint;
-- name: mirror_sweep_operation(module_id, round)
delete from mirror_operation where module_id = $1::uuid and round < $2::bigint;
-- name: mirror_sweep_seat(module_id, round)
delete from mirror_seat where module_id = $1::uuid and round < $2::bigint;
-- name: mirror_sweep_pool_io(module_id, round)
delete from mirror_pool_io where module_id = $1::uuid and round < $2::bigint;
-- name: mirror_sweep_share(module_id, round)
delete from mirror_share where module_id = $1::uuid and round < $2::bigint;
-- name: mirror_sweep_pool(module_id, round)
delete from mirror_pool where module_id = $1::uuid and round < $2::bigint;

-- Sessions that the desktops of this module show, and those they no longer show (10 s for one just opened).
-- name: mirror_sessions_open(module_id)
insert into connection (id, desktop_id, person_id, module_id, since)
select d.session_id, d.id, d.person_id, d.module_id,
       coalesce((d.body -> 'session' ->> 'since')::timestamptz, now())
  from mirror_desktop d
 where d.module_id = $1::uuid and d.session_id is not null and d.person_id is not null
   and not exists (select from connection c where c.id = d.session_id and c.ended_at is null)
on conflict (id) do update set ended_at = null where connection.ended_at is not null;

-- name: mirror_sessions_end(module_id)
update connection c set ended_at = now()
 where c.module_id = $1::uuid and c.ended_at is null and c.since < now() - interval '10 s'
   and not exists (select from mirror_desktop d where d.id = c.desktop_id and d.session_id = c.id);

-- Our orders that the module has ended.
-- name: mirror_orders_end(module_id)
update operation o set ended_state = m.state, ended_at = coalesce(m.ended_at, now())
  from mirror_operation m
 where m.id = o.id and o.module_id = $1::uuid and m.module_id = $1::uuid and o.ended_at is null
   and m.state in ('succeeded', 'failed', 'cancelled');

-- An operation that a call has just told of, before the mirror does.
-- name: mirror_foresee(module_id, objects)
insert into mirror_operation (id, module_id, round, verb, target_id, state, asked_by, created_at, ended_at, body)
select o.id, $1::uuid, coalesce((select round from mirror_cursor where module_id = $1::uuid), 0), o.verb, o.target_id,
       o.state, o.asked_by, coalesce(o.created_at, now()), o.ended_at, o.body
  from jsonb_to_recordset($2::jsonb) o (id uuid, verb text, target_id uuid, state text, asked_by uuid,
                                        created_at timestamptz, ended_at timestamptz, body jsonb)
on conflict (id) do nothing;
