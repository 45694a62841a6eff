-- 0015: MAC addresses that no two modules can give, how pools stand in their modules (docs/vf.md), VFs with their module.

-- A module's number is the third and fourth byte of the MAC addresses of its desktops; given once, never again. Below 256
-- lies what desktops were given before (52:54:00).
alter table module add column mac_no integer generated always as identity (start with 256 minvalue 256 maxvalue 65535) unique;
comment on column module.mac_no is 'Its range of MAC addresses: 52:54, this number, 65,536 of them.';

create or replace view wanted_now_module as
    select ''::text as scope, m.id,
           jsonb_build_object('id', m.id, 'name', m.name, 'block_id', m.block_id,
                              'login', nullif(s.login, ''), 'mac_no', m.mac_no) as body
      from module m left join mirror_module s on s.module_id = m.id;
select wanted_refresh('module', (select array_agg(id) from module));

create table mirror_pool (
    module_id uuid not null references module on delete cascade,
    id        uuid not null,
    round     bigint not null,
    share     integer not null check (share >= 0),
    desktops  integer not null check (desktops >= 0),
    body      jsonb not null,
    primary key (module_id, id)
);
comment on table mirror_pool is 'How a pool stands in a module: its desktops, why the next cannot be placed, what its share lacks.';
create index mirror_pool_id on mirror_pool (id, module_id);

create trigger event_insert after insert on mirror_pool referencing new table as came
    for each statement execute function event_changed('pool', 'id');
create trigger event_update after update on mirror_pool referencing old table as gone new table as came
    for each statement execute function event_changed('pool', 'id');
create trigger event_delete after delete on mirror_pool referencing old table as gone
    for each statement execute function event_changed('pool', 'id');

-- {"forecast":[{module_id,law,needs,free}],"refused":[{module_id,law,detail}]}: part of the Pool of docs/rest.md.
create function pool_forecast(pool uuid) returns jsonb language sql stable
return (select jsonb_build_object(
                   'forecast', coalesce(jsonb_agg(jsonb_build_object('module_id', p.module_id) || f.value
                                                  order by p.module_id, f.ordinality) filter (where f.value is not null),
                                        '[]'::jsonb),
                   'refused', coalesce((select jsonb_agg(jsonb_build_object('module_id', r.module_id) || (r.body -> 'refused')
                                                         order by r.module_id)
                                          from mirror_pool r
                                         where r.id = pool and jsonb_typeof(r.body -> 'refused') = 'object'), '[]'::jsonb))
          from mirror_pool p left join lateral jsonb_array_elements(p.body -> 'forecast') with ordinality f on true
         where p.id = pool);

-- What an older bCenter does not say is null.
create or replace view api_vf as
    select v.id, v.bserver_id, v.address, v.state, v.seen_at as created_at,
           jsonb_build_object('reason', null, 'since', null, 'run', null, 'drift', null, 'spoof_check', null,
                              'rate_mbps', null, 'link', null)
           || v.body || jsonb_build_object('id', v.id, 'bserver_id', v.bserver_id, 'module_id', v.module_id,
               'state', v.state, 'desktop_id', v.desktop_id, 'desktop_name', d.name,
               'generation', coalesce(v.body -> 'generation', '1'::jsonb),
               'created_at', coalesce(v.body ->> 'created_at', rfc3339(v.seen_at))) as body,
           v.module_id
      from mirror_vf v left join mirror_desktop d on d.id = v.desktop_id;

do $$
begin
    if exists (select from pg_roles where rolname = 'ccc') then
        grant select, insert, update, delete on mirror_pool to ccc;
    end if;
end $$;
