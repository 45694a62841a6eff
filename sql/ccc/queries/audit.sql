-- The audit trail.
-- name: audit_list_at(limit, after, after_id, actor_id, target_id, action, since)
select id, rfc3339(at) as sort, body from api_audit
 where ($2::timestamptz is null or (at, id) > ($2::timestamptz, $3::uuid))
   and ($4::uuid is null or actor_id = $4::uuid)
   and ($5::uuid is null or target_id = $5::uuid)
   and ($6::text is null or action = $6::text)
   and ($7::timestamptz is null or at >= $7::timestamptz)
 order by at, id limit $1::integer;

-- name: audit_list_at_down(limit, after, after_id, actor_id, target_id, action, since)
select id, rfc3339(at) as sort, body from api_audit
 where ($2::timestamptz is null or (at, id) < ($2::timestamptz, $3::uuid))
   and ($4::uuid is null or actor_id = $4::uuid)
   and ($5::uuid is null or target_id = $5::uuid)
   and ($6::text is null or action = $6::text)
   and ($7::timestamptz is null or at >= $7::timestamptz)
 order by at desc, id desc limit $1::integer;

-- name: audit_add(actor_id, actor_name, action, target_kind, target_id, target_name, result, trace_id, origin, detail)
insert into audit (actor_id, actor_name, action, target_kind, target_id, target_name, result, trace_id, origin, detail)
values ($1::uuid, left($2::text, 64), $3::text, $4::text, $5::uuid, left($6::text, 64), $7::text, left($8::text, 128),
        left($9::text, 200), left($10::text, 2000));
