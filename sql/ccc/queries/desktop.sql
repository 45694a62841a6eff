-- Desktops, from the mirror.
-- name: desktop_list_name(limit, after, after_id, state, pool_id, person_id, bserver_id, module_id, q)
select id, name as sort, body from api_desktop
 where ($2::text is null or (name, id) > ($2::text, $3::uuid))
   and ($4::text is null or state = $4::text)
   and ($5::uuid is null or pool_id = $5::uuid)
   and ($6::uuid is null or person_id = $6::uuid)
   and ($7::uuid is null or bserver_id = $7::uuid)
   and ($8::uuid is null or module_id = $8::uuid)
   and ($9::text is null or position(lower($9::text) in lower(name)) > 0
        or position(lower($9::text) in lower(body ->> 'username')) > 0)
 order by name, id limit $1::integer;

-- name: desktop_list_name_down(limit, after, after_id, state, pool_id, person_id, bserver_id, module_id, q)
select id, name as sort, body from api_desktop
 where ($2::text is null or (name, id) < ($2::text, $3::uuid))
   and ($4::text is null or state = $4::text)
   and ($5::uuid is null or pool_id = $5::uuid)
   and ($6::uuid is null or person_id = $6::uuid)
   and ($7::uuid is null or bserver_id = $7::uuid)
   and ($8::uuid is null or module_id = $8::uuid)
   and ($9::text is null or position(lower($9::text) in lower(name)) > 0
        or position(lower($9::text) in lower(body ->> 'username')) > 0)
 order by name desc, id desc limit $1::integer;

-- name: desktop_list_created(limit, after, after_id, state, pool_id, person_id, bserver_id, module_id, q)
select id, rfc3339(created_at) as sort, body from api_desktop
 where ($2::timestamptz is null or (created_at, id) > ($2::timestamptz, $3::uuid))
   and ($4::text is null or state = $4::text)
   and ($5::uuid is null or pool_id = $5::uuid)
   and ($6::uuid is null or person_id = $6::uuid)
   and ($7::uuid is null or bserver_id = $7::uuid)
   and ($8::uuid is null or module_id = $8::uuid)
   and ($9::text is null or position(lower($9::text) in lower(name)) > 0
        or position(lower($9::text) in lower(body ->> 'username')) > 0)
 order by created_at, id limit $1::integer;

-- name: desktop_list_created_down(limit, after, after_id, state, pool_id, person_id, bserver_id, module_id, q)
select id, rfc3339(created_at) as sort, body from api_desktop
 where ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
   and ($4::text is null or state = $4::text)
   and ($5::uuid is null or pool_id = $5::uuid)
   and ($6::uuid is null or person_id = $6::uuid)
   and ($7::uuid is null or bserver_id = $7::uuid)
   and ($8::uuid is null or module_id = $8::uuid)
   and ($9::text is null or position(lower($9::text) in lower(name)) > 0
        or position(lower($9::text) in lower(body ->> 'username')) > 0)
 order by created_at desc, id desc limit $1::integer;

-- name: desktop_get(id)
select id, name, state, person_id, body from api_desktop where id = $1::uuid;

-- For orders: what the module says, whether it is heard of.
-- name: desktop_order_facts(id)
select d.id, d.module_id, d.name, case when u.up then d.state else 'unknown' end as state, d.person_id, d.body ->> 'power_wanted' as power_wanted
  from mirror_desktop d join module_up u on u.id = d.module_id where d.id = $1::uuid;

-- name: bserver_order_facts(id)
select id, module_id, name, state from api_bserver where id = $1::uuid;
