-- People (docs/rest.md: users). Lists: one statement for each order, paged by key.
-- name: person_list_name(limit, after, after_id, q)
select id, name as sort, body from api_user
 where ($2::text is null or (name, id) > ($2::text, $3::uuid))
   and ($4::text is null or position(lower($4::text) in lower(name)) > 0
        or position(lower($4::text) in lower(body ->> 'display_name')) > 0)
 order by name, id limit $1::integer;

-- name: person_list_name_down(limit, after, after_id, q)
select id, name as sort, body from api_user
 where ($2::text is null or (name, id) < ($2::text, $3::uuid))
   and ($4::text is null or position(lower($4::text) in lower(name)) > 0
        or position(lower($4::text) in lower(body ->> 'display_name')) > 0)
 order by name desc, id desc limit $1::integer;

-- name: person_list_created(limit, after, after_id, q)
select id, rfc3339(created_at) as sort, body from api_user
 where ($2::timestamptz is null or (created_at, id) > ($2::timestamptz, $3::uuid))
   and ($4::text is null or position(lower($4::text) in lower(name)) > 0
        or position(lower($4::text) in lower(body ->> 'display_name')) > 0)
 order by created_at, id limit $1::integer;

-- name: person_list_created_down(limit, after, after_id, q)
select id, rfc3339(created_at) as sort, body from api_user
 where ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
   and ($4::text is null or position(lower($4::text) in lower(name)) > 0
        or position(lower($4::text) in lower(body ->> 'display_name')) > 0)
 order by created_at desc, id desc limit $1::integer;

-- name: member_list_name(limit, after, after_id, group_id)
select id, name as sort, body from (select u.*, m.group_id from api_user u join member m on m.person_id = u.id) t
 where ($2::text is null or (name, id) > ($2::text, $3::uuid))
   and group_id = $4::uuid
 order by name, id limit $1::integer;

-- name: member_list_name_down(limit, after, after_id, group_id)
select id, name as sort, body from (select u.*, m.group_id from api_user u join member m on m.person_id = u.id) t
 where ($2::text is null or (name, id) < ($2::text, $3::uuid))
   and group_id = $4::uuid
 order by name desc, id desc limit $1::integer;

-- name: member_list_created(limit, after, after_id, group_id)
select id, rfc3339(created_at) as sort, body from (select u.*, m.group_id from api_user u join member m on m.person_id = u.id) t
 where ($2::timestamptz is null or (created_at, id) > ($2::timestamptz, $3::uuid))
   and group_id = $4::uuid
 order by created_at, id limit $1::integer;

-- name: member_list_created_down(limit, after, after_id, group_id)
select id, rfc3339(created_at) as sort, body from (select u.*, m.group_id from api_user u join member m on m.person_id = u.id) t
 where ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
   and group_id = $4::uuid
 order by created_at desc, id desc limit $1::integer;

-- name: person_get(id)
select id, name, generation, body from api_user where id = $1::uuid;

-- name: person_add(id, body, verifier)
insert into person (id, username, display_name, role, disabled, locale, verifier)
values ($1::uuid, $2::jsonb ->> 'username', coalesce($2::jsonb ->> 'display_name', ''),
        coalesce($2::jsonb ->> 'role', 'user'), coalesce(($2::jsonb ->> 'disabled')::boolean, false),
        $2::jsonb ->> 'locale', $3::text);

-- name: person_change(id, generation, patch, verifier)
update person
   set username = coalesce($3::jsonb ->> 'username', username),
       display_name = coalesce($3::jsonb ->> 'display_name', display_name),
       role = coalesce($3::jsonb ->> 'role', role),
       disabled = coalesce(($3::jsonb ->> 'disabled')::boolean, disabled),
       locale = case when $3::jsonb ? 'locale' then $3::jsonb ->> 'locale' else locale end,
       verifier = coalesce($4::text, verifier),
       generation = generation + 1
 where id = $1::uuid and generation = $2::bigint;

-- name: person_remove(id, generation)
delete from person where id = $1::uuid and generation = $2::bigint;

-- name: person_uses(id)
select 'desktop ' || name as what from mirror_desktop where person_id = $1::uuid order by name limit 1;

-- name: person_admins()
select count(*) as n from person where role = 'admin' and not disabled;

-- name: person_sign_in(username)
select id, username, display_name, role, disabled, verifier from person where username = $1::text;

-- name: person_rehash(id, old, verifier)
update person set verifier = $3::text where id = $1::uuid and verifier = $2::text;

-- name: person_sessions_end(id, except)
delete from login_session where person_id = $1::uuid and token_hash is distinct from $2::text;
