-- 0019: the I/O law's figures (docs/iolaw.md): what administrators give, kept here and told to the modules; what the
-- modules learned, mirrored. Stored as whole micro-requests per second (uio), shown as requests per second.

create domain uio as bigint check (value between 0 and 1000000000000000000);
create domain uio_given as bigint check (value between 1000 and 1000000000000 and value % 1000 = 0);

create function uio_of(rate jsonb) returns bigint language sql immutable parallel safe
return case when jsonb_typeof(rate) = 'number' then (round(rate::numeric, 3) * 1000000)::bigint end;

create function io_rate(uio numeric) returns numeric language sql immutable parallel safe
return trim_scale(round(uio / 1000000, 3));

-- ---- Given
alter table pool
    add column io_job text not null default 'session' check (io_job in ('session', 'desktop')),
    add column io_per_job uio_given,
    add column io_per_start uio_given;

create table bserver_io (
    bserver_id uuid primary key,
    module_id  uuid not null references module on delete cascade,
    io_limit   uio_given,
    generation bigint not null default 1 check (generation >= 1)
);
comment on table bserver_io is 'The I/O limit that an administrator gave a bServer; null: what its module learned holds.';
create index bserver_io_module on bserver_io (module_id);

create or replace view wanted_now_pool as
    select m.module_id::text as scope, p.id,
           b.body || jsonb_build_object('share_generation', p.share_generation,
               'base', (select jsonb_agg(jsonb_build_object('module_id', a.module_id, 'size', a.size) order by a.module_id)
                          from pool_share_base a where a.pool_id = p.id),
               'io', jsonb_build_object('job', p.io_job, 'per_job', p.io_per_job, 'per_start', p.io_per_start)) as body
      from pool p
      join pool_member m on m.pool_id = p.id
      join lateral (select w.body from wanted_pool_body w where w.id = p.id limit 1) b on true;

-- A bServer that left has no figure any more.
create view wanted_now_bserver_io as
    select b.module_id::text as scope, b.bserver_id as id, jsonb_build_object('limit', b.io_limit) as body
      from bserver_io b
     where b.io_limit is not null and not exists (select from node n where n.id = b.bserver_id and n.revoked);

create or replace view wanted_now as
    select 'node' as kind, * from wanted_now_node
    union all select 'module', * from wanted_now_module
    union all select 'image_version', * from wanted_now_image_version
    union all select 'pool', * from wanted_now_pool
    union all select 'person', * from wanted_now_person
    union all select 'entitlement', * from wanted_now_entitlement
    union all select 'operation', * from wanted_now_operation
    union all select 'seat', * from wanted_now_seat
    union all select 'bserver_io', * from wanted_now_bserver_io;

create function wanted_bserver_io_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare ids uuid[];
begin
    if TG_OP = 'DELETE' then select array_agg(bserver_id) into ids from gone;
    else select array_agg(bserver_id) into ids from came; end if;
    perform wanted_refresh('bserver_io', ids);
    return null;
end $$;

create or replace function wanted_node_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare ids uuid[];
begin
    if TG_OP = 'DELETE' then select array_agg(id) into ids from gone;
    else select array_agg(id) into ids from came; end if;
    perform wanted_refresh('node', ids);
    perform wanted_refresh('bserver_io', ids);
    return null;
end $$;

-- ---- Learned
create table mirror_pool_io (
    pool_id       uuid not null,
    module_id     uuid not null references module on delete cascade,
    round         bigint not null,
    per_job       uio not null,
    per_start     uio not null,
    samples       bigint not null,
    source        text not null check (char_length(source) between 1 and 24),
    start_samples bigint,
    start_source  text check (char_length(start_source) between 1 and 24),
    primary key (module_id, pool_id)
);
comment on table mirror_pool_io is 'What a job and a start of a pool ask for, as each of its modules holds it now, and where it has that from.';
create index mirror_pool_io_pool on mirror_pool_io (pool_id);

do $$
declare t record; f text;
begin
    for t in select * from (values ('bserver_io', 'bserver', 'bserver_id', 'wanted_bserver_io_changed'),
                                   ('mirror_pool_io', 'pool', 'pool_id', null)) v (source, kind, id, wanted)
    loop
        f := format('for each statement execute function event_changed(%L, %L)', t.kind, t.id);
        execute format('create trigger event_insert after insert on %I referencing new table as came %s', t.source, f);
        execute format('create trigger event_update after update on %I referencing old table as gone
                        new table as came %s', t.source, f);
        execute format('create trigger event_delete after delete on %I referencing old table as gone %s', t.source, f);
    end loop;
    f := 'for each statement execute function wanted_bserver_io_changed()';
    execute format('create trigger wanted_insert after insert on bserver_io referencing new table as came %s', f);
    execute format('create trigger wanted_update after update on bserver_io referencing old table as gone
                    new table as came %s', f);
    execute format('create trigger wanted_delete after delete on bserver_io referencing old table as gone %s', f);
end $$;

-- ---- As the REST contract shows them
create or replace view api_pool as
    select p.id, p.name::text as name, p.created_at, p.generation,
           jsonb_build_object('id', p.id, 'name', p.name, 'description', p.description, 'kind', p.kind,
               'image_id', p.image_id, 'image_version_id', p.image_version_id, 'spec_id', p.spec_id,
               'shares', (select coalesce(jsonb_agg(jsonb_build_object('module_id', s.module_id, 'size', s.size,
                               'state', case when s.size = (select count(*) from mirror_desktop d
                                                             where d.pool_id = p.id and d.module_id = s.module_id
                                                               and d.state <> 'deleting')
                                             then 'acknowledged' else 'wanted' end) order by s.module_id), '[]'::jsonb)
                            from pool_share s where s.pool_id = p.id),
               'spares_running', p.spares_running,
               'io', jsonb_build_object('job', p.io_job, 'per_job', io_rate(p.io_per_job),
                   'per_start', io_rate(p.io_per_start),
                   'modules', (select coalesce(jsonb_agg(jsonb_build_object('module_id', i.module_id,
                                      'per_job', io_rate(i.per_job), 'per_job_source', i.source,
                                      'per_job_samples', i.samples,
                                      'per_start', io_rate(i.per_start), 'per_start_source', i.start_source,
                                      'per_start_samples', i.start_samples) order by i.module_id), '[]'::jsonb)
                                 from mirror_pool_io i join pool_member s using (pool_id, module_id)
                                where i.pool_id = p.id)),
               'counts', (select jsonb_build_object('desktops', count(*),
                                 'running', count(*) filter (where d.observed = 'running'),
                                 'ready', count(*) filter (where d.state in ('ready', 'in_use')),
                                 'assigned', count(d.person_id), 'in_use', count(d.session_id))
                            from mirror_desktop d where d.pool_id = p.id),
               'generation', p.generation, 'created_at', rfc3339(p.created_at)) as body
      from pool p;

-- What a module told of a bServer's I/O. Null: a module of an older version, or nothing is known yet.
create function io_told(uio jsonb) returns numeric language sql immutable parallel safe
return case when jsonb_typeof(uio) = 'number' then io_rate(uio::numeric) end;

create function io_shown(io jsonb) returns jsonb language sql immutable parallel safe
return case when jsonb_typeof(io) = 'object' then jsonb_build_object('total', io_told(io -> 'total'), 'limit', io_told(io -> 'limit'),
    'source', io -> 'source', 'reason', io -> 'reason', 'since', io -> 'since', 'as_of', io -> 'as_of',
    'moves', (select coalesce(jsonb_agg(jsonb_build_object('at', m -> 'at', 'from', io_told(m -> 'from'), 'to', io_told(m -> 'to'),
                         'reason', m -> 'reason', 'total', io_told(m -> 'total'), 'us_per_request', m -> 'us_per_request',
                         'quiet_us', m -> 'quiet_us', 'dropped', m -> 'dropped') order by no), '[]'::jsonb)
                from jsonb_array_elements(case when jsonb_typeof(io -> 'moves') = 'array' then io -> 'moves' else '[]' end)
                     with ordinality v (m, no))) end;

-- Its generation is the CCC's: of what administrators give it. The rest is the module's word.
create or replace view api_bserver as
    select b.id, b.module_id, b.name, b.seen_at as created_at,
           case when u.up then b.state else 'silent' end as state,
           b.body || jsonb_build_object('id', b.id, 'module_id', b.module_id, 'name', b.name,
               'state', case when u.up then b.state else 'silent' end,
               'io', io_shown(b.body -> 'io'), 'io_limit', io_rate(g.io_limit),
               'generation', coalesce(g.generation, 1),
               'created_at', coalesce(b.body ->> 'created_at', rfc3339(b.seen_at))) as body,
           coalesce(g.generation, 1) as generation
      from mirror_bserver b join module_up u on u.id = b.module_id
      left join bserver_io g on g.bserver_id = b.id;

select wanted_refresh('pool', (select array_agg(id) from pool));

do $$
begin
    if exists (select from pg_roles where rolname = 'ccc') then
        grant select, insert, update, delete on bserver_io, mirror_pool_io to ccc;
    end if;
end $$;
