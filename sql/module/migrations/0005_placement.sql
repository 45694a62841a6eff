-- 0005: why a desktop is where it is. The inputs of the pure functions in their packed form (bcenter/placement_pack.h), a
-- partition a day, so that seven days' worth goes without a vacuum's work. What 0001's table held cannot be replayed.

drop table placement;
create table placement (
    id          uuid not null,
    at          timestamptz not null default now(),
    desktop_id  uuid not null,
    bserver_id  uuid not null,
    lane        integer not null,
    inputs      bytea not null check (octet_length(inputs) <= 1024),
    primary key (id, at)
) partition by range (at);
create table placement_rest partition of placement default;  -- takes what comes when no day was prepared

alter table desktop add column placement_id uuid;
comment on column desktop.placement_id is 'Why it is on its bServer; null: placed by an earlier version.';

-- Today's partition and the next two; those of more than seven days ago go. Owner's work: the daemon may only ask for it.
create function placement_days() returns void language plpgsql security definer
    set search_path = public, pg_temp set timezone = 'UTC' as $$
declare
    day date;
    old regclass;
begin
    for day in select d::date from generate_series(current_date, current_date + 2, interval '1 day') d loop
        if to_regclass('placement_' || to_char(day, 'YYYYMMDD')) is null then
            begin
                execute format('create table %I partition of placement for values from (%L) to (%L)',
                               'placement_' || to_char(day, 'YYYYMMDD'), day, day + 1);
            exception when check_violation then
                null;  -- the rest holds rows of that day: they go with the rest
            end;
        end if;
    end loop;
    for old in select inhrelid::regclass from pg_inherits
                where inhparent = 'placement'::regclass
                  and inhrelid::regclass::text ~ '^placement_[0-9]{8}$'
                  and right(inhrelid::regclass::text, 8) < to_char(current_date - 7, 'YYYYMMDD') loop
        execute format('drop table %s', old);
    end loop;
    delete from placement_rest where at < now() - interval '7 days';
end
$$;
revoke execute on function placement_days from public;
select placement_days();

do $$
begin
    if exists (select from pg_roles where rolname = 'module') then
        grant select, insert on placement to module;
        grant execute on function placement_days to module;
    end if;
end
$$;
