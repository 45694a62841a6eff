-- 0001: the facts that a bCenter owns (docs/broker.md) and the copy it keeps of what the CCC wants.
-- Applied as module_owner; the daemon is the role module and owns nothing. Forward only.

create table leader (                       -- one row: who decides in this module
    one         boolean primary key default true check (one),
    epoch       bigint not null check (epoch >= 0),
    holder      uuid,                       -- node id of the process that holds it
    renewed_at  timestamptz not null default now()
);
insert into leader (epoch) values (0);

create table ticket_key (                   -- public halves only: old tickets stay valid over a restart
    kid         uuid primary key,
    public_key  text not null check (public_key ~ '^[0-9a-f]{64}$'),
    made_at     timestamptz not null default now(),
    retired_at  timestamptz
);

create table bserver (
    id               uuid primary key,
    name             text not null,
    maintenance      boolean not null default false,
    boot             text not null,
    memory_limit_mib bigint not null check (memory_limit_mib >= 0),
    memory_used_mib  bigint not null default 0,
    store_limit_gib  bigint check (store_limit_gib >= 0),   -- null: it has no store of its own
    store_used_gib   bigint not null default 0,
    body             jsonb not null,                        -- the last report, for a start without its agent
    heard_at         timestamptz not null default now(),
    constraint law_memory check (memory_used_mib between 0 and memory_limit_mib),
    constraint law_storage check (store_used_gib >= 0 and (store_limit_gib is null or store_used_gib <= store_limit_gib))
);

create table desktop (
    id               uuid primary key,
    name             text not null unique check (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    pool_id          uuid not null,
    floating         boolean not null,
    bserver_id       uuid not null references bserver,
    person_id        uuid,
    assigned_at      timestamptz,
    mac              macaddr not null unique,
    user_net         boolean not null,
    spec             jsonb not null,
    image            jsonb not null,                        -- of this overlay: id, sha256, size, virtual_size, format, guest
    memory_mib       bigint not null check (memory_mib > 0),
    store_gib        bigint not null check (store_gib >= 0),
    overlay_id       uuid not null unique,
    run_id           uuid unique,                           -- null: should be off
    run_boot         text,                                  -- the boot of the bServer this run was given to
    stop_how         text not null default 'shutdown' check (stop_how in ('shutdown', 'destroy')),
    seq              bigint not null default 0 check (seq >= 0),
    deleting         boolean not null default false,
    generation       bigint not null default 1,
    created_at       timestamptz not null default now(),
    constraint one_desktop_a_person unique (pool_id, person_id),
    constraint assigned check ((person_id is null) = (assigned_at is null)),
    constraint run_has_boot check ((run_id is null) = (run_boot is null)),
    constraint deleting_is_off check (not deleting or run_id is null)
);
create index desktop_bserver on desktop (bserver_id);

create table slot (                         -- capacity is rows: a desktop takes one as it takes a VF
    bserver_id  uuid not null references bserver on delete cascade,
    no          integer not null check (no between 0 and 99),
    lane        integer not null check (lane between 0 and 15),
    desktop_id  uuid unique references desktop,
    primary key (bserver_id, no)
);

create table vf (
    id          uuid primary key,
    bserver_id  uuid not null references bserver on delete cascade,
    pf          text not null,
    address     text not null,
    index       integer not null,
    mac         text,
    vlan        integer check (vlan between 1 and 4094),
    state       text not null default 'free' check (state in ('free', 'assigned', 'quarantine', 'lost')),
    desktop_id  uuid unique references desktop,
    unique (bserver_id, address),
    constraint assigned_has_desktop check ((state = 'assigned') = (desktop_id is not null) or state = 'lost')
);

-- One overlay, one person, for ever. The pair is what a session's foreign key points at.
create table overlay_use (
    overlay_id  uuid primary key,
    person_id   uuid not null,
    at          timestamptz not null default now(),
    unique (overlay_id, person_id)
);

create table session (
    id           uuid primary key,
    desktop_id   uuid not null,             -- no reference: sessions outlive their desktops, for the record
    pool_id      uuid not null,
    person_id    uuid not null,
    overlay_id   uuid not null,
    run_id       uuid not null,
    seq          bigint not null,
    resume_hash  bytea not null check (length(resume_hash) = 32),
    since        timestamptz not null default now(),
    ended_at     timestamptz,
    end_reason   text,
    foreign key (overlay_id, person_id) references overlay_use (overlay_id, person_id),
    constraint ended check ((ended_at is null) = (end_reason is null))
);
create unique index session_live_desktop on session (desktop_id) where ended_at is null;
create unique index session_live_person on session (pool_id, person_id) where ended_at is null;
create index session_ended on session (ended_at) where ended_at is not null;
create index session_overlay on session (overlay_id);

create table seat (                         -- which (person, pool) is served here, or was given away
    person_id   uuid not null,
    pool_id     uuid not null,
    released    boolean not null,
    generation  bigint not null default 1,
    primary key (person_id, pool_id)
);

create table operation (                    -- executed at most once by id: the row comes first
    id          uuid primary key,
    verb        text not null check (verb in ('start', 'shutdown', 'stop', 'reboot', 'reset', 'rebuild', 'delete',
                                              'unassign', 'maintenance', 'resume', 'connect')),
    target_kind text not null check (target_kind in ('desktop', 'bserver', 'pool')),
    target_id   uuid not null,
    asked_by    uuid,
    asked_name  text,
    state       text not null check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    stage       text,
    run_id      uuid,                       -- the run that it named or made
    seq         bigint,                     -- connect: the desktop's seq that it wrote
    error       jsonb,
    created_at  timestamptz not null,
    started_at  timestamptz,
    ended_at    timestamptz,
    deadline    timestamptz not null,
    constraint ended_has_time check ((state in ('succeeded', 'failed', 'cancelled')) = (ended_at is not null))
);
create unique index operation_open on operation (target_id) where ended_at is null and state = 'running';
create index operation_ended on operation (ended_at);

create table audit (
    id          uuid primary key default gen_random_uuid(),
    no          bigint generated always as identity unique,
    at          timestamptz not null default clock_timestamp(),
    actor_id    uuid,
    actor_name  text,
    action      text not null,
    target_kind text,
    target_id   uuid,
    result      text not null default 'ok',
    trace_id    text,
    detail      text
);

create table login_session (
    token_hash  bytea primary key check (length(token_hash) = 32),
    person_id   uuid not null,
    created_at  timestamptz not null default now(),
    used_at     timestamptz not null default now(),
    expires_at  timestamptz not null
);

create table replica (                      -- what the CCC wants, as last heard: a start without the CCC
    scope       text not null,
    kind        text not null,
    id          uuid not null,
    rev         bigint not null,
    body        jsonb not null,
    mark        bigint not null,            -- number of the snapshot that named it last
    absent      boolean not null default false,
    primary key (scope, kind, id)
);
create table replica_cursor (
    one         boolean primary key default true check (one),
    cursor      text not null,
    floor       bigint not null,
    mark        bigint not null default 0
);
insert into replica_cursor (cursor, floor) values ('', 0);

create table placement (                    -- why a desktop is where it is: inputs of the pure functions
    id          uuid primary key default gen_random_uuid(),
    at          timestamptz not null default now(),
    desktop_id  uuid not null,
    bserver_id  uuid not null,
    inputs      text not null check (length(inputs) <= 1024)
);
create index placement_at on placement (at);
