-- Groups of people.
-- name: group_list_name(limit, after, after_id)
select id, name as sort, body from api_group
 where ($2::text is null or (name, id) > ($2::text, $3::uuid))
 order by name, id limit $1::integer;

-- name: group_list_name_down(limit, after, after_id)
select id, name as sort, body from api_group
 where ($2::text is null or (name, id) < ($2::text, $3::uuid))
 order by name desc, id desc limit $1::integer;

-- name: group_list_created(limit, after, after_id)
select id, rfc3339(created_at) as sort, body from api_group
 where ($2::timestamptz is null or (created_at, id) > ($2::timestamptz, $3::uuid))
 order by created_at, id limit $1::integer;

-- name: group_list_created_down(limit, after, after_id)
select id, rfc3339(created_at) as sort, body from api_group
 where ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
 order by created_at desc, id desc limit $1::integer;

-- name: group_get(id)
select id, name, generation, body from api_group where id = $1::uuid;

-- name: group_add(id, body)
insert into person_group (id, name, description)
values ($1::uuid, $2::jsonb ->> 'name', coalesce($2::jsonb ->> 'description', ''));

-- name: group_change(id, generation, patch)
update person_group
   set name = coalesce($3::jsonb ->> 'name', name),
       description = coalesce($3::jsonb ->> 'description', description), generation = generation + 1
 where id = $1::uuid and generation = $2::bigint;

-- name: group_remove(id, generation)
delete from person_group where id = $1::uuid and generation = $2::bigint;

-- name: group_uses(id)
select 'an entitlement to pool ' || p.name as what from entitlement e join pool p on p.id = e.pool_id
 where e.group_id = $1::uuid order by p.name limit 1;

-- name: member_add(group_id, person_id)
insert into member (group_id, person_id) values ($1::uuid, $2::uuid) on conflict do nothing;

-- name: member_remove(group_id, person_id)
delete from member where group_id = $1::uuid and person_id = $2::uuid;
