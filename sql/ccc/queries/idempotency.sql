-- Answers remembered for Idempotency-Key.

-- name: idempotency_find(person_id, key)
select route, body_hash, status, location, body from idempotency where person_id = $1::uuid and key = $2::text
   and created_at > now() - interval '24 h';

-- name: idempotency_add(person_id, key, route, body_hash, status, location, body)
insert into idempotency (person_id, key, route, body_hash, status, location, body)
values ($1::uuid, $2::text, $3::text, $4::text, $5::integer, $6::text, $7::jsonb)
on conflict (person_id, key) do update
   set route = excluded.route, body_hash = excluded.body_hash, status = excluded.status,
       location = excluded.location, body = excluded.body, created_at = now()
 where idempotency.created_at <= now() - interval '24 h';

-- name: idempotency_purge()
delete from idempotency where created_at < now() - interval '24 h';
