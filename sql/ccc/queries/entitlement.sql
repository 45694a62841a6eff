-- Entitlements.
-- name: entitlement_list_created(limit, after, after_id)
select id, rfc3339(created_at) as sort, body from api_entitlement
 where ($2::timestamptz is null or (created_at, id) > ($2::timestamptz, $3::uuid))
 order by created_at, id limit $1::integer;

-- name: entitlement_list_created_down(limit, after, after_id)
select id, rfc3339(created_at) as sort, body from api_entitlement
 where ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
 order by created_at desc, id desc limit $1::integer;

-- name: entitlement_get(id)
select id, ''::text as name, generation, body from api_entitlement where id = $1::uuid;

-- name: entitlement_add(id, body)
insert into entitlement (id, pool_id, person_id, group_id)
values ($1::uuid, ($2::jsonb ->> 'pool_id')::uuid, ($2::jsonb ->> 'user_id')::uuid, ($2::jsonb ->> 'group_id')::uuid);

-- name: entitlement_remove(id, generation)
delete from entitlement where id = $1::uuid and generation = $2::bigint;

-- name: entitlement_missing(body)
select case
    when not exists (select from pool where id = ($1::jsonb ->> 'pool_id')::uuid) then '/pool_id'
    when $1::jsonb ->> 'user_id' is not null and not exists (select from person where id = ($1::jsonb ->> 'user_id')::uuid)
        then '/user_id'
    when $1::jsonb ->> 'group_id' is not null
         and not exists (select from person_group where id = ($1::jsonb ->> 'group_id')::uuid) then '/group_id'
    end as pointer;
