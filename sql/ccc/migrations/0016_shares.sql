-- 0016: shares change in two steps (docs/broker.md, "Shares change"). pool_share is what an administrator wants; while the
-- modules that may have given desktops by the earlier shares have not said that they go by these, the earlier ones are
-- kept as the base, and a person's place must be hers by both.

alter table pool add column share_generation bigint not null default 1 check (share_generation >= 1);
comment on column pool.share_generation is 'Counts the changes of the shares that move places.';

create table pool_change (
    pool_id uuid primary key references pool on delete cascade,
    since   timestamptz(3) not null default now()
);
comment on table pool_change is 'Pools whose newest shares wait until the modules of their base go by them. No row: they are in force.';

create table pool_share_base (
    pool_id   uuid not null references pool_change on delete cascade,
    module_id uuid not null references module on delete cascade,
    size      integer not null check (size between 0 and 1000),
    primary key (pool_id, module_id)
);
comment on table pool_share_base is 'The last shares that all went by, while others wait.';
create index pool_share_base_module on pool_share_base (module_id);

create table mirror_share (
    id         uuid not null,
    module_id  uuid not null references module on delete cascade,
    round      bigint not null,
    generation bigint not null,
    primary key (module_id, id)
);
comment on table mirror_share is 'Which shares of a pool (id) a module goes by; every seat that it gave by earlier ones was told before.';
create index mirror_share_pool on mirror_share (id);

-- Who must hear of a pool.
create view pool_member as
    select pool_id, module_id from pool_share union select pool_id, module_id from pool_share_base;

-- What counts for the place (common/wire/place.c): sizes that differ less than that move nobody.
create function place_points(size integer) returns integer language sql immutable parallel safe
return case when size > 0 then least(100, greatest(1, size / 10)) else 0 end;

-- By the shares that are in force.
create or replace function place_module(person uuid, pool uuid, skip uuid[] default '{}')
returns uuid language sql stable parallel safe
return (select case when count(*) filter (where size > 0 and module_id <> all (skip)) = 1
                    then (array_agg(module_id) filter (where size > 0 and module_id <> all (skip)))[1]
                    else place_among(person, pool, array_agg(module_id order by module_id),
                                     array_agg(size order by module_id), skip) end
          from (select b.module_id, b.size from pool_share_base b where b.pool_id = pool
                union all
                select s.module_id, s.size from pool_share s
                 where s.pool_id = pool and not exists (select from pool_change c where c.pool_id = pool)) shares);

-- By the newest shares: who is asked when all others have said no.
create function place_wanted(person uuid, pool uuid, skip uuid[])
returns uuid language sql stable parallel safe
return (select place_among(person, pool, array_agg(module_id order by module_id), array_agg(size order by module_id), skip)
          from pool_share where pool_id = pool);

-- A seat counts as long as its module is of the pool, or has her desktop.
create or replace function seat_module(person uuid, pool uuid, skip uuid[] default '{}')
returns uuid language sql stable parallel safe
return (select s.module_id
          from mirror_seat s
          cross join lateral (select exists (select from mirror_desktop d where d.person_id = s.person_id
                                                and d.pool_id = s.pool_id and d.module_id = s.module_id) as there) h
         where s.person_id = person and s.pool_id = pool and not s.released and s.module_id <> all (skip)
           and (h.there or exists (select from pool_member m where m.pool_id = s.pool_id and m.module_id = s.module_id))
         order by h.there desc, s.module_id
         limit 1);

-- The views speak to the members; what they say else stays as it is.
do $$
declare v text;
begin
    foreach v in array array['wanted_now_image_version', 'wanted_now_person', 'wanted_now_entitlement', 'wanted_now_seat'] loop
        execute format('create or replace view %I as %s', v, replace(pg_get_viewdef(v::regclass), 'pool_share', 'pool_member'));
    end loop;
    execute format('create view wanted_pool_body as %s', pg_get_viewdef('wanted_now_pool'::regclass));
end $$;

create or replace view wanted_now_pool as
    select m.module_id::text as scope, p.id,
           b.body || jsonb_build_object('share_generation', p.share_generation,
               'base', (select jsonb_agg(jsonb_build_object('module_id', a.module_id, 'size', a.size) order by a.module_id)
                          from pool_share_base a where a.pool_id = p.id)) as body
      from pool p
      join pool_member m on m.pool_id = p.id
      join lateral (select w.body from wanted_pool_body w where w.id = p.id limit 1) b on true;

-- Before the shares are written. Other places: those in force become the base, if there is none yet. The base itself
-- wanted again is in force at once, since nobody ever went by less than it; but modules that came with the change, and may
-- have been given people whom all others had refused, are of the base from then on, with no place: their word is waited for.
create function pool_change_begin(pool uuid, modules uuid[], sizes integer[]) returns void
language plpgsql set search_path = public, pg_temp as $$
begin
    if not exists (select from pool_share s where s.pool_id = pool)
       or not exists ((select s.module_id, place_points(s.size) from pool_share s where s.pool_id = pool
                       except select n.m, place_points(n.size) from unnest(modules, sizes) n (m, size))
                      union all
                      (select n.m, place_points(n.size) from unnest(modules, sizes) n (m, size)
                       except select s.module_id, place_points(s.size) from pool_share s where s.pool_id = pool))
    then
        return;
    end if;
    update pool p set share_generation = share_generation + 1 where p.id = pool_change_begin.pool;
    if not exists (select from pool_change c where c.pool_id = pool) then
        insert into pool_change (pool_id) values (pool);
        insert into pool_share_base select s.pool_id, s.module_id, s.size from pool_share s where s.pool_id = pool;
        return;
    end if;
    insert into pool_share_base select s.pool_id, s.module_id, 0 from pool_share s where s.pool_id = pool on conflict do nothing;
    if not exists (select from pool_share_base b where b.pool_id = pool and b.module_id <> all (coalesce(modules, '{}')))
       and not exists ((select b.module_id, place_points(b.size) from pool_share_base b where b.pool_id = pool and b.size > 0
                       except select n.m, place_points(n.size) from unnest(modules, sizes) n (m, size) where n.size > 0)
                      union all
                      (select n.m, place_points(n.size) from unnest(modules, sizes) n (m, size) where n.size > 0
                       except select b.module_id, place_points(b.size) from pool_share_base b where b.pool_id = pool and b.size > 0))
    then
        delete from pool_change c where c.pool_id = pool;
    end if;
end $$;

-- The modules that a change waits for: those that have not said that they go by it, and one that is to leave while
-- somebody has a desktop there.
create view pool_change_waits as
    select b.pool_id, b.module_id
      from pool_share_base b
      join pool p on p.id = b.pool_id
      left join mirror_share a on a.module_id = b.module_id and a.id = b.pool_id
     where coalesce(a.generation, 0) < p.share_generation
        or (exists (select from mirror_desktop d where d.pool_id = b.pool_id and d.module_id = b.module_id
                                                   and d.person_id is not null)
            and not exists (select from pool_share s where s.pool_id = b.pool_id and s.module_id = b.module_id));

-- In force is what waits for nobody any more.
create function pool_change_end() returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare ended uuid[];
begin
    select array_agg(c.pool_id) into ended from pool_change c
     where not exists (select from pool_change_waits w where w.pool_id = c.pool_id);
    if ended is null then
        return;
    end if;
    delete from pool_change c where c.pool_id = any (ended);
    perform wanted_refresh_pools(ended, '{}', true);
end $$;

create trigger event_insert after insert on pool_change referencing new table as came
    for each statement execute function event_changed('pool', 'pool_id');
create trigger event_delete after delete on pool_change referencing old table as gone
    for each statement execute function event_changed('pool', 'pool_id');
create trigger event_update after update on mirror_share referencing old table as gone new table as came
    for each statement execute function event_changed('pool', 'id');

-- As with seats, what is told is only noted (0013). Seats come first: a module that says by which shares it goes has told
-- of all that it gave before, and those who wait for its word must hear of them no later.
alter table wanted_due drop constraint wanted_due_kind_check, add check (kind in ('person', 'seat', 'pool'));

create function wanted_share_told() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    insert into wanted_due select 'pool', c.id from came c where exists (select from pool_change p where p.pool_id = c.id);
    return null;
end $$;
create trigger wanted_insert after insert on mirror_share referencing new table as came
    for each statement execute function wanted_share_told();
create trigger wanted_update after update on mirror_share referencing new table as came
    for each statement execute function wanted_share_told();

create or replace function wanted_catch_up(most integer) returns bigint
language plpgsql security definer set search_path = public, pg_temp as $$
declare persons uuid[]; seats uuid[]; n bigint;
begin
    with taken as (delete from wanted_due where ctid = any (array(select ctid from wanted_due where kind <> 'pool' limit most))
                   returning kind, id)
    select array_agg(distinct id) filter (where kind = 'person'), array_agg(distinct id) filter (where kind = 'seat'), count(*)
      into persons, seats, n from taken;
    perform wanted_refresh('person', persons);
    perform wanted_refresh('seat', seats);
    if n < most then
        delete from wanted_due where kind = 'pool';
        perform pool_change_end();
    end if;
    return n;
end $$;
alter function wanted_catch_up(integer) set jit = off;

-- As the contract shows it (docs/rest.md).
create function api_pool_change(pool uuid) returns jsonb language sql stable
return jsonb_build_object('change', (
    select jsonb_build_object('since', rfc3339(c.since),
               'waiting_for', (select coalesce(jsonb_agg(w.module_id order by w.module_id), '[]'::jsonb)
                                 from pool_change_waits w where w.pool_id = c.pool_id),
               'in_force', (select jsonb_agg(jsonb_build_object('module_id', b.module_id, 'size', b.size) order by b.module_id)
                              from pool_share_base b where b.pool_id = c.pool_id))
      from pool_change c where c.pool_id = pool));

select wanted_refresh('pool', (select array_agg(id) from pool));

do $$
begin
    if exists (select from pg_roles where rolname = 'ccc') then
        grant select on pool_change, pool_share_base, mirror_share, pool_member, pool_change_waits, wanted_pool_body to ccc;
        grant insert, update, delete on pool_change, pool_share_base, mirror_share to ccc;
    end if;
    revoke execute on function pool_change_end from public;
end $$;
