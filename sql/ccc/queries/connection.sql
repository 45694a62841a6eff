-- Live sessions.
-- name: connection_list_since(limit, after, after_id)
select id, rfc3339(since) as sort, body from api_connection
 where ($2::timestamptz is null or (since, id) > ($2::timestamptz, $3::uuid))
 order by since, id limit $1::integer;

-- name: connection_list_since_down(limit, after, after_id)
select id, rfc3339(since) as sort, body from api_connection
 where ($2::timestamptz is null or (since, id) < ($2::timestamptz, $3::uuid))
 order by since desc, id desc limit $1::integer;

-- All that a connect must know, in one reading of one moment: who she is (session_find, the same columns), the desktop that
-- she names or has in the pool, may she, the module to ask (as connection_place) and the connection that is noted already.
-- No row: not signed in. "entitled" asked of one pool is the view of that name written out: its union is made before it is
-- asked. turn: the newest turn of seat_turn, to be shown when she takes one.
-- name: connection_route(token_hash, idle_seconds, pool_id, desktop_id)
select p.id, p.username, p.role, s.used_at < now() - interval '1 minute' as stale, w.pool_id, w.module_id,
       exists (select from entitlement e
                where e.pool_id = w.pool_id
                  and (e.person_id = p.id
                       or e.group_id in (select g.group_id from member g where g.person_id = p.id))) as entitled,
       (select c.id from connection c where c.desktop_id = w.desktop_id and c.person_id = p.id and c.ended_at is null
         limit 1) as noted,
       (select t.mark from seat_turn t where t.person_id = p.id and t.pool_id = w.pool_id) as turn
  from login_session s join person p on p.id = s.person_id
  left join lateral (select d.id as desktop_id, coalesce(d.pool_id, $3::uuid) as pool_id,
                            coalesce(d.module_id, seat_module(p.id, $3::uuid), place_module(p.id, $3::uuid)) as module_id
                       from (select) always left join mirror_desktop d
                         on d.person_id = p.id and (d.id = $4::uuid or ($4::uuid is null and d.pool_id = $3::uuid))
                      order by d.id limit 1) w on true
 where s.token_hash = $1::text and not p.disabled and s.expires_at > now()
   and s.used_at > now() - make_interval(secs => $2::integer);

-- name: connection_pool(pool_id)
select exists (select from pool where id = $1::uuid) as pool;

-- Where she goes: the module of her desktop, else the one that holds her seat, else the place among the shares in force,
-- else among those that are to come, else any that is of the pool: it may have her all the same. Without those that were asked.
-- name: connection_place(pool_id, person_id, skip)
select coalesce((select d.module_id from mirror_desktop d where d.pool_id = $1::uuid and d.person_id = $2::uuid
                    and d.module_id <> all ($3::uuid[]) order by d.id limit 1),
                seat_module($2::uuid, $1::uuid, $3::uuid[]),
                place_module($2::uuid, $1::uuid, $3::uuid[]),
                place_wanted($2::uuid, $1::uuid, $3::uuid[]),
                (select m.module_id from pool_member m where m.pool_id = $1::uuid and m.module_id <> all ($3::uuid[])
                  order by m.module_id limit 1)) as module_id;

-- The way to a module. Those xCenters that spoke lately come first, in an order that stays: a change of it costs each worker
-- a handshake. Each of our connections has another order, so both are used.
-- name: connection_line(module_id)
select m.block_id, coalesce(s.login, '') as login,
       (select coalesce(string_agg(h.url, ',' order by h.heard_at > now() - interval '10 s' desc,
                                                       hashtext(h.url || pg_backend_pid()), h.url), '')
          from node n join node_heard h on h.node_id = n.id
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

-- Nobody else has taken it since she asked (seen is what connection_route said), and the last one is over.
-- name: seat_turn_take(person_id, pool_id, seen)
insert into seat_turn as t (person_id, pool_id) values ($1::uuid, $2::uuid)
on conflict (person_id, pool_id) do update set mark = excluded.mark, until = excluded.until
 where t.mark = $3::uuid and t.until <= now()
returning mark;

-- name: seat_turn_end(person_id, pool_id, mark)
update seat_turn set until = now() where person_id = $1::uuid and pool_id = $2::uuid and mark = $3::uuid;

-- name: connection_forget()
with turns as (delete from seat_turn where until < now() - interval '1 hour')
delete from connection where ended_at < now() - interval '1 day';
