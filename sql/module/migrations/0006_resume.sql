-- 0006: the secret that a screen comes back with is derived from this key and the session's id (docs/broker.md), so that
-- telling it again writes nothing. Made here, once, so that every process that leads the module has the same.

create table resume_key (
    one  boolean primary key default true check (one),
    key  bytea not null check (length(key) = 32)
);
comment on table resume_key is 'One row. Who reads it can come back to every live session: it is worth as much as the module.';
insert into resume_key (key)
    select sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

do $$
begin
    if exists (select from pg_roles where rolname = 'module') then
        grant select on resume_key to module;
    end if;
end
$$;
