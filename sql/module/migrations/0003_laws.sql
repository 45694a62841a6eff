-- 0003: the capacity laws as rows and constraints, whoever writes (paper 003 §3, docs/broker.md): 6 desktops a physical
-- core and 100 a bServer, 50 a display lane, 10 bServers and 1,000 desktops a module. Counters are moved by triggers that
-- run as the owner: the daemon's role may read them, not write them.

alter table bserver add column cores integer not null default 0 check (cores between 0 and 4096),
                    add column member boolean not null default true;
comment on column bserver.member is 'False: the CCC has deleted its node; it counts no longer, its desktops do.';
update bserver b
   set cores = least(coalesce((body->>'cores')::integer, 0), 4096),
       member = not exists (select from replica r where r.kind = 'node' and r.id = b.id and (r.body->>'revoked')::boolean);

create table lane (                         -- a display NIC: 1 Gbps for at most 50 screens
    bserver_id  uuid not null references bserver on delete cascade,
    no          integer not null check (no between 0 and 15),
    used        integer not null default 0,
    primary key (bserver_id, no),
    constraint law_lanes check (used between 0 and 50)
);
insert into lane (bserver_id, no, used) select bserver_id, lane, count(desktop_id) from slot group by bserver_id, lane;
alter table slot add constraint slot_on_lane foreign key (bserver_id, lane) references lane on delete cascade;

create table module_use (                   -- one row
    one         boolean primary key default true check (one),
    bservers    integer not null,
    desktops    integer not null,
    constraint law_module_bservers check (bservers between 0 and 10),
    constraint law_module_desktops check (desktops between 0 and 1000)
);
insert into module_use (bservers, desktops)
select (select count(*) from bserver where member), (select count(*) from desktop);

create function slot_count() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if tg_op <> 'DELETE' and (tg_op = 'INSERT' or new.desktop_id is not null)
       and new.no >= (select least(100, 6 * cores) from bserver where id = new.bserver_id) then
        raise check_violation using constraint = 'law_slots', table = 'slot',
            message = 'a bServer has 6 slots a physical core, at most 100';
    end if;
    if tg_op <> 'INSERT' and old.desktop_id is not null then
        update lane set used = used - 1 where bserver_id = old.bserver_id and no = old.lane;
    end if;
    if tg_op <> 'DELETE' and new.desktop_id is not null then
        update lane set used = used + 1 where bserver_id = new.bserver_id and no = new.lane;
    end if;
    return null;
end
$$;
create trigger slot_count after insert or delete or update of bserver_id, no, lane, desktop_id on slot
    for each row execute function slot_count();

create function desktop_count() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update module_use set desktops = desktops + case tg_op when 'INSERT' then 1 else -1 end;
    return null;
end
$$;
create trigger desktop_count after insert or delete on desktop for each row execute function desktop_count();

create function bserver_count() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update module_use set bservers = bservers + case when tg_op <> 'DELETE' and new.member then 1 else 0 end
                                              - case when tg_op <> 'INSERT' and old.member then 1 else 0 end;
    return null;
end
$$;
create trigger bserver_count after insert or delete or update of member on bserver for each row execute function bserver_count();

do $$
begin
    if exists (select from pg_roles where rolname = 'module') then
        grant select, insert on lane to module;
        grant select on module_use to module;
    end if;
end
$$;
