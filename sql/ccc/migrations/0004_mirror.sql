-- 0004: what the modules told of themselves. The bCenters own these facts; everything here can be asked for again.

create table mirror_cursor (
    module_id    uuid primary key references module on delete cascade,
    history      uuid,
    rev          bigint not null default 0,
    round        bigint not null default 0,
    snap_history uuid,
    snap_rev     bigint,
    snap_seen    bigint,
    snap_node    uuid,
    snap_at      timestamptz(3),
    heard_at     timestamptz(3),
    as_of        timestamptz(3)
);
comment on table mirror_cursor is 'How far a module''s observed set has been taken; locked while a page of it is. round marks the rows that a running snapshot named.';

create table mirror_module (
    module_id uuid primary key references module on delete cascade,
    login     text not null default '' check (char_length(login) <= 2048),
    url       text not null default '' check (char_length(url) <= 2048),
    version   text not null default '' check (char_length(version) <= 64),
    epoch     bigint not null default 0 check (epoch >= 0),
    held      integer not null default 0 check (held >= 0)
);
comment on table mirror_module is 'What a module says of itself; written only when it changed.';

create table mirror_bserver (
    id        uuid primary key,
    module_id uuid not null references module on delete cascade,
    round     bigint not null,
    name      text not null check (char_length(name) between 1 and 64),
    state     text not null check (char_length(state) between 1 and 24),
    slots      integer not null check (slots >= 0),
    slots_used integer not null check (slots_used >= 0),
    seen_at   timestamptz(3) not null default now(),
    body      jsonb not null
);
comment on table mirror_bserver is 'bServers as their bCenter last described them.';
create index mirror_bserver_module on mirror_bserver (module_id, name, id);
create index mirror_bserver_name on mirror_bserver (name, id);

create table mirror_vf (
    id         uuid primary key,
    module_id  uuid not null references module on delete cascade,
    round      bigint not null,
    bserver_id uuid not null,
    address    text not null check (char_length(address) between 1 and 16),
    state      text not null check (char_length(state) between 1 and 24),
    desktop_id uuid,
    seen_at    timestamptz(3) not null default now(),
    body       jsonb not null
);
comment on table mirror_vf is 'Virtual functions and whose they are.';
create index mirror_vf_bserver on mirror_vf (bserver_id, address, id);
create index mirror_vf_address on mirror_vf (address, id);
create index mirror_vf_module on mirror_vf (module_id);

create table mirror_desktop (
    id         uuid primary key,
    module_id  uuid not null references module on delete cascade,
    round      bigint not null,
    name       text not null check (char_length(name) between 1 and 64),
    state      text not null check (char_length(state) between 1 and 24),
    observed   text not null check (char_length(observed) between 1 and 24),
    pool_id    uuid not null,
    person_id  uuid,
    bserver_id uuid,
    session_id uuid,
    created_at timestamptz(3) not null,
    body       jsonb not null
);
comment on table mirror_desktop is 'Desktops: the typed columns are what lists filter and sort by, body is the whole.';
create index mirror_desktop_name on mirror_desktop (name, id);
create index mirror_desktop_created on mirror_desktop (created_at, id);
create index mirror_desktop_module on mirror_desktop (module_id, name, id);
create index mirror_desktop_pool on mirror_desktop (pool_id, name, id);
create index mirror_desktop_person on mirror_desktop (person_id, name, id) where person_id is not null;
create index mirror_desktop_bserver on mirror_desktop (bserver_id, name, id) where bserver_id is not null;
create index mirror_desktop_state on mirror_desktop (state, name, id);
create index mirror_desktop_session on mirror_desktop (session_id) where session_id is not null;

create table mirror_operation (
    id         uuid primary key,
    module_id  uuid not null references module on delete cascade,
    round      bigint not null,
    verb       text not null check (char_length(verb) between 1 and 32),
    target_id  uuid,
    state      text not null check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    asked_by   uuid,
    created_at timestamptz(3) not null,
    ended_at   timestamptz(3),
    body       jsonb not null
);
comment on table mirror_operation is 'Progress and result of orders, and the operations born in the modules (connect).';
create index mirror_operation_module on mirror_operation (module_id);
create index mirror_operation_created on mirror_operation (created_at, id);

create table mirror_seat (
    id         uuid primary key,
    module_id  uuid not null references module on delete cascade,
    round      bigint not null,
    person_id  uuid not null,
    pool_id    uuid not null,
    released   boolean not null,
    generation bigint not null
);
comment on table mirror_seat is 'Which module serves, or has released, a person in a pool.';
create index mirror_seat_person on mirror_seat (person_id, pool_id);
create index mirror_seat_module on mirror_seat (module_id);

create table connection (
    id         uuid primary key,
    desktop_id uuid not null,
    person_id  uuid not null,
    module_id  uuid not null references module on delete cascade,
    since      timestamptz(3) not null default now(),
    ended_at   timestamptz(3)
);
comment on table connection is 'Sessions that were opened: where to ask about one. Forgotten a day after its end.';
create index connection_desktop on connection (desktop_id);
create index connection_since on connection (since, id) where ended_at is null;
create index connection_ended on connection (ended_at) where ended_at is not null;

create table audit (
    id          uuid primary key default gen_random_uuid(),
    at          timestamptz(3) not null default now(),
    actor_id    uuid,
    actor_name  text check (char_length(actor_name) <= 64),
    action      text not null check (char_length(action) between 1 and 64),
    target_kind text check (char_length(target_kind) <= 32),
    target_id   uuid,
    target_name text check (char_length(target_name) <= 64),
    result      text not null check (char_length(result) between 1 and 64),
    trace_id    text not null default '' check (char_length(trace_id) <= 128),
    origin      text not null default '' check (char_length(origin) <= 200),
    detail      text check (char_length(detail) <= 2000)
);
comment on table audit is 'Who did what; appended only, never changed.';
create index audit_at on audit (at, id);
create index audit_actor on audit (actor_id, at, id);
create index audit_target on audit (target_id, at, id);
