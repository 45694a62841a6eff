-- Images and their versions.
-- name: image_list_name(limit, after, after_id)
select id, name as sort, body from api_image
 where ($2::text is null or (name, id) > ($2::text, $3::uuid))
 order by name, id limit $1::integer;

-- name: image_list_name_down(limit, after, after_id)
select id, name as sort, body from api_image
 where ($2::text is null or (name, id) < ($2::text, $3::uuid))
 order by name desc, id desc limit $1::integer;

-- name: image_list_created(limit, after, after_id)
select id, rfc3339(created_at) as sort, body from api_image
 where ($2::timestamptz is null or (created_at, id) > ($2::timestamptz, $3::uuid))
 order by created_at, id limit $1::integer;

-- name: image_list_created_down(limit, after, after_id)
select id, rfc3339(created_at) as sort, body from api_image
 where ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
 order by created_at desc, id desc limit $1::integer;

-- name: image_version_list_number(limit, after, after_id, image_id)
select id, number::text as sort, body from api_image_version
 where ($2::integer is null or (number, id) > ($2::integer, $3::uuid))
   and image_id = $4::uuid
 order by number, id limit $1::integer;

-- name: image_version_list_number_down(limit, after, after_id, image_id)
select id, number::text as sort, body from api_image_version
 where ($2::integer is null or (number, id) < ($2::integer, $3::uuid))
   and image_id = $4::uuid
 order by number desc, id desc limit $1::integer;

-- name: image_version_list_created(limit, after, after_id, image_id)
select id, rfc3339(created_at) as sort, body from api_image_version
 where ($2::timestamptz is null or (created_at, id) > ($2::timestamptz, $3::uuid))
   and image_id = $4::uuid
 order by created_at, id limit $1::integer;

-- name: image_version_list_created_down(limit, after, after_id, image_id)
select id, rfc3339(created_at) as sort, body from api_image_version
 where ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3::uuid))
   and image_id = $4::uuid
 order by created_at desc, id desc limit $1::integer;

-- name: image_get(id)
select id, name, generation, body from api_image where id = $1::uuid;

-- name: image_add(id, body)
insert into image (id, name, description, guest)
values ($1::uuid, $2::jsonb ->> 'name', coalesce($2::jsonb ->> 'description', ''),
        coalesce($2::jsonb ->> 'guest', 'none'));

-- name: image_change(id, generation, patch)
update image
   set name = coalesce($3::jsonb ->> 'name', name),
       description = coalesce($3::jsonb ->> 'description', description),
       guest = coalesce($3::jsonb ->> 'guest', guest), generation = generation + 1
 where id = $1::uuid and generation = $2::bigint;

-- name: image_remove(id, generation)
delete from image where id = $1::uuid and generation = $2::bigint;

-- name: image_uses(id)
select 'pool ' || name as what from pool where image_id = $1::uuid order by name limit 1;

-- name: image_blobs(id)
select distinct sha256 from image_version where image_id = $1::uuid;

-- name: image_version_get(id)
select id, number::text as name, generation, body, image_id, sha256 from api_image_version
  join image_version using (id, image_id, number, generation, created_at) where id = $1::uuid;

-- name: image_version_add(id, image_id, sha256, size, virtual_size)
insert into image_version (id, image_id, number, sha256, size, virtual_size)
select $1::uuid, i.id, coalesce((select max(number) from image_version where image_id = i.id), 0) + 1,
       $3::text, $4::bigint, $5::bigint
  from image i where i.id = $2::uuid;

-- name: image_version_remove(id, generation)
delete from image_version where id = $1::uuid and generation = $2::bigint;

-- name: image_version_uses(id)
select 'pool ' || name as what from pool where image_version_id = $1::uuid order by name limit 1;

-- name: image_blob_used(sha256)
select exists (select from image_version where sha256 = $1::text) as used;

-- Taken by whoever adds or forgets a file, until the end of the transaction: the two never meet.
-- name: image_blob_lock(sha256)
select pg_advisory_xact_lock(hashtextextended($1::text, 4242071612));
