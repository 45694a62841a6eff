-- Orders of the CCC and what became of them. What belongs to an order for many is listed under it, or by its target.
-- name: operation_list_created(limit, after, after_id, state, asked_by, target_id, ended_since)
select id, rfc3339(created_at) as sort, body from api_operation
 where ($2::timestamptz is null or (created_at, id) > ($2::timestamptz, $3::uuid))
   and ($4::text is null or state = $4::text)
   and ($5::uuid is null or asked_by = $5::uuid)
   and case when $6::uuid is null then not exists (select from operation_child k where k.operation_id = id and k.own)
            else target_id = $6::uuid end
   and ($7::timestamptz is null or (body ->> 'ended_at')::timestamptz >= $7::timestamptz)
 order by created_at, id limit $1::integer;

-- name: operation_list_created_down(limit, after, after_id, state, asked_by, target_id, ended_since)
select id, rfc3339(created_at) as sort, body from api_operation
 where ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
   and ($4::text is null or state = $4::text)
   and ($5::uuid is null or asked_by = $5::uuid)
   and case when $6::uuid is null then not exists (select from operation_child k where k.operation_id = id and k.own)
            else target_id = $6::uuid end
   and ($7::timestamptz is null or (body ->> 'ended_at')::timestamptz >= $7::timestamptz)
 order by created_at desc, id desc limit $1::integer;

-- name: operation_get(id)
select id, verb, state, asked_by, target_id, body from api_operation where id = $1::uuid;

-- name: operation_open(target_id, verb)
select id from operation where target_id = $1::uuid and verb = $2::text and ended_at is null;

-- name: operation_add(id, verb, module_id, target_kind, target_id, target_name, asked_by, asked_by_name, seconds)
insert into operation (id, verb, module_id, target_kind, target_id, target_name, asked_by, asked_by_name, deadline)
values ($1::uuid, $2::text, $3::uuid, $4::text, $5::uuid, $6::text, $7::uuid, $8::text,
        now() + make_interval(secs => $9::integer));

-- Already there: an order that is done when it is given.
-- name: operation_add_done(id, verb, module_id, target_kind, target_id, target_name, asked_by, asked_by_name)
insert into operation (id, verb, module_id, target_kind, target_id, target_name, asked_by, asked_by_name, deadline,
                       ended_state, ended_at, withdrawn)
values ($1::uuid, $2::text, $3::uuid, $4::text, $5::uuid, $6::text, $7::uuid, $8::text, now(), 'succeeded', now(), true);

-- name: operation_cancel(id)
update operation set cancel = true where id = $1::uuid and ended_at is null;

-- name: operation_owned(id)
select target_kind, target_name, verb from operation where id = $1::uuid
union all
select 'desktops', '', verb from operation_bulk where id = $1::uuid;

-- What the order for many has given itself and is not over.
-- name: operation_bulk_cancel(id)
update operation o set cancel = true
  from operation_child k
 where k.bulk_id = $1::uuid and k.own and o.id = k.operation_id and o.ended_at is null;

-- One order for many: parent, children and traces at once. items: [{no, id, target_id, target_name, module_id, outcome, slug}].
-- name: operation_bulk_add(id, verb, asked_by, asked_by_name, items, seconds, trace_id, origin)
with item as materialized (
    select * from jsonb_to_recordset($5::jsonb) i (no integer, id uuid, target_id uuid, target_name text, module_id uuid,
                                                   outcome text, slug text)),
parent as (
    insert into operation_bulk (id, verb, asked_by, asked_by_name, deadline, total, already, refused)
    select $1::uuid, $2::text, $3::uuid, $4::text, now() + make_interval(secs => $6::integer), count(*),
           count(*) filter (where outcome = 'already'), count(*) filter (where outcome = 'refused') from item),
given as (
    insert into operation (id, verb, module_id, target_kind, target_id, target_name, asked_by, asked_by_name, deadline,
                           ended_state, ended_at, ended_slug, withdrawn)
    select i.id, $2::text, i.module_id, 'desktop', i.target_id, i.target_name, $3::uuid, $4::text,
           case when i.outcome = 'will' then now() + make_interval(secs => $6::integer) else now() end,
           case i.outcome when 'already' then 'succeeded' when 'refused' then 'failed' end,
           case when i.outcome <> 'will' then now() end, i.slug, i.outcome <> 'will'
      from item i where i.outcome <> 'open'),
child as (
    insert into operation_child (bulk_id, no, operation_id, own)
    select $1::uuid, i.no, i.id, i.outcome <> 'open' from item i)
insert into audit (actor_id, actor_name, action, target_kind, target_id, target_name, result, trace_id, origin, detail)
select $3::uuid, $4::text, 'desktop.' || $2::text, 'desktop', i.target_id, i.target_name, coalesce(i.slug, 'ok'), $7::text,
       $8::text, 'operation ' || $1::text
  from item i where i.outcome <> 'open';

-- name: operation_bulk_owner(id)
select asked_by from operation_bulk where id = $1::uuid;

-- name: operation_children(limit, after, after_id, bulk_id, state)
select v.id, k.no::text as sort, v.body
  from operation_child k join api_operation v on v.id = k.operation_id
 where k.bulk_id = $4::uuid and ($2::integer is null or k.no > $2::integer)
   and ($5::text is null or v.state = $5::text) and ($3::uuid is null or true)
 order by k.no limit $1::integer;

-- name: operation_children_down(limit, after, after_id, bulk_id, state)
select v.id, k.no::text as sort, v.body
  from operation_child k join api_operation v on v.id = k.operation_id
 where k.bulk_id = $4::uuid and ($2::integer is null or k.no < $2::integer)
   and ($5::text is null or v.state = $5::text) and ($3::uuid is null or true)
 order by k.no desc limit $1::integer;

-- A minute past the deadline without a word from the module: ended here, so that nothing stays open for ever.
-- name: operation_expire()
update operation set ended_state = case when cancel then 'cancelled' else 'failed' end, ended_at = now(),
       ended_slug = case when cancel then 'cancelled' else 'deadline-passed' end
 where ended_at is null and deadline < now() - interval '1 minute';

-- name: operation_withdraw()
update operation set withdrawn = true where ended_at < now() - interval '1 hour' and not withdrawn;

-- name: operation_forget()
delete from operation where withdrawn and ended_at < now() - interval '30 days';

-- name: operation_bulk_forget()
delete from operation_bulk b where created_at < now() - interval '30 days'
   and not exists (select from operation_child k where k.bulk_id = b.id);

-- What a connect that succeeded asked for: the person connects again for a fresh ticket.
-- name: operation_connect(id, person_id)
select m.module_id from mirror_operation m
 where m.id = $1::uuid and m.verb = 'connect' and m.state = 'succeeded' and m.asked_by = $2::uuid;
