-- Nodes and join tokens.
-- name: node_list_name(limit, after, after_id)
select id, name as sort, body from api_node
 where ($2::text is null or (name, id) > ($2::text, $3::uuid))
 order by name, id limit $1::integer;

-- name: node_list_name_down(limit, after, after_id)
select id, name as sort, body from api_node
 where ($2::text is null or (name, id) < ($2::text, $3::uuid))
 order by name desc, id desc limit $1::integer;

-- name: node_list_created(limit, after, after_id)
select id, rfc3339(created_at) as sort, body from api_node
 where ($2::timestamptz is null or (created_at, id) > ($2::timestamptz, $3::uuid))
 order by created_at, id limit $1::integer;

-- name: node_list_created_down(limit, after, after_id)
select id, rfc3339(created_at) as sort, body from api_node
 where ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
 order by created_at desc, id desc limit $1::integer;

-- name: node_get(id)
select id, name::text as name, generation, body from api_node where id = $1::uuid;

-- The CCC's own row, made at its start.
-- name: node_self(id)
insert into node (id, kind, name) values ($1::uuid, 'ccc', 'ccc') on conflict do nothing;

-- name: node_caller(id)
select kind, block_id from node where id = $1::uuid and not revoked;

-- name: node_block_modules(block_id)
select id from module where block_id = $1::uuid order by id;

-- name: node_hear(id, url)
insert into node_heard (node_id, heard_at, url) select id, now(), $2::text from node where id = $1::uuid
on conflict (node_id) do update set heard_at = now(), url = coalesce(nullif(excluded.url, ''), node_heard.url);

-- name: node_revoke(id, generation)
update node set revoked = true, place = null, generation = generation + 1
 where id = $1::uuid and generation = $2::bigint and not revoked and kind <> 'ccc';

-- name: node_token_block(id, name)
insert into block (id, name) values ($1::uuid, $2::text);

-- name: node_token_module(id, name, block_id)
insert into module (id, name, block_id, place)
select $1::uuid, $2::text, $3::uuid, (select min(p) from generate_series(0, 1) p
                                       where not exists (select from module where block_id = $3::uuid and place = p));

-- What the parent of a new node is: block, or module with its block.
-- name: node_token_parent(id)
select 'block' as kind, id as block_id, null::uuid as module_id,
       (select count(*) from module m where m.block_id = b.id) as children from block b where id = $1::uuid
union all
select 'module', block_id, id,
       (select count(*) from node n where n.module_id = m.id and n.kind = 'bserver' and not n.revoked)
       + (select count(*) from node_token t where t.module_id = m.id and t.kind = 'bserver' and t.taken_key is null
             and t.expires_at > now()) from module m where id = $1::uuid;

-- name: node_token_name_taken(kind, parent_id, name)
select exists (select from node where kind = $1::text and coalesce(module_id, block_id) = $2::uuid and name = $3::text
                  and not revoked) as taken;

-- name: node_token_add(id, secret_sha256, kind, name, block_id, module_id, node_id)
insert into node_token (id, secret_sha256, kind, name, block_id, module_id, node_id, expires_at)
values ($1::text, $2::text, $3::text, $4::text, $5::uuid, $6::uuid, $7::uuid, now() + interval '24 h')
returning rfc3339(expires_at) as expires_at;

-- The first key of the right kind takes a token; the same key may come again for a day.
-- name: node_token_take(id, secret_sha256, key, kind)
update node_token
   set taken_key = $3::text, taken_at = coalesce(taken_at, now())
 where id = $1::text and secret_sha256 = $2::text and kind = $4::text
   and ((taken_key is null and expires_at > now()) or (taken_key = $3::text and taken_at > now() - interval '24 h'))
returning node_id, kind, name::text as name, block_id, module_id;

-- A bServer takes a place of its module; none is left: law_module refuses.
-- name: node_add(id, kind, name, block_id, module_id)
insert into node (id, kind, name, block_id, module_id, place)
select $1::uuid, $2::text, $3::text, $4::uuid, $5::uuid,
       (select min(p) from generate_series(0, 9) p
         where $2::text = 'bserver' and not exists (select from node where module_id = $5::uuid and place = p))
 where not exists (select from node where id = $1::uuid);

-- name: node_live(id)
select exists (select from node where id = $1::uuid and not revoked) as live;

-- name: node_joined(id, serial, not_after_ms)
update node set serial = $2::text, not_after = to_timestamp($3::bigint / 1000.0), generation = generation + 1
 where id = $1::uuid and not revoked;
