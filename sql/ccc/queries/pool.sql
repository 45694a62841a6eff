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

-- What cannot be, whatever is free: shares for which the module has not enough places, and a spec that is larger than
-- each of its bServers. Only where every bServer that joined has told what it has, and only for shares that ask for more
-- desktops than there are.
-- name: pool_impossible(pool_id)
with need as (
    select p.id, c.memory_mib + 128 as memory_mib,
           greatest(1, ceil(coalesce(c.disk_gib, v.virtual_size / 1073741824.0)
                            / case p.kind when 'floating' then 4 else 1 end))::bigint as storage_gib
      from pool p join spec c on c.id = p.spec_id join image_version v on v.id = p.image_version_id where p.id = $1::uuid)
select m.name::text as module, s.wanted, b.slots, need.memory_mib as memory_asked, b.memory_mib as memory_most,
       need.storage_gib as storage_asked, b.storage_gib as storage_most
  from need
  join pool_share h on h.pool_id = need.id
  join module m on m.id = h.module_id
  cross join lateral (select sum(size) as wanted from pool_share where module_id = m.id) s
  cross join lateral (
        select sum(slots) as slots, max(told(body, 'memory_mib') - told(body, 'memory_reserve_mib')) as memory_mib,
               case when bool_and(stores(body)) then max(told(body, 'storage', 'size_gib')) end as storage_gib
          from mirror_bserver where module_id = m.id having count(*) > 0) b
 where not exists (select from node n where n.module_id = m.id and n.kind = 'bserver' and not n.revoked
                      and n.not_after is not null and not exists (select from mirror_bserver x where x.id = n.id))
   and h.size > (select count(*) from mirror_desktop d where d.pool_id = need.id and d.module_id = m.id)
   and (s.wanted > b.slots or need.memory_mib > b.memory_mib or need.storage_gib > b.storage_gib)
 order by m.name limit 1;

-- ---- Preview
-- name: pool_preview_demand(spec_id, image_id, image_version_id, kind)
select c.memory_mib, c.vcpus, c.needs_vf, coalesce(c.disk_gib * 1073741824::bigint, v.virtual_size) as disk_bytes
  from spec c, image_version v
 where c.id = $1::uuid and v.image_id = $2::uuid and ($3::uuid is null or v.id = $3::uuid) and $4::text is not null
 order by v.number desc limit 1;

-- name: pool_preview_taken(name, pool_id)
select exists (select from pool where name = $1::text and id is distinct from $2::uuid) as taken;

-- Of each module: what it has of this pool, what other pools may still make of it.
-- name: pool_preview_modules(modules, pool_id)
select m.id, m.name::text as name, u.up, rfc3339(u.as_of) as as_of,
       (select count(*) from mirror_desktop d where d.module_id = m.id and d.pool_id = $2::uuid) as made,
       o.size as others, o.desktops, o.memory_mib, o.storage_gib, o.vfs
  from unnest($1::uuid[]) with ordinality t (id, no)
  join module m on m.id = t.id
  join module_up u on u.id = m.id
  cross join lateral (
        select coalesce(sum(x.size), 0) as size, coalesce(sum(x.more), 0) as desktops,
               coalesce(sum(x.more * (c.memory_mib + 128)), 0) as memory_mib,
               coalesce(sum(x.more * greatest(1, ceil(coalesce(c.disk_gib, v.virtual_size / 1073741824.0)
                        / case p.kind when 'floating' then 4 else 1 end))::bigint), 0)::bigint as storage_gib,
               coalesce(sum(x.more) filter (where c.needs_vf), 0) as vfs
          from (select s.pool_id, s.size, greatest(0, s.size - (select coalesce(sum(y.desktops), 0) from mirror_tally y
                         where y.module_id = m.id and y.pool_id = s.pool_id)) as more
                  from pool_share s where s.module_id = m.id and s.pool_id is distinct from $2::uuid) x
          join pool p on p.id = x.pool_id join spec c on c.id = p.spec_id
          join image_version v on v.id = p.image_version_id) o
 order by t.no;

-- Their bServers, with what is free as their module said last.
-- name: pool_preview_bservers(modules)
select b.module_id, case when u.up then b.state else 'silent' end as state,
       greatest(0, b.slots - b.slots_used) as slots,
       greatest(0, told(b.body, 'memory_mib') - told(b.body, 'memory_reserve_mib') - told(b.body, 'memory_used_mib')) as memory_mib,
       case when stores(b.body) then told(b.body, 'storage', 'free_gib') else -1 end as storage_gib,
       greatest(0, told(b.body, 'vfs') - told(b.body, 'vfs_used')) as vfs,
       coalesce(b.body -> 'capabilities' -> 'formats' ? 'qcow2', false) or b.body ->> 'kind' = 'simulated' as format,
       case when jsonb_typeof(b.body -> 'capabilities' -> 'user_net') = 'boolean' then (b.body -> 'capabilities' ->> 'user_net')::boolean
            else coalesce(b.body ->> 'kind' <> 'simulated', true) end as user_net
  from mirror_bserver b join module_up u on u.id = b.module_id where b.module_id = any ($1::uuid[]) order by b.module_id, b.name;
