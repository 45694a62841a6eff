-- 0002: blocks, modules, the nodes that may speak, and the tokens with which they join.

create table block (
    id         uuid primary key default gen_random_uuid(),
    name       name_text not null,
    generation bigint not null default 1 check (generation >= 1),
    created_at timestamptz(3) not null default now(),
    constraint block_name unique (name)
);
comment on table block is 'A building block: at most 2 modules, gathered by xCenters.';
create index block_created on block (created_at, id);

create table module (
    id         uuid primary key default gen_random_uuid(),
    name       name_text not null,
    block_id   uuid not null references block,
    generation bigint not null default 1 check (generation >= 1),
    created_at timestamptz(3) not null default now(),
    constraint module_name unique (block_id, name)
);
comment on table module is 'A service module: at most 10 bServers and 1,000 desktops, led by one bCenter.';
create index module_created on module (created_at, id);

create table node (
    id         uuid primary key,
    kind       text not null check (kind in ('ccc', 'xcenter', 'bcenter', 'bserver')),
    name       name_text not null,
    block_id   uuid references block,
    module_id  uuid references module,
    serial     text not null default '' check (serial ~ '^[0-9a-f]{0,64}$'),
    not_after  timestamptz(3),
    revoked    boolean not null default false,
    generation bigint not null default 1 check (generation >= 1),
    created_at timestamptz(3) not null default now(),
    check (case kind when 'ccc' then block_id is null and module_id is null
                     when 'xcenter' then block_id is not null and module_id is null
                     else block_id is not null and module_id is not null end)
);
comment on table node is 'Machines with a certificate of this installation. A revoked one stays, so that the tiers below learn it.';
create unique index node_name on node (kind, coalesce(module_id, block_id), name)
    where not revoked and kind <> 'ccc';
create index node_created on node (created_at, id);
create index node_block on node (block_id);
create index node_module on node (module_id);

create table node_heard (
    node_id  uuid primary key references node on delete cascade,
    heard_at timestamptz(3) not null,
    url      text not null default '' check (char_length(url) <= 2048)
);
comment on table node_heard is 'When a node spoke last and where it can be called; apart from node, so that a heartbeat changes nothing else.';

create table node_token (
    id            text primary key check (id ~ '^[0-9a-f]{32}$'),
    secret_sha256 text not null check (secret_sha256 ~ '^[0-9a-f]{64}$'),
    kind          text not null check (kind in ('xcenter', 'bcenter', 'bserver')),
    name          name_text not null,
    block_id      uuid not null references block on delete cascade,
    module_id     uuid references module on delete cascade,
    node_id       uuid not null unique,
    created_at    timestamptz(3) not null default now(),
    expires_at    timestamptz(3) not null,
    taken_key     text check (taken_key ~ '^[0-9a-f]{64}$'),
    taken_at      timestamptz(3),
    check ((taken_key is null) = (taken_at is null))
);
comment on table node_token is 'One-time tokens: hash of the secret; the key that took one may ask again for 24 h.';
