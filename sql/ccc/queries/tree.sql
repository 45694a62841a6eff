-- Blocks, modules, bServers, virtual functions as the portal lists them.
-- name: block_list_name(limit, after, after_id)
select id, name as sort, body from api_block
 where ($2::text is null or (name, id) > ($2::text, $3::uuid))
 order by name, id limit $1::integer;

-- name: block_list_name_down(limit, after, after_id)
select id, name as sort, body from api_block
 where ($2::text is null or (name, id) < ($2::text, $3::uuid))
 order by name desc, id desc limit $1::integer;

-- name: block_list_created(limit, after, after_id)
select id, rfc3339(created_at) as sort, body from api_block
 where ($2::timestamptz is null or (created_at, id) > ($2::timestamptz, $3::uuid))
 order by created_at, id limit $1::integer;

-- name: block_list_created_down(limit, after, after_id)
select id, rfc3339(created_at) as sort, body from api_block
 where ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
 order by created_at desc, id desc limit $1::integer;

-- name: topology_list_name(limit, after, after_id)
select id, name as sort, body from api_topology
 where ($2::text is null or (name, id) > ($2::text, $3::uuid))
 order by name, id limit $1::integer;

-- name: topology_list_name_down(limit, after, after_id)
select id, name as sort, body from api_topology
 where ($2::text is null or (name, id) < ($2::text, $3::uuid))
 order by name desc, id desc limit $1::integer;

-- name: module_list_name(limit, after, after_id)
select id, name as sort, body from api_module
 where ($2::text is null or (name, id) > ($2::text, $3::uuid))
 order by name, id limit $1::integer;

-- name: module_list_name_down(limit, after, after_id)
select id, name as sort, body from api_module
 where ($2::text is null or (name, id) < ($2::text, $3::uuid))
 order by name desc, id desc limit $1::integer;

-- name: module_list_created(limit, after, after_id)
select id, rfc3339(created_at) as sort, body from api_module
 where ($2::timestamptz is null or (created_at, id) > ($2::timestamptz, $3::uuid))
 order by created_at, id limit $1::integer;

-- name: module_list_created_down(limit, after, after_id)
select id, rfc3339(created_at) as sort, body from api_module
 where ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
 order by created_at desc, id desc limit $1::integer;

-- name: bserver_list_name(limit, after, after_id, module_id, state)
select id, name as sort, body from api_bserver
 where ($2::text is null or (name, id) > ($2::text, $3::uuid))
   and ($4::uuid is null or module_id = $4::uuid)
   and ($5::text is null or state = $5::text)
 order by name, id limit $1::integer;

-- name: bserver_list_name_down(limit, after, after_id, module_id, state)
select id, name as sort, body from api_bserver
 where ($2::text is null or (name, id) < ($2::text, $3::uuid))
   and ($4::uuid is null or module_id = $4::uuid)
   and ($5::text is null or state = $5::text)
 order by name desc, id desc limit $1::integer;

-- name: bserver_list_created(limit, after, after_id, module_id, state)
select id, rfc3339(created_at) as sort, body from api_bserver
 where ($2::timestamptz is null or (created_at, id) > ($2::timestamptz, $3::uuid))
   and ($4::uuid is null or module_id = $4::uuid)
   and ($5::text is null or state = $5::text)
 order by created_at, id limit $1::integer;

-- name: bserver_list_created_down(limit, after, after_id, module_id, state)
select id, rfc3339(created_at) as sort, body from api_bserver
 where ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
   and ($4::uuid is null or module_id = $4::uuid)
   and ($5::text is null or state = $5::text)
 order by created_at desc, id desc limit $1::integer;

-- name: vf_list_address(limit, after, after_id, bserver_id, module_id, state)
select id, address as sort, body from api_vf
 where ($2::text is null or (address, id) > ($2::text, $3::uuid))
   and ($4::uuid is null or bserver_id = $4::uuid)
   and ($5::uuid is null or module_id = $5::uuid)
   and ($6::text is null or state = $6::text)
 order by address, id limit $1::integer;

-- name: vf_list_address_down(limit, after, after_id, bserver_id, module_id, state)
select id, address as sort, body from api_vf
 where ($2::text is null or (address, id) < ($2::text, $3::uuid))
   and ($4::uuid is null or bserver_id = $4::uuid)
   and ($5::uuid is null or module_id = $5::uuid)
   and ($6::text is null or state = $6::text)
 order by address desc, id desc limit $1::integer;

-- name: vf_list_created(limit, after, after_id, bserver_id, module_id, state)
select id, rfc3339(created_at) as sort, body from api_vf
 where ($2::timestamptz is null or (created_at, id) > ($2::timestamptz, $3::uuid))
   and ($4::uuid is null or bserver_id = $4::uuid)
   and ($5::uuid is null or module_id = $5::uuid)
   and ($6::text is null or state = $6::text)
 order by created_at, id limit $1::integer;

-- name: vf_list_created_down(limit, after, after_id, bserver_id, module_id, state)
select id, rfc3339(created_at) as sort, body from api_vf
 where ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
   and ($4::uuid is null or bserver_id = $4::uuid)
   and ($5::uuid is null or module_id = $5::uuid)
   and ($6::text is null or state = $6::text)
 order by created_at desc, id desc limit $1::integer;

-- The display lanes that a person's screens may come from, by bServer.
-- name: my_lanes_name(limit, after, after_id, person_id)
select b.id, b.name as sort, jsonb_build_object('id', b.id, 'name', b.name, 'lanes', lanes_shown(b.body)) as body
  from mirror_bserver b
 where b.module_id in (select s.module_id from entitled e join pool_share s using (pool_id)
                        where e.person_id = $4::uuid)
   and jsonb_array_length(lanes_shown(b.body)) > 0
   and ($2::text is null or (b.name, b.id) > ($2::text, $3::uuid))
 order by b.name, b.id limit $1::integer;

-- name: my_lanes_name_down(limit, after, after_id, person_id)
select b.id, b.name as sort, jsonb_build_object('id', b.id, 'name', b.name, 'lanes', lanes_shown(b.body)) as body
  from mirror_bserver b
 where b.module_id in (select s.module_id from entitled e join pool_share s using (pool_id)
                        where e.person_id = $4::uuid)
   and jsonb_array_length(lanes_shown(b.body)) > 0
   and ($2::text is null or (b.name, b.id) < ($2::text, $3::uuid))
 order by b.name desc, b.id desc limit $1::integer;

-- name: block_get(id)
select id, name, generation, body from api_block where id = $1::uuid;

-- name: module_get(id)
select id, name, generation, body from api_module where id = $1::uuid;

-- name: bserver_get(id)
select id, name, module_id, generation, body from api_bserver where id = $1::uuid;

-- What an administrator gives a bServer. Without a row its generation is 1.
-- name: bserver_change(id, generation, patch)
insert into bserver_io as t (bserver_id, module_id, io_limit, generation)
select id, module_id, uio_of($3::jsonb -> 'io_limit'), $2::bigint + 1 from mirror_bserver where id = $1::uuid
on conflict (bserver_id) do update
   set module_id = excluded.module_id, io_limit = excluded.io_limit, generation = excluded.generation
 where t.generation = $2::bigint;

-- name: vf_get(id)
select id, address as name, 0 as generation, body from api_vf where id = $1::uuid;

-- name: summary()
select body from api_summary;

-- Modules and whether they are heard of, for the events of silence.
-- name: tree_heard()
select id, up from module_up order by id;
