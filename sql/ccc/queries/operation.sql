-- Orders of the CCC and what became of them.
-- name: operation_list_created(limit, after, after_id, state, asked_by, target_id, ended_since)
select id, rfc3339(created_at) as sort, body from api_operation
 where ($2::timestamptz is null or (created_at, id) > ($2::timestamptz, $3::uuid))
   and ($4::text is null or state = $4::text)
   and ($5::uuid is null or asked_by = $5::uuid)
   and ($6::uuid is null or target_id = $6::uuid)
   and ($7::timestamptz is null or (body ->> 'ended_at')::timestamptz >= $7::timestamptz)
 order by created_at, id limit $1::integer;

-- name: operation_list_created_down(limit, after, after_id, state, asked_by, target_id, ended_since)
select id, rfc3339(created_at) as sort, body from api_operation
 where ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
   and ($4::text is null or state = $4::text)
   and ($5::uuid is null or asked_by = $5::uuid)
   and ($6::uuid is null or target_id = $6::uuid)
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
select target_kind, target_name, verb from operation where id = $1::uuid;

-- A minute past the deadline without a word from the module: ended here, so that nothing stays open for ever.
-- name: operation_expire()
update operation set ended_state = case when cancel then 'cancelled' else 'failed' end, ended_at = now(),
       ended_slug = case when cancel then 'cancelled' else 'deadline-passed' end
 where ended_at is null and deadline < now() - interval '1 minute';

-- name: operation_withdraw()
update operation set withdrawn = true where ended_at < now() - interval '1 hour' and not withdrawn;

-- name: operation_forget()
delete from operation where withdrawn and ended_at < now() - interval '30 days';

-- What a connect that succeeded asked for: the person connects again for a fresh ticket.
-- name: operation_connect(id, person_id)
select m.module_id from mirror_operation m
 where m.id = $1::uuid and m.verb = 'connect' and m.state = 'succeeded' and m.asked_by = $2::uuid;
