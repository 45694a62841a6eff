-- What the module holds in memory: read at the start, and row by row after a conflict.

-- name: leader_read()
select epoch, holder, extract(epoch from now() - renewed_at) * 1000 >= 9000 or holder is null as stale from leader;

-- name: leader_take(holder, epoch)
update leader set epoch = epoch + 1, holder = $1::uuid, renewed_at = now() where epoch = $2::bigint returning epoch;

-- name: leader_hold(epoch)
select epoch from leader where epoch = $1::bigint for share;

-- name: leader_renew(epoch)
update leader set renewed_at = now() where epoch = $1::bigint;

-- name: ticket_key_add(kid, public_key, epoch)
with lead as (select from leader where epoch = $3::bigint for share),
     old as (update ticket_key set retired_at = now() where retired_at is null and exists (select from lead))
insert into ticket_key (kid, public_key) select $1::uuid, $2::text from lead;

-- name: ticket_key_old()
select kid, public_key from ticket_key where retired_at is null or retired_at > now() - interval '2 min';

-- name: bserver_all()
select id, name, maintenance, member, boot, memory_limit_mib, memory_used_mib, store_limit_gib, store_used_gib, body::text as body
from bserver;

-- name: bserver_one(id)
select id, name, maintenance, member, boot, memory_limit_mib, memory_used_mib, store_limit_gib, store_used_gib, body::text as body
from bserver where id = $1::uuid;

-- name: slot_all()
select bserver_id, no, lane, desktop_id from slot order by bserver_id, no;

-- name: slot_of(bserver)
select bserver_id, no, lane, desktop_id from slot where bserver_id = $1::uuid order by no;

-- name: vf_all()
select id, bserver_id, pf, address, index, mac, vlan, state, desktop_id, run_id, check_id, reason,
       trunc(extract(epoch from since) * 1000)::bigint as since_ms from vf;

-- name: vf_of(bserver)
select id, bserver_id, pf, address, index, mac, vlan, state, desktop_id, run_id, check_id, reason,
       trunc(extract(epoch from since) * 1000)::bigint as since_ms from vf where bserver_id = $1::uuid;

-- name: desktop_all()
select id, name, pool_id, floating, bserver_id, person_id, trunc(extract(epoch from assigned_at) * 1000)::bigint as assigned_ms,
       mac::text as mac, user_net, spec::text as spec, image::text as image, memory_mib, store_gib, overlay_id, placement_id, run_id, run_boot,
       stop_how, seq, deleting, generation, trunc(extract(epoch from created_at) * 1000)::bigint as created_ms,
       (select u.person_id from overlay_use u where u.overlay_id = desktop.overlay_id) as used_by
from desktop;

-- name: desktop_one(id)
select id, name, pool_id, floating, bserver_id, person_id, trunc(extract(epoch from assigned_at) * 1000)::bigint as assigned_ms,
       mac::text as mac, user_net, spec::text as spec, image::text as image, memory_mib, store_gib, overlay_id, placement_id, run_id, run_boot,
       stop_how, seq, deleting, generation, trunc(extract(epoch from created_at) * 1000)::bigint as created_ms,
       (select u.person_id from overlay_use u where u.overlay_id = desktop.overlay_id) as used_by
from desktop where id = $1::uuid;

-- name: desktop_on(bserver)
select id, name, pool_id, floating, bserver_id, person_id, trunc(extract(epoch from assigned_at) * 1000)::bigint as assigned_ms,
       mac::text as mac, user_net, spec::text as spec, image::text as image, memory_mib, store_gib, overlay_id, placement_id, run_id, run_boot,
       stop_how, seq, deleting, generation, trunc(extract(epoch from created_at) * 1000)::bigint as created_ms,
       (select u.person_id from overlay_use u where u.overlay_id = desktop.overlay_id) as used_by
from desktop where bserver_id = $1::uuid;

-- What is on its way to it, from a connection that broke, fails from now on: its generation is another.
-- name: desktop_fence(id, epoch)
update desktop set generation = generation + 1 where id = $1::uuid and exists (select from leader where epoch = $2::bigint for share);

-- name: desktop_held(pool, person)
select id from desktop where pool_id = $1::uuid and person_id = $2::uuid;

-- name: session_all()
select id, desktop_id, person_id, run_id, seq, encode(resume_hash, 'hex') as resume_hash,
       trunc(extract(epoch from since) * 1000)::bigint as since_ms
from session where ended_at is null;

-- name: session_one(desktop)
select id, desktop_id, person_id, run_id, seq, encode(resume_hash, 'hex') as resume_hash,
       trunc(extract(epoch from since) * 1000)::bigint as since_ms
from session where ended_at is null and desktop_id = $1::uuid;

-- name: session_state(id)
select id, desktop_id, person_id, ended_at is null as live, trunc(extract(epoch from since) * 1000)::bigint as since_ms
from session where id = $1::uuid;

-- name: seat_all()
select person_id, pool_id, released, generation, turn from seat;

-- name: resume_key()
select encode(key, 'hex') as key from resume_key;

-- name: operation_all()
select id, verb, target_kind, target_id, asked_by, asked_name, state, stage, run_id, seq, error::text as error,
       trunc(extract(epoch from created_at) * 1000)::bigint as created_ms,
       trunc(extract(epoch from started_at) * 1000)::bigint as started_ms,
       trunc(extract(epoch from ended_at) * 1000)::bigint as ended_ms,
       trunc(extract(epoch from deadline) * 1000)::bigint as deadline_ms
from operation;

-- name: operation_of(target)
select id, verb, target_kind, target_id, asked_by, asked_name, state, stage, run_id, seq, error::text as error,
       trunc(extract(epoch from created_at) * 1000)::bigint as created_ms,
       trunc(extract(epoch from started_at) * 1000)::bigint as started_ms,
       trunc(extract(epoch from ended_at) * 1000)::bigint as ended_ms,
       trunc(extract(epoch from deadline) * 1000)::bigint as deadline_ms
from operation where target_id = $1::uuid and (ended_at is null or ended_at > now() - interval '10 min');

-- name: operation_one(id)
select id, verb, target_kind, target_id, asked_by, asked_name, state, stage, run_id, seq, error::text as error,
       trunc(extract(epoch from created_at) * 1000)::bigint as created_ms,
       trunc(extract(epoch from started_at) * 1000)::bigint as started_ms,
       trunc(extract(epoch from ended_at) * 1000)::bigint as ended_ms,
       trunc(extract(epoch from deadline) * 1000)::bigint as deadline_ms
from operation where id = $1::uuid;

-- name: bserver_heard(id, name, boot, cores, memory_limit_mib, store_limit_gib, body, epoch)
insert into bserver (id, name, boot, cores, memory_limit_mib, store_limit_gib, body)
select $1::uuid, $2::text, $3::text, $4::integer, $5::bigint, $6::bigint, $7::jsonb from leader where epoch = $8::bigint for share
on conflict (id) do update set name = excluded.name, boot = excluded.boot, body = excluded.body, heard_at = now(),
    cores = excluded.cores, member = true,
    memory_limit_mib = greatest(excluded.memory_limit_mib, bserver.memory_used_mib),
    store_limit_gib = case when excluded.store_limit_gib is not null
                           then greatest(excluded.store_limit_gib, bserver.store_used_gib) end;

-- name: bserver_maintain(id, maintenance, epoch)
update bserver set maintenance = $2::boolean where id = $1::uuid and exists (select from leader where epoch = $3::bigint for share);

-- The CCC has deleted its node: it makes room for another. What it holds stays until its desktops are gone.
-- name: bserver_leave(id, epoch)
update bserver set member = false
 where id = $1::uuid and member and exists (select from leader where epoch = $2::bigint for share);

-- name: lane_make(bserver, lanes, epoch)
insert into lane (bserver_id, no)
select $1::uuid, n from generate_series(0, $2::integer - 1) n
where exists (select from leader where epoch = $3::bigint for share)
on conflict (bserver_id, no) do nothing;

-- name: slot_make(bserver, count, lanes, epoch)
insert into slot (bserver_id, no, lane)
select $1::uuid, n, n % $3::integer from generate_series(0, $2::integer - 1) n
where exists (select from leader where epoch = $4::bigint for share)
on conflict (bserver_id, no) do nothing;

-- name: slot_trim(bserver, count, epoch)
delete from slot where bserver_id = $1::uuid and no >= $2::integer and desktop_id is null
    and exists (select from leader where epoch = $3::bigint for share);

-- What a host's agent names now, and what it no longer names: all of them at once.
-- name: vf_heard(bserver, list, epoch)
insert into vf (id, bserver_id, pf, address, index)
select v.id, $1::uuid, v.pf, v.address, v.index from leader, jsonb_to_recordset($2::jsonb) v(id uuid, pf text, address text, index integer)
where epoch = $3::bigint for share of leader
on conflict (id) do update set pf = excluded.pf, index = excluded.index,
    state = case when vf.state <> 'lost' then vf.state when vf.desktop_id is null then 'quarantine' else 'assigned' end,
    check_id = case when vf.state = 'lost' and vf.desktop_id is null then gen_random_uuid() else vf.check_id end,
    reason = case when vf.state <> 'lost' then vf.reason when vf.desktop_id is null then 'returned' end,
    since = case when vf.state = 'lost' then now() else vf.since end;

-- name: vf_lost(bserver, list, epoch)
update vf set state = 'lost', reason = 'vanished', since = now()
 where bserver_id = $1::uuid and id in (select jsonb_array_elements_text($2::jsonb)::uuid) and state <> 'lost'
    and exists (select from leader where epoch = $3::bigint for share);

-- Compare-and-set by the question that was answered.
-- name: vf_clean(id, check, epoch)
update vf set state = 'free', verified = $2::uuid, check_id = null, mac = null, reason = null, since = now()
 where id = $1::uuid and state = 'quarantine' and check_id = $2::uuid
    and exists (select from leader where epoch = $3::bigint for share);

-- Somebody uses it who must not: nobody gets it before a new question is answered.
-- name: vf_suspect(id, check, reason, epoch)
update vf set state = 'quarantine', check_id = $2::uuid, reason = $3::text, since = now()
 where id = $1::uuid and state = 'free' and exists (select from leader where epoch = $4::bigint for share);

-- name: vf_forget(id, epoch)
delete from vf where id = $1::uuid and state = 'lost' and desktop_id is null
    and exists (select from leader where epoch = $2::bigint for share);

-- name: desktop_make(id, name, pool, floating, bserver, slot, vf, mac, user_net, spec, image, memory_mib, store_gib, overlay, placement, lane, inputs, epoch)
with lead as (select from leader where epoch = $18::bigint for share),
host as (update bserver set memory_used_mib = memory_used_mib + $12::bigint, store_used_gib = store_used_gib + $13::bigint
         where id = $5::uuid and not maintenance and exists (select from lead)
           and exists (select from slot where bserver_id = $5::uuid and no = $6::integer and desktop_id is null)
           and ($7::uuid is null or exists (select from vf where id = $7::uuid and bserver_id = $5::uuid and state = 'free'))
         returning id),
made as (insert into desktop (id, name, pool_id, floating, bserver_id, mac, user_net, spec, image, memory_mib, store_gib, overlay_id,
                              placement_id)
         select $1::uuid, $2::text, $3::uuid, $4::boolean, $5::uuid, $8::macaddr, $9::boolean, $10::jsonb, $11::jsonb,
                $12::bigint, $13::bigint, $14::uuid, $15::uuid from host returning id),
seat as (update slot set desktop_id = $1::uuid where bserver_id = $5::uuid and no = $6::integer and desktop_id is null
         and exists (select from made) returning no),
fn as (update vf set desktop_id = $1::uuid, state = 'assigned', mac = $8::text, reason = null, since = now()
       where id = $7::uuid and state = 'free' and exists (select from made) returning id),
why as (insert into placement (id, desktop_id, bserver_id, lane, inputs)
        select $15::uuid, $1::uuid, $5::uuid, $16::integer, decode($17::text, 'hex') from made)
select (select count(*) from lead) as lead, (select count(*) from made) as made, (select count(*) from seat) as slots,
       (select count(*) from fn) as vfs;

-- What it held is given back by owner and run: nothing is done when its VF has another run than the one named.
-- name: desktop_forget(id, generation, vf_run, check, epoch)
with lead as (select from leader where epoch = $5::bigint for share),
gone as (delete from desktop where id = $1::uuid and generation = $2::bigint and deleting and exists (select from lead)
             and not exists (select from vf where desktop_id = $1::uuid and run_id is distinct from $3::uuid)
         returning id, bserver_id, memory_mib, store_gib),
s as (update slot set desktop_id = null from gone where desktop_id = gone.id),
v as (update vf set desktop_id = null, run_id = null, check_id = $4::uuid, since = now(),
             state = case state when 'lost' then 'lost' else 'quarantine' end,
             reason = case state when 'lost' then 'vanished' else 'released' end
      from gone where desktop_id = gone.id and run_id is not distinct from $3::uuid),
b as (update bserver set memory_used_mib = memory_used_mib - gone.memory_mib, store_used_gib = store_used_gib - gone.store_gib
      from gone where bserver.id = gone.bserver_id)
select (select count(*) from lead) as lead, (select count(*) from gone) as done;

-- An order has its effect once: its row must not have ended, and must still be queued when it begins.
-- name: desktop_write(id, generation, epoch, person, run, run_boot, stop_how, overlay, image, seq, deleting, session, end_reason, op, op_state, op_stage, op_error, actor, actor_name, action, trace, detail, result)
with lead as (select from leader where epoch = $3::bigint for share),
d as (update desktop set person_id = $4::uuid,
             assigned_at = case when $4::uuid is null then null when person_id is not distinct from $4::uuid then assigned_at else now() end,
             run_id = $5::uuid, run_boot = $6::text, stop_how = $7::text, overlay_id = $8::uuid, image = $9::jsonb,
             seq = $10::bigint, deleting = $11::boolean, generation = generation + 1
      where id = $1::uuid and generation = $2::bigint and exists (select from lead)
        and ($14::uuid is null or exists (select from operation p where p.id = $14::uuid and p.ended_at is null
                                          and ($15::text <> 'running' or p.state = 'queued'))) returning id, pool_id),
s as (update session set ended_at = now(), end_reason = $13::text
      where id = $12::uuid and ended_at is null and exists (select from d)),
o as (update operation set state = $15::text, stage = $16::text, error = $17::jsonb, run_id = coalesce($5::uuid, run_id),
             started_at = coalesce(started_at, now()),
             ended_at = case when $15::text in ('succeeded', 'failed', 'cancelled') then now() end
      where id = $14::uuid and ended_at is null and exists (select from d)),
st as (insert into seat (person_id, pool_id, released) select $4::uuid, pool_id, false from d where $4::uuid is not null
       on conflict (person_id, pool_id) do update set released = false, generation = seat.generation + 1 where seat.released),
a as (insert into audit (actor_id, actor_name, action, target_kind, target_id, trace_id, detail, result)
      select $18::uuid, $19::text, $20::text, 'desktop', $1::uuid, $21::text, $22::text, coalesce($23::text, 'ok') from d
      where $20::text is not null)
select (select count(*) from lead) as lead, (select count(*) from d) as done;

-- name: operation_add(id, verb, target_kind, target_id, asked_by, asked_name, created_ms, deadline_ms, state, stage, epoch)
insert into operation (id, verb, target_kind, target_id, asked_by, asked_name, created_at, deadline, state, stage)
select $1::uuid, $2::text, $3::text, $4::uuid, $5::uuid, $6::text, to_timestamp($7::bigint / 1000.0),
       to_timestamp($8::bigint / 1000.0), $9::text, $10::text from leader where epoch = $11::bigint for share
on conflict (id) do nothing;

-- name: operation_end(id, state, stage, error, epoch)
update operation set state = $2::text, stage = $3::text, error = $4::jsonb, started_at = coalesce(started_at, now()), ended_at = now()
where id = $1::uuid and ended_at is null and exists (select from leader where epoch = $5::bigint for share);

-- name: purge_sessions()
delete from session where ended_at < now() - interval '90 days';

-- name: purge_overlays()
delete from overlay_use u where at < now() - interval '90 days' and not exists (select from desktop d where d.overlay_id = u.overlay_id)
    and not exists (select from session s where s.overlay_id = u.overlay_id);

-- name: purge_operations()
-- An order that the CCC still names must be known here for as long: it is never carried out twice.
delete from operation o where ended_at < now() - interval '2 hours'
    and not exists (select from replica r where r.kind = 'operation' and r.id = o.id);

-- name: purge_placements()
select placement_days();

-- name: placement_one(id)
select id, trunc(extract(epoch from at) * 1000)::bigint as at_ms, desktop_id, bserver_id, lane, encode(inputs, 'hex') as inputs
from placement where id = $1::uuid;

-- name: purge_keys()
delete from ticket_key where retired_at < now() - interval '1 day';
