-- Desktops, from the mirror. Which ones and in which order is found by desktop_find (0017), the page is made of its ids.
-- name: desktop_list_name(limit, after, after_id, state, pool_id, person_id, bserver_id, module_id, q)
select v.id, v.name as sort, v.body
  from unnest(desktop_find($1::integer, 'name', false, $2::text, $3::uuid, $4::text, $5::uuid, $6::uuid, $7::uuid, $8::uuid,
                           $9::text)) with ordinality t (id, no)
  join api_desktop v on v.id = t.id order by t.no;

-- name: desktop_list_name_down(limit, after, after_id, state, pool_id, person_id, bserver_id, module_id, q)
select v.id, v.name as sort, v.body
  from unnest(desktop_find($1::integer, 'name', true, $2::text, $3::uuid, $4::text, $5::uuid, $6::uuid, $7::uuid, $8::uuid,
                           $9::text)) with ordinality t (id, no)
  join api_desktop v on v.id = t.id order by t.no;

-- name: desktop_list_created(limit, after, after_id, state, pool_id, person_id, bserver_id, module_id, q)
select v.id, rfc3339(v.created_at) as sort, v.body
  from unnest(desktop_find($1::integer, 'created_at', false, $2::text, $3::uuid, $4::text, $5::uuid, $6::uuid, $7::uuid, $8::uuid,
                           $9::text)) with ordinality t (id, no)
  join api_desktop v on v.id = t.id order by t.no;

-- name: desktop_list_created_down(limit, after, after_id, state, pool_id, person_id, bserver_id, module_id, q)
select v.id, rfc3339(v.created_at) as sort, v.body
  from unnest(desktop_find($1::integer, 'created_at', true, $2::text, $3::uuid, $4::text, $5::uuid, $6::uuid, $7::uuid, $8::uuid,
                           $9::text)) with ordinality t (id, no)
  join api_desktop v on v.id = t.id order by t.no;

-- name: desktop_total(state, pool_id, person_id, bserver_id, module_id, q)
select desktop_total(10000, $1::text, $2::uuid, $3::uuid, $4::uuid, $5::uuid, $6::text) as total;

-- name: desktop_get(id)
select id, name, state, person_id, body from api_desktop where id = $1::uuid;

-- For orders: what the module says, whether it is heard of.
-- name: desktop_order_facts(id)
select d.id, d.module_id, d.name, case when u.up then d.state else 'unknown' end as state, d.person_id, d.body ->> 'power_wanted' as power_wanted
  from mirror_desktop d join module_up u on u.id = d.module_id where d.id = $1::uuid;

-- name: bserver_order_facts(id)
select id, module_id, name, state from api_bserver where id = $1::uuid;

-- The same for many, one more than are allowed, by name.
-- name: desktop_find_many(limit, state, pool_id, person_id, bserver_id, module_id, q)
select desktop_find($1::integer, 'name', false, null, null, $2::text, $3::uuid, $4::uuid, $5::uuid, $6::uuid, $7::text)::text as ids;

-- name: desktop_many_facts(ids, verb)
select t.no - 1 as no, t.id, d.name, d.module_id, case when u.up then d.state else 'unknown' end as state, d.person_id,
       o.id as open_id
  from unnest($1::uuid[]) with ordinality t (id, no)
  left join mirror_desktop d on d.id = t.id
  left join module_up u on u.id = d.module_id
  left join operation o on o.target_id = t.id and o.verb = $2::text and o.ended_at is null
 order by t.no;
