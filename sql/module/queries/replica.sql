-- What the CCC wants, stored page by page with its cursor in one transaction.

-- name: replica_put(scope, kind, id, rev, body, mark)
insert into replica (scope, kind, id, rev, body, mark) values ($1::text, $2::text, $3::uuid, $4::bigint, $5::jsonb, $6::bigint)
on conflict (scope, kind, id) do update set rev = excluded.rev, body = excluded.body, mark = excluded.mark, absent = false;

-- name: replica_del(scope, kind, id)
delete from replica where scope = $1::text and kind = $2::text and id = $3::uuid;

-- name: replica_absent(mark)
update replica set absent = true where mark <> $1::bigint;

-- name: replica_cursor_put(cursor, floor, mark)
update replica_cursor set cursor = $1::text, floor = $2::bigint, mark = $3::bigint;

-- name: replica_cursor_get()
select cursor, floor, mark from replica_cursor;

-- name: replica_every()
select scope, kind, id, rev, body::text as body, absent from replica order by rev;

-- name: replica_confirm()
delete from replica where absent returning scope, kind, id;
