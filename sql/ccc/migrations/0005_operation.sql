-- 0005: the orders that the CCC gives, and the answers it remembers for Idempotency-Key.

create table operation (
    id            uuid primary key,
    verb          text not null check (verb in ('start', 'shutdown', 'stop', 'reboot', 'reset', 'rebuild',
                                                'delete', 'unassign', 'maintenance', 'resume')),
    module_id     uuid not null references module,
    target_kind   text not null check (target_kind in ('desktop', 'bserver')),
    target_id     uuid not null,
    target_name   text not null check (char_length(target_name) <= 64),
    asked_by      uuid not null,
    asked_by_name text not null check (char_length(asked_by_name) <= 64),
    created_at    timestamptz(3) not null default now(),
    deadline      timestamptz(3) not null,
    cancel        boolean not null default false,
    ended_state   text check (ended_state in ('succeeded', 'failed', 'cancelled')),
    ended_at      timestamptz(3),
    ended_slug    text check (char_length(ended_slug) <= 64),
    withdrawn     boolean not null default false,
    check ((ended_at is null) = (ended_state is null)),
    check (not withdrawn or ended_at is not null)
);
comment on table operation is 'Orders, written in the transaction that decides; sync delivers them, perhaps twice. Withdrawn an hour after their end.';
create index operation_created on operation (created_at, id);
create index operation_target on operation (target_id, created_at, id);
create index operation_asked on operation (asked_by, created_at, id);
create unique index operation_open on operation (target_id, verb) where ended_at is null;
create index operation_live on operation (deadline) where not withdrawn;

create table idempotency (
    person_id  uuid not null references person on delete cascade,
    key        text not null check (key ~ '^[\x21-\x7e]{1,64}$'),
    route      text not null check (char_length(route) <= 160),
    body_hash  text not null check (body_hash ~ '^[0-9a-f]{64}$'),
    status     integer not null check (status between 200 and 299),
    location   text not null default '' check (char_length(location) <= 160),
    body       jsonb,
    created_at timestamptz(3) not null default now(),
    primary key (person_id, key)
);
comment on table idempotency is 'Answers to POSTs with an Idempotency-Key, for 24 h. Answers that hold a secret are stored without body.';
create index idempotency_created on idempotency (created_at);
