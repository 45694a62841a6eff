-- Pools, their shares, and pools as their people see them.
-- name: pool_list_name(limit, after, after_id)
select id, name as sort, body || api_pool_change(id) || pool_forecast(id) as body from api_pool
 where ($2::text is null or (name, id) > ($2::text, $3::uuid))
 order by name, id limit $1::integer;

-- name: pool_list_name_down(limit, after, after_id)
select id, name as sort, body || api_pool_change(id) || pool_forecast(id) as body from api_pool
 where ($2::text is null or (name, id) < ($2::text, $3::uuid))
 order by name desc, id desc limit $1::integer;

-- name: pool_list_created(limit, after, after_id)
select id, rfc3339(created_at) as sort, body || api_pool_change(id) || pool_forecast(id) as body from api_pool
 where ($2::timestamptz is null or (created_at, id) > ($2::timestamptz, $3::uuid))
 order by created_at, id limit $1::integer;

-- name: pool_list_created_down(limit, after, after_id)
select id, rfc3339(created_at) as sort, body || api_pool_change(id) || pool_forecast(id) as body from api_pool
 where ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
 order by created_at desc, id desc limit $1::integer;

-- name: my_pool_list_name(limit, after, after_id, person_id)
select id, name as sort, body from api_my_pool
 where ($2::text is null or (name, id) > ($2::text, $3::uuid))
   and person_id = $4::uuid
 order by name, id limit $1::integer;

-- name: my_pool_list_name_down(limit, after, after_id, person_id)
select id, name as sort, body from api_my_pool
 where ($2::text is null or (name, id) < ($2::text, $3::uuid))
   and person_id = $4::uuid
 order by name desc, id desc limit $1::integer;

-- name: my_pool_list_created(limit, after, after_id, person_id)
select id, rfc3339(created_at) as sort, body from api_my_pool
 where ($2::timestamptz is null or (created_at, id) > ($2::timestamptz, $3::uuid))
   and person_id = $4::uuid
 order by created_at, id limit $1::integer;

-- name: my_pool_list_created_down(limit, after, after_id, person_id)
select id, rfc3339(created_at) as sort, body from api_my_pool
 where ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
   and person_id = $4::uuid
 order by created_at desc, id desc limit $1::integer;

-- name: pool_get(id)
select id, name, generation, body || api_pool_change(id) || pool_forecast(id) as body from api_pool where id = $1::uuid;

-- The newest version of the image unless one is named.
-- name: pool_add(id, body)
insert into pool (id, name, description, kind, image_id, image_version_id, spec_id, spares_running, io_job, io_per_job,
                  io_per_start)
select $1::uuid, $2::jsonb ->> 'name', coalesce($2::jsonb ->> 'description', ''), $2::jsonb ->> 'kind', v.image_id, v.id,
       ($2::jsonb ->> 'spec_id')::uuid, coalesce(($2::jsonb ->> 'spares_running')::integer, 0),
       coalesce($2::jsonb -> 'io' ->> 'job', 'session'), uio_of($2::jsonb -> 'io' -> 'per_job'),
       uio_of($2::jsonb -> 'io' -> 'per_start')
  from image_version v
 where v.image_id = ($2::jsonb ->> 'image_id')::uuid
   and ($2::jsonb ->> 'image_version_id' is null or v.id = ($2::jsonb ->> 'image_version_id')::uuid)
 order by v.number desc limit 1;

-- name: pool_change(id, generation, patch)
update pool
   set name = coalesce($3::jsonb ->> 'name', name),
       description = coalesce($3::jsonb ->> 'description', description),
       image_version_id = coalesce(($3::jsonb ->> 'image_version_id')::uuid, image_version_id),
       spec_id = coalesce(($3::jsonb ->> 'spec_id')::uuid, spec_id),
       spares_running = coalesce(($3::jsonb ->> 'spares_running')::integer, spares_running),
       io_job = coalesce($3::jsonb -> 'io' ->> 'job', io_job),
       io_per_job = case when $3::jsonb -> 'io' ? 'per_job' then uio_of($3::jsonb -> 'io' -> 'per_job') else io_per_job end,
       io_per_start = case when $3::jsonb -> 'io' ? 'per_start' then uio_of($3::jsonb -> 'io' -> 'per_start')
                           else io_per_start end,
       generation = generation + 1
 where id = $1::uuid and generation = $2::bigint;

-- name: pool_remove(id, generation)
delete from pool where id = $1::uuid and generation = $2::bigint;

-- name: pool_uses(id)
select 'desktop ' || name || ', which is assigned' as what from mirror_desktop
 where pool_id = $1::uuid and person_id is not null order by name limit 1;

-- name: pool_missing(body, pool_id)
select case
    when $1::jsonb ? 'spec_id' and not exists (select from spec where id = ($1::jsonb ->> 'spec_id')::uuid) then '/spec_id'
    when $1::jsonb ? 'image_id' and not exists (select from image_version where image_id = ($1::jsonb ->> 'image_id')::uuid)
        then '/image_id'
    when $1::jsonb ? 'image_version_id' and not exists (select from image_version v
             where v.id = ($1::jsonb ->> 'image_version_id')::uuid
               and v.image_id = coalesce(($1::jsonb ->> 'image_id')::uuid,
                                         (select image_id from pool where id = $2::uuid))) then '/image_version_id'
    end as pointer;

-- Before the three that follow: other places than those in force wait for the modules' word.
-- name: pool_change_begin(pool_id, shares)
select pool_change_begin($1::uuid, (select array_agg(s.module_id) from jsonb_to_recordset($2::jsonb) s (module_id uuid)),
                         (select array_agg(s.size) from jsonb_to_recordset($2::jsonb) s (size integer)));

-- name: pool_share_put(pool_id, module_id, size)
insert into pool_share (pool_id, module_id, size) values ($1::uuid, $2::uuid, $3::integer)
on conflict (pool_id, module_id) do update set size = excluded.size where pool_share.size <> excluded.size;

-- name: pool_share_keep(pool_id, modules)
delete from pool_share where pool_id = $1::uuid and module_id <> all ($2::uuid[]);

-- Modules that would hold more than 1,000 desktops over all pools.
-- name: pool_share_law(pool_id)
select m.name::text as module, sum(s.size) as wanted from pool_share s join module m on m.id = s.module_id
 where s.module_id in (select module_id from pool_share where pool_id = $1::uuid)
 group by m.id having sum(s.size) > 1000 order by m.name limit 1;

-- Modules where the pool has more assigned desktops than its share.
-- name: pool_share_shrink(pool_id)
select m.name::text as module, count(*) as assigned, coalesce(max(s.size), 0) as size
  from mirror_desktop d join module m on m.id = d.module_id
  left join pool_share s on s.pool_id = d.pool_id and s.module_id = d.module_id
 where d.pool_id = $1::uuid and d.person_id is not null
 group by m.id having count(*) > coalesce(max(s.size), 0) order by m.name limit 1;

-- name: module_exists(id)
select exists (select from module where id = $1::uuid) as module;
