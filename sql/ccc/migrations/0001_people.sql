-- 0001: people, groups, log-ins. Forward only; never edited once released.

-- Text that people type, with the same bounds as common/base/text.h.
create domain name_text as text
    check (char_length(value) between 1 and 64 and value !~ '[[:cntrl:]]' and value = btrim(value));
create domain note_text as text
    check (char_length(value) <= 512);

-- RFC 3339, UTC, milliseconds: the one form in which times leave the database.
create function rfc3339(t timestamptz) returns text language sql stable parallel safe
return to_char(t at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

create table person (
    id           uuid primary key default gen_random_uuid(),
    username     text not null check (username ~ '^[a-z0-9][a-z0-9._-]{0,31}$'),
    display_name text not null default ''
                 check (char_length(display_name) <= 64 and display_name !~ '[[:cntrl:]]'),
    role         text not null default 'user' check (role in ('admin', 'user')),
    disabled     boolean not null default false,
    locale       text check (char_length(locale) <= 16 and locale ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$'),
    verifier     text not null check (verifier like '$argon2id$%' and char_length(verifier) <= 128),
    generation   bigint not null default 1 check (generation >= 1),
    created_at   timestamptz(3) not null default now(),
    constraint person_name unique (username)
);
comment on table person is 'Who may sign in. verifier is an Argon2id string of libsodium, never the password.';
create index person_created on person (created_at, id);

create table person_group (
    id          uuid primary key default gen_random_uuid(),
    name        name_text not null,
    description note_text not null default '',
    generation  bigint not null default 1 check (generation >= 1),
    created_at  timestamptz(3) not null default now(),
    constraint person_group_name unique (name)
);
comment on table person_group is 'A group of people, for entitlements.';
create index person_group_created on person_group (created_at, id);

create table member (
    group_id  uuid not null references person_group on delete cascade,
    person_id uuid not null references person on delete cascade,
    primary key (group_id, person_id)
);
comment on table member is 'Who is in which group.';
create index member_person on member (person_id);

create table login_session (
    token_hash text primary key check (token_hash ~ '^[0-9a-f]{64}$'),
    person_id  uuid not null references person on delete cascade,
    created_at timestamptz(3) not null default now(),
    used_at    timestamptz(3) not null default now(),
    expires_at timestamptz(3) not null,
    remote     text not null check (char_length(remote) <= 64)
);
comment on table login_session is 'Sign-ins: SHA-256 of the token; 12 h in all, 1 h without use (used_at moves at most once a minute).';
create index login_session_person on login_session (person_id);
create index login_session_expires on login_session (expires_at);
