-- 0013: who serves a person in a pool (docs/broker.md, "Seats"). Each module's word is kept, not the last one's; from it
-- follow who is asked first, which modules are told that she is held elsewhere, and which may check her password.

-- A seat's id is made of person and pool, so that each module has one with the same id. The modules tell all again.
alter table mirror_seat drop constraint mirror_seat_pkey, add primary key (module_id, id);
drop index mirror_seat_module;
create index mirror_seat_id on mirror_seat (id);
create index mirror_seat_pool on mirror_seat (pool_id);
update mirror_cursor set history = null, rev = 0, snap_history = null, snap_rev = null, snap_seen = null, snap_node = null;

-- The module that holds her seat. Two can say so when their words crossed: the one with her desktop counts. A module
-- without a share has forgotten the pool, whatever is left of its seats.
create function seat_module(person uuid, pool uuid, skip uuid[] default '{}')
returns uuid language sql stable parallel safe
return (select s.module_id
          from mirror_seat s join pool_share h on h.pool_id = s.pool_id and h.module_id = s.module_id
         where s.person_id = person and s.pool_id = pool and not s.released and s.module_id <> all (skip)
         order by exists (select from mirror_desktop d where d.person_id = s.person_id and d.pool_id = s.pool_id
                                                         and d.module_id = s.module_id) desc, s.module_id
         limit 1);

create table seat_turn (
    person_id uuid not null references person on delete cascade,
    pool_id   uuid not null references pool on delete cascade,
    mark      uuid not null default gen_random_uuid(),
    until     timestamptz not null default now() + interval '15 s',
    primary key (person_id, pool_id)
);
comment on table seat_turn is 'One request at a time gives a person whom every module gave up to one of them again. A request that died loses its turn.';
create index seat_turn_pool on seat_turn (pool_id);

-- Told to the other modules of the pool. The holder itself knows.
create view wanted_now_seat as
    select h.module_id::text as scope, s.id,
           jsonb_build_object('person_id', s.person_id, 'pool_id', s.pool_id, 'module_id', s.module_id) as body
      from mirror_seat s
      join person p on p.id = s.person_id
      join pool_share h on h.pool_id = s.pool_id and h.module_id <> s.module_id
     where not s.released and s.module_id = seat_module(s.person_id, s.pool_id);

-- Administrators sign in at the CCC alone: no module can check their password. A verifier of the others goes where they
-- have a place, a seat or a desktop.
create or replace view wanted_now_person as
    select r.module_id::text as scope, p.id,
           jsonb_build_object('id', p.id, 'username', p.username, 'display_name', p.display_name,
               'role', p.role, 'disabled', p.disabled, 'locale', p.locale, 'generation', p.generation,
               'verifier', case when not p.disabled and p.role = 'user' and r.module_id = any (w.places) then p.verifier end,
               'groups', (select coalesce(jsonb_agg(m.group_id order by m.group_id), '[]'::jsonb)
                            from member m where m.person_id = p.id)) as body
      from person p
      cross join lateral (select array_agg(e.pool_id) as pools from entitled e where e.person_id = p.id) h
      cross join lateral (
            select array(select place_module(p.id, pool) from unnest(h.pools) pool
                         union all
                         select x.module_id from mirror_seat x
                          where x.person_id = p.id and x.pool_id = any (h.pools) and not x.released
                         union all
                         select d.module_id from mirror_desktop d
                          where d.person_id = p.id and d.pool_id = any (h.pools)) as places offset 0) w
      cross join lateral (select distinct s.module_id from pool_share s where s.pool_id = any (h.pools)) r;

create or replace view wanted_now as
    select 'node' as kind, * from wanted_now_node
    union all select 'module', * from wanted_now_module
    union all select 'image_version', * from wanted_now_image_version
    union all select 'pool', * from wanted_now_pool
    union all select 'person', * from wanted_now_person
    union all select 'entitlement', * from wanted_now_entitlement
    union all select 'operation', * from wanted_now_operation
    union all select 'seat', * from wanted_now_seat;

-- What modules tell is written READ COMMITTED, several at a time: none of them sees what the others are about to say. So
-- they only note whom it concerns, and a SERIALIZABLE transaction of its own brings wanted up to date. Rows are added
-- and taken, never merged: one that is noted again meanwhile is there again.
create table wanted_due (
    kind text not null check (kind in ('person', 'seat')),
    id   uuid not null
);
comment on table wanted_due is 'Persons and seats of which a module has told something new since table wanted was made equal to its views.';

create function wanted_seat_told() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if TG_OP = 'UPDATE' then
        insert into wanted_due
            select v.kind, v.id from came c join gone g on g.module_id = c.module_id and g.id = c.id,
                   lateral (values ('seat', c.id), ('person', c.person_id)) v (kind, id)
             where (c.released, c.person_id, c.pool_id) is distinct from (g.released, g.person_id, g.pool_id);
    elsif TG_OP = 'INSERT' then
        insert into wanted_due select v.kind, v.id from came c, lateral (values ('seat', c.id), ('person', c.person_id)) v (kind, id)
             where not c.released;
    else
        insert into wanted_due select v.kind, v.id from gone g, lateral (values ('seat', g.id), ('person', g.person_id)) v (kind, id)
             where not g.released;
    end if;
    return null;
end $$;

-- Whose desktop it is, or was, and her seats of that pool.
create function wanted_desktop_told() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare persons uuid[]; pools uuid[];
begin
    if TG_OP = 'UPDATE' then
        select array_agg(v.person_id), array_agg(v.pool_id) into persons, pools
          from came c join gone g on g.id = c.id,
               lateral (values (c.person_id, c.pool_id), (g.person_id, g.pool_id)) v (person_id, pool_id)
         where (c.person_id, c.pool_id, c.module_id) is distinct from (g.person_id, g.pool_id, g.module_id);
    elsif TG_OP = 'INSERT' then
        select array_agg(person_id), array_agg(pool_id) into persons, pools from came where person_id is not null;
    else
        select array_agg(person_id), array_agg(pool_id) into persons, pools from gone where person_id is not null;
    end if;
    if persons is not null then
        insert into wanted_due select 'person', p from unnest(persons) p where p is not null;
        insert into wanted_due
            select 'seat', s.id from unnest(persons, pools) t (person_id, pool_id)
              join mirror_seat s on s.person_id = t.person_id and s.pool_id = t.pool_id;
    end if;
    return null;
end $$;

do $$
declare t record;
begin
    for t in select * from (values ('mirror_seat', 'wanted_seat_told'), ('mirror_desktop', 'wanted_desktop_told')) v (source, f)
    loop
        execute format('create trigger wanted_insert after insert on %I referencing new table as came
                        for each statement execute function %I()', t.source, t.f);
        execute format('create trigger wanted_update after update on %I referencing old table as gone
                        new table as came for each statement execute function %I()', t.source, t.f);
        execute format('create trigger wanted_delete after delete on %I referencing old table as gone
                        for each statement execute function %I()', t.source, t.f);
    end loop;
end $$;

-- At most so many notes; how many there were.
create function wanted_catch_up(most integer) returns bigint
language plpgsql security definer set search_path = public, pg_temp as $$
declare persons uuid[]; seats uuid[]; n bigint;
begin
    with taken as (delete from wanted_due where ctid = any (array(select ctid from wanted_due limit most)) returning kind, id)
    select array_agg(distinct id) filter (where kind = 'person'), array_agg(distinct id) filter (where kind = 'seat'), count(*)
      into persons, seats, n from taken;
    perform wanted_refresh('person', persons);
    perform wanted_refresh('seat', seats);
    return n;
end $$;

create or replace function wanted_person_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare ids uuid[];
begin
    if TG_OP = 'DELETE' then
        select array_agg(id) into ids from gone;
        perform wanted_refresh('seat', (select array_agg(distinct id) from mirror_seat where person_id = any (ids)));
    else
        select array_agg(id) into ids from came;
    end if;
    perform wanted_refresh('person', ids);
    return null;
end $$;

create or replace function wanted_refresh_pools(pools uuid[], versions uuid[], shares boolean) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    -- Who is held elsewhere goes out before the shares by which her place may be another.
    if shares then
        perform wanted_refresh('seat', (select array_agg(distinct id) from mirror_seat where pool_id = any (pools)));
    end if;
    perform wanted_refresh('pool', pools);
    perform wanted_refresh('image_version',
        (select array_agg(v) from (select unnest(versions) union
            select image_version_id from pool where id = any (pools)) t (v)));
    if shares then
        perform wanted_refresh('entitlement',
            (select array_agg(id) from entitlement where pool_id = any (pools)));
        perform wanted_refresh('person',
            (select array_agg(distinct person_id) from entitled where pool_id = any (pools)));
    end if;
end $$;

-- Without figures yet the planner takes these for long queries; compiling them costs seconds.
alter function wanted_refresh(text, uuid[]) set jit = off;

select wanted_refresh('person', (select array_agg(id) from person));
select wanted_refresh('seat', (select array_agg(distinct id) from mirror_seat));

do $$
begin
    if exists (select from pg_roles where rolname = 'ccc') then
        grant select on seat_turn, wanted_due to ccc;
        grant insert, update, delete on seat_turn to ccc;
        grant execute on function wanted_catch_up to ccc;
    end if;
    revoke execute on function wanted_catch_up from public;
end $$;
