-- 0009: the I/O law (docs/iolaw.md): what is learned of each bServer and pool, and why each limit moved. Figures are
-- micro-requests per second. What was measured is never stored; what an administrator gave comes with the wanted set.

create table io_limit (
    bserver_id  uuid primary key references bserver on delete cascade,
    learned     bigint not null check (learned >= 0),        -- 0: nothing yet
    fallen      boolean not null,
    began       bigint not null check (began >= 0),          -- the total at which the newest saturation began
    quiet       jsonb not null check (jsonb_typeof(quiet) = 'array' and jsonb_array_length(quiet) <= 63),
    given       bigint check (given >= 0)                    -- the administrator's that was last in force; null: none
);

create table io_move (
    bserver_id      uuid not null references bserver on delete cascade,
    at              timestamptz not null,
    no              bigint not null generated always as identity,
    from_uio        bigint not null,
    to_uio          bigint not null,
    reason          text not null check (reason in ('healthy', 'saturated', 'recovered', 'administrator', 'withdrawn')),
    total           bigint,                                  -- of the sample that it was made from; null: not of any
    us_per_request  bigint,
    quiet_us        bigint,
    dropped         bigint,
    primary key (bserver_id, no)
);

create table io_pool (
    pool_id        uuid primary key,
    per_job        bigint not null check (per_job >= 0),
    job_samples    bigint not null check (job_samples >= 0),
    per_start      bigint not null check (per_start >= 0),
    start_samples  bigint not null check (start_samples >= 0),
    written_at     timestamptz not null default now()
);

do $$
begin
    if exists (select from pg_roles where rolname = 'module') then
        grant select, insert, update, delete on io_limit, io_pool to module;
        grant select, insert, delete on io_move to module;
    end if;
end
$$;
