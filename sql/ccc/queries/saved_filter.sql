-- Filters of the list of desktops that a person keeps under a name.
-- name: saved_filter_list_name(limit, after, after_id, person_id)
select id, name as sort, body from api_saved_filter
 where person_id = $4::uuid and ($2::text is null or (name, id) > ($2::text, $3::uuid))
 order by name, id limit $1::integer;

-- name: saved_filter_list_name_down(limit, after, after_id, person_id)
select id, name as sort, body from api_saved_filter
 where person_id = $4::uuid and ($2::text is null or (name, id) < ($2::text, $3::uuid))
 order by name desc, id desc limit $1::integer;

-- name: saved_filter_count(person_id)
select count(*) as n from saved_filter where person_id = $1::uuid;

-- name: saved_filter_add(id, person_id, name, filter)
insert into saved_filter (id, person_id, name, filter) values ($1::uuid, $2::uuid, $3::text, $4::jsonb);

-- name: saved_filter_get(id)
select body from api_saved_filter where id = $1::uuid;

-- name: saved_filter_remove(id, person_id)
delete from saved_filter where id = $1::uuid and person_id = $2::uuid;
