-- Sign-ins.

-- name: session_add(token_hash, person_id, seconds, remote)
insert into login_session (token_hash, person_id, expires_at, remote)
values ($1::text, $2::uuid, now() + make_interval(secs => $3::integer), $4::text)
returning rfc3339(expires_at) as expires_at;

-- All but the `keep` sessions that the person used last, the one that is being opened among them.
-- name: session_trim(token_hash, person_id, keep)
delete from login_session
 where token_hash in (select token_hash from login_session where person_id = $2::uuid
                       order by token_hash = $1::text desc, expires_at > now() desc, used_at desc offset $3::integer);

-- A connect is let in by connection_route, under the same conditions.
-- name: session_find(token_hash, idle_seconds)
select p.id, p.username, p.role, rfc3339(s.expires_at) as expires_at,
       s.used_at < now() - interval '1 minute' as stale
  from login_session s join person p on p.id = s.person_id
 where s.token_hash = $1::text and not p.disabled and s.expires_at > now()
   and s.used_at > now() - make_interval(secs => $2::integer);

-- Of these sessions, those that session_find would find.
-- name: session_live(token_hashes, idle_seconds)
select s.token_hash, p.role
  from login_session s join person p on p.id = s.person_id
 where s.token_hash = any($1::text[]) and not p.disabled and s.expires_at > now()
   and s.used_at > now() - make_interval(secs => $2::integer);

-- name: session_touch(token_hash)
update login_session set used_at = now() where token_hash = $1::text;

-- name: session_end(token_hash)
delete from login_session where token_hash = $1::text returning person_id;

-- name: session_me(token_hash)
select p.id, p.username, p.display_name, p.role, p.locale, rfc3339(s.expires_at) as expires_at
  from login_session s join person p on p.id = s.person_id where s.token_hash = $1::text;

-- The log-in addresses that a person's page goes on with: the modules that can check her password, those with most of her
-- desktops first, then those that hold most of her seats; for administrators, all, to know their names.
-- name: session_modules(person_id, all)
select m.id, m.name::text as name, s.login from module m join mirror_module s on s.module_id = m.id
 where s.login <> '' and ($2::boolean or exists (select from wanted w
       where w.scope = m.id::text and w.kind = 'person' and w.id = $1::uuid and w.body ->> 'verifier' is not null))
 order by (select count(*) from mirror_desktop d where d.person_id = $1::uuid and d.module_id = m.id) desc,
          (select count(*) from mirror_seat t where t.person_id = $1::uuid and t.module_id = m.id and not t.released) desc,
          m.name, m.id;
