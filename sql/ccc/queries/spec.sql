-- Specs.
-- name: spec_list_name(limit, after, after_id)
select id, name as sort, body from api_spec
 where ($2::text is null or (name, id) > ($2::text, $3::uuid))
 order by name, id limit $1::integer;

-- name: spec_list_name_down(limit, after, after_id)
select id, name as sort, body from api_spec
 where ($2::text is null or (name, id) < ($2::text, $3::uuid))
 order by name desc, id desc limit $1::integer;

-- name: spec_list_created(limit, after, after_id)
select id, rfc3339(created_at) as sort, body from api_spec
 where ($2::timestamptz is null or (created_at, id) > ($2::timestamptz, $3::uuid))
 order by created_at, id limit $1::integer;

-- name: spec_list_created_down(limit, after, after_id)
select id, rfc3339(created_at) as sort, body from api_spec
 where ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
 order by created_at desc, id desc limit $1::integer;

-- name: spec_get(id)
select id, name, generation, body from api_spec where id = $1::uuid;

-- name: spec_add(id, body)
insert into spec (id, name, vcpus, memory_mib, firmware, tpm, disk_bus, nic_model, video, disk_gib, needs_vf)
values ($1::uuid, $2::jsonb ->> 'name', ($2::jsonb ->> 'vcpus')::integer, ($2::jsonb ->> 'memory_mib')::integer,
        coalesce($2::jsonb ->> 'firmware', 'bios'), coalesce(($2::jsonb ->> 'tpm')::boolean, false),
        coalesce($2::jsonb ->> 'disk_bus', 'virtio'), coalesce($2::jsonb ->> 'nic_model', 'virtio'),
        coalesce($2::jsonb ->> 'video', 'virtio'), ($2::jsonb ->> 'disk_gib')::integer,
        coalesce(($2::jsonb ->> 'needs_vf')::boolean, false));

-- name: spec_change(id, generation, patch)
update spec
   set name = coalesce($3::jsonb ->> 'name', name),
       vcpus = coalesce(($3::jsonb ->> 'vcpus')::integer, vcpus),
       memory_mib = coalesce(($3::jsonb ->> 'memory_mib')::integer, memory_mib),
       firmware = coalesce($3::jsonb ->> 'firmware', firmware),
       tpm = coalesce(($3::jsonb ->> 'tpm')::boolean, tpm),
       disk_bus = coalesce($3::jsonb ->> 'disk_bus', disk_bus),
       nic_model = coalesce($3::jsonb ->> 'nic_model', nic_model),
       video = coalesce($3::jsonb ->> 'video', video),
       disk_gib = case when $3::jsonb ? 'disk_gib' then ($3::jsonb ->> 'disk_gib')::integer else disk_gib end,
       needs_vf = coalesce(($3::jsonb ->> 'needs_vf')::boolean, needs_vf),
       generation = generation + 1
 where id = $1::uuid and generation = $2::bigint;

-- name: spec_remove(id, generation)
delete from spec where id = $1::uuid and generation = $2::bigint;

-- name: spec_uses(id)
select 'pool ' || name as what from pool where spec_id = $1::uuid order by name limit 1;
