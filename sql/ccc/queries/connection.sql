-- Live sessions.
-- name: connection_list_since(limit, after, after_id)
select id, rfc3339(since) as sort, body from api_connection
 where ($2::timestamptz is null or (since, id) > ($2::timestamptz, $3::uuid))
 order by since, id limit $1::integer;

-- name: connection_list_since_down(limit, after, after_id)
select id, rfc3339(since) as sort, body from api_connection
 where ($2::timestamptz is null or (since, id) < ($2::timestamptz, $3::uuid))
 order by since desc, id desc limit $1::integer;

-- Her desktop in the pool, or the desktop that she names, if she may have it.
-- name: connection_desktop(desktop_id, person_id)
select d.id, d.pool_id, d.module_id from mirror_desktop d
 where d.id = $1::uuid and d.person_id = $2::uuid
   and exists (select from entitled e where e.person_id = $2::uuid and e.pool_id = d.pool_id);

-- name: connection_entitled(pool_id, person_id)
select exists (select from entitled where pool_id = $1::uuid and person_id = $2::uuid) as entitled,
       exists (select from pool where id = $1::uuid) as pool;

-- Where she goes first: the module of her desktop, else the place among the shares without those that released her.
-- name: connection_place(pool_id, person_id, skip)
select coalesce((select d.module_id from mirror_desktop d where d.pool_id = $1::uuid and d.person_id = $2::uuid
                    and d.module_id <> all ($3::uuid[]) order by d.id limit 1),
                place_module($2::uuid, $1::uuid, $3::uuid[])) as module_id;

-- The modules of the pool's shares, for the reader of a chain of refusals.
-- name: connection_line(module_id)
select m.block_id, coalesce(s.login, '') as login,
       (select coalesce(string_agg(h.url, ',' order by h.heard_at desc), '') from node n
          join node_heard h on h.node_id = n.id
         where n.kind = 'xcenter' and n.block_id = m.block_id and not n.revoked and h.url <> ''
           and h.heard_at > now() - interval '1 hour') as urls
  from module m left join mirror_module s on s.module_id = m.id where m.id = $1::uuid;

-- name: connection_note(id, desktop_id, person_id, module_id)
-- A resume finds its live row and writes nothing: even an "on conflict … where false" would lock it and pay a commit.
insert into connection (id, desktop_id, person_id, module_id)
select $1::uuid, $2::uuid, $3::uuid, $4::uuid
 where not exists (select from connection where id = $1::uuid and ended_at is null)
on conflict (id) do update set ended_at = null where connection.ended_at is not null;

-- name: connection_get(id)
select id, desktop_id, person_id, module_id, rfc3339(since) as since, ended_at is null as live
  from connection where id = $1::uuid;

-- name: connection_end(id)
update connection set ended_at = now() where id = $1::uuid and ended_at is null;

-- name: connection_forget()
delete from connection where ended_at < now() - interval '1 day';
