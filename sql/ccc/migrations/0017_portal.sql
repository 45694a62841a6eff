-- 0017: what the pages of many desktops need: lists of 100,000 found by key, tallies, orders for many at once, saved
-- filters, the tree in one answer (docs/rest.md, "Many desktops").

create extension if not exists pg_trgm;

-- ---- The list
-- An index on an expression of body made every heartbeat touch every index: a column of its own changes when it changes.
drop index mirror_desktop_placement;
alter table mirror_desktop add column placement_id text generated always as (body ->> 'placement_id') stored;
alter table mirror_desktop set (fillfactor = 80);
create index mirror_desktop_placement on mirror_desktop (placement_id) where placement_id is not null;
create index mirror_desktop_pool_state on mirror_desktop (pool_id, state, name, id);

-- What changed since is sorted in every 64 kB: more would be walked through by each search, none would make each change
-- of a state dear.
create index mirror_desktop_name_part on mirror_desktop using gin (name gin_trgm_ops) with (gin_pending_list_limit = 64);
create index person_username_part on person using gin (username gin_trgm_ops) with (gin_pending_list_limit = 64);

create function like_part(part text) returns text language sql immutable parallel safe
return '%' || replace(replace(replace(part, '\', '\\'), '%', '\%'), '_', '\_') || '%';

-- What desktops must satisfy, as a piece of a statement that names only what is asked: so the planner sees the values and
-- takes the index that fits. $1 state, $2 pool, $3 person, $4 bServer, $5 module, $6 modules that are not heard of. Only
-- words of this function are in the piece, never a value.
create function desktop_where(state text, pool_id uuid, person_id uuid, bserver_id uuid, module_id uuid, silent uuid[])
returns text language sql immutable parallel safe
return concat(
    case when state = 'unknown' and silent is null then ' and d.state = $1'
         when state = 'unknown' then ' and (d.state = $1 or d.module_id = any ($6))'
         when silent is null and state is not null then ' and d.state = $1'
         when state is not null then ' and d.state = $1 and d.module_id <> all ($6)' end,
    case when pool_id is not null then ' and d.pool_id = $2' end,
    case when person_id is not null then ' and d.person_id = $3' end,
    case when bserver_id is not null then ' and d.bserver_id = $4' end,
    case when module_id is not null then ' and d.module_id = $5' end);

create function modules_silent() returns uuid[] language sql stable parallel safe
return (select array_agg(id) from module_up where not up);

-- One page: ids in order. key is the column (name, created_at), after and after_id the last of the page before.
create function desktop_find(most integer, key text, down boolean, after text, after_id uuid, state text, pool_id uuid,
                             person_id uuid, bserver_id uuid, module_id uuid, part text)
returns uuid[] language plpgsql stable set jit = off as $$
declare silent uuid[] := modules_silent(); found uuid[]; page text; tail text;
begin
    page := desktop_where(state, pool_id, person_id, bserver_id, module_id, silent)
        || case when after is not null
                then format(' and (d.%I, d.id) %s ($7::%s, $8)', key, case when down then '<' else '>' end,
                            case key when 'name' then 'text' else 'timestamptz' end) else '' end;
    tail := format(' order by %I %s, id %2$s limit $9', key, case when down then 'desc' else 'asc' end);
    if part is null then
        page := format('select d.id from mirror_desktop d where true %s %s', page, tail);
    else
        page := format('select id from ((select d.id, d.%1$I from mirror_desktop d where d.name ilike $10 %2$s %3$s) union
                                        (select d.id, d.%1$I from person p join mirror_desktop d on d.person_id = p.id
                                          where p.username ilike $10 %2$s %4$s)) found %3$s',
                       key, page, tail, format(' order by d.%I %s, d.id %2$s limit $9', key,
                                               case when down then 'desc' else 'asc' end));
    end if;
    execute 'select array(' || page || ')' into found
        using state, pool_id, person_id, bserver_id, module_id, silent, after, after_id, most, like_part(part);
    return found;
end $$;

-- ---- Tallies
create table mirror_tally (
    module_id uuid not null,
    pool_id   uuid not null,
    state     text not null,
    desktops  bigint not null,
    running   bigint not null,
    assigned  bigint not null,
    sessions  bigint not null,
    primary key (module_id, pool_id, state)
);
comment on table mirror_tally is 'How many desktops mirror_desktop has of each module, pool and state: kept by its triggers, written by nobody else.';
create index mirror_tally_pool on mirror_tally (pool_id);

create function mirror_tally_add(modules uuid[], pools uuid[], states text[], n bigint[], running bigint[], assigned bigint[],
                                 sessions bigint[]) returns void
language sql security definer set search_path = public, pg_temp as $$
    insert into mirror_tally as t select * from unnest(modules, pools, states, n, running, assigned, sessions)
    on conflict (module_id, pool_id, state) do update
       set desktops = t.desktops + excluded.desktops, running = t.running + excluded.running,
           assigned = t.assigned + excluded.assigned, sessions = t.sessions + excluded.sessions;
    delete from mirror_tally where module_id = any (modules) and desktops = 0;
$$;

-- Pages of one module follow each other, so nobody waits for another's row. A heartbeat that moves nothing writes nothing.
create function mirror_tally_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare m uuid[]; p uuid[]; s text[]; n bigint[]; r bigint[]; a bigint[]; c bigint[];
begin
    if TG_OP = 'INSERT' then
        select array_agg(v.module_id), array_agg(v.pool_id), array_agg(v.state), array_agg(v.n), array_agg(v.r),
               array_agg(v.a), array_agg(v.c) into m, p, s, n, r, a, c
          from (select module_id, pool_id, state, count(*) as n, count(*) filter (where observed = 'running') as r,
                       count(person_id) as a, count(session_id) as c from came group by 1, 2, 3) v;
    elsif TG_OP = 'DELETE' then
        select array_agg(v.module_id), array_agg(v.pool_id), array_agg(v.state), array_agg(-v.n), array_agg(-v.r),
               array_agg(-v.a), array_agg(-v.c) into m, p, s, n, r, a, c
          from (select module_id, pool_id, state, count(*) as n, count(*) filter (where observed = 'running') as r,
                       count(person_id) as a, count(session_id) as c from gone group by 1, 2, 3) v;
    else
        select array_agg(v.module_id), array_agg(v.pool_id), array_agg(v.state), array_agg(v.n), array_agg(v.r),
               array_agg(v.a), array_agg(v.c) into m, p, s, n, r, a, c
          from (select module_id, pool_id, state, sum(one) as n, sum(one * (observed = 'running')::int) as r,
                       sum(one * (person_id is not null)::int) as a, sum(one * (session_id is not null)::int) as c
                  from (select module_id, pool_id, state, observed, person_id, session_id, 1 as one from came
                        union all
                        select module_id, pool_id, state, observed, person_id, session_id, -1 from gone) moved
                 group by 1, 2, 3) v
         where (v.n, v.r, v.a, v.c) <> (0, 0, 0, 0);
    end if;
    if m is not null then
        perform mirror_tally_add(m, p, s, n, r, a, c);
    end if;
    return null;
end $$;
create trigger tally_insert after insert on mirror_desktop referencing new table as came
    for each statement execute function mirror_tally_changed();
create trigger tally_update after update on mirror_desktop referencing old table as gone new table as came
    for each statement execute function mirror_tally_changed();
create trigger tally_delete after delete on mirror_desktop referencing old table as gone
    for each statement execute function mirror_tally_changed();
insert into mirror_tally
    select module_id, pool_id, state, count(*), count(*) filter (where observed = 'running'), count(person_id),
           count(session_id) from mirror_desktop group by 1, 2, 3;

-- How many desktops satisfy a filter, where that is cheap: exact from the tallies, else counted up to most, else null.
create function desktop_total(most integer, state text, pool_id uuid, person_id uuid, bserver_id uuid, module_id uuid,
                              part text)
returns bigint language plpgsql stable set jit = off as $$
declare silent uuid[] := modules_silent(); n bigint; page text;
begin
    if person_id is null and bserver_id is null and part is null then
        return (select coalesce(sum(t.desktops), 0) from mirror_tally t
                 where ($3 is null or t.pool_id = $3) and ($6 is null or t.module_id = $6)
                   and ($2 is null or $2 = case when t.module_id = any (silent) then 'unknown' else t.state end));
    end if;
    page := desktop_where(state, pool_id, person_id, bserver_id, module_id, silent);
    if part is null then
        page := format('select from mirror_desktop d where true %s limit $7', page);
    else
        page := format('(select d.id from mirror_desktop d where d.name ilike $8 %1$s limit $7) union
                        (select d.id from person p join mirror_desktop d on d.person_id = p.id
                          where p.username ilike $8 %1$s limit $7)', page);
    end if;
    execute 'select count(*) from (' || page || ') found' into n
        using state, pool_id, person_id, bserver_id, module_id, silent, most + 1, like_part(part);
    return case when n <= most then n end;
end $$;

-- ---- Orders for many at once
-- An order that was refused when it was given never goes to a module, and may not even have one.
alter table operation alter column module_id drop not null,
    add constraint operation_sent check (module_id is not null or withdrawn);

create table operation_bulk (
    id            uuid primary key,
    verb          text not null,
    asked_by      uuid not null,
    asked_by_name text not null check (char_length(asked_by_name) <= 64),
    created_at    timestamptz(3) not null default now(),
    deadline      timestamptz(3) not null,
    total         integer not null check (total between 1 and 2000),
    already       integer not null check (already >= 0),
    refused       integer not null check (refused >= 0)
);
comment on table operation_bulk is 'One order for many desktops. Its state is its children''s.';
create index operation_bulk_created on operation_bulk (created_at, id);

create table operation_child (
    bulk_id      uuid not null references operation_bulk on delete cascade,
    no           integer not null,
    operation_id uuid not null references operation on delete cascade,
    own          boolean not null,
    primary key (bulk_id, no)
);
comment on table operation_child is 'Which operations a bulk order consists of; not own: the same order was open already, and is waited for, never cancelled.';
create unique index operation_child_operation on operation_child (operation_id, bulk_id);

-- Who waits for the parent hears of its children.
create function event_bulk_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare ids uuid[]; owners uuid[];
begin
    select array_agg(b.id), array_agg(b.asked_by) into ids, owners
      from (select distinct k.bulk_id from came c join operation_child k on k.operation_id = c.id) k
      join operation_bulk b on b.id = k.bulk_id;
    perform event_note('operation', ids, owners);
    return null;
end $$;
create trigger event_bulk_update after update on operation referencing new table as came
    for each statement execute function event_bulk_changed();
create trigger event_bulk_insert after insert on mirror_operation referencing new table as came
    for each statement execute function event_bulk_changed();
create trigger event_bulk_update after update on mirror_operation referencing new table as came
    for each statement execute function event_bulk_changed();
create trigger event_insert after insert on operation_bulk referencing new table as came
    for each statement execute function event_owned_changed('operation', 'id', 'asked_by');

create function operation_problem(slug text) returns jsonb language sql immutable parallel safe
return jsonb_build_object('type', '/problems/' || slug, 'title', slug,
    'status', case slug when 'desktop-not-found' then 404 when 'forbidden' then 403
                        when 'deadline-passed' then 504 else 409 end,
    'detail', case slug when 'desktop-not-found' then 'There is no such desktop'
                        when 'forbidden' then 'Only administrators may do that'
                        when 'desktop-state' then 'The desktop was in a state in which that cannot be done'
                        when 'cancelled' then 'It was cancelled'
                        else 'The module did not report an end before the deadline' end,
    'instance', 'urn:trace:-', 'origin', 'ccc', 'retryable', slug = 'deadline-passed');

create or replace view api_operation as
    select o.id, o.verb, o.target_id, o.asked_by, o.created_at,
           coalesce(o.ended_state, m.state, 'queued') as state,
           coalesce(m.body, '{}'::jsonb) || jsonb_build_object('id', o.id, 'verb', o.verb,
               'target', jsonb_build_object('kind', o.target_kind, 'id', o.target_id, 'name', o.target_name),
               'state', coalesce(o.ended_state, m.state, 'queued'),
               'percent', coalesce(m.body -> 'percent', '0'::jsonb),
               'stage', coalesce(m.body -> 'stage', 'null'::jsonb),
               'stages', coalesce(m.body -> 'stages', '[]'::jsonb),
               'asked_by', o.asked_by_name, 'created_at', rfc3339(o.created_at),
               'started_at', coalesce(m.body -> 'started_at', 'null'::jsonb),
               'ended_at', rfc3339(o.ended_at), 'deadline', rfc3339(o.deadline),
               'error', case when jsonb_typeof(m.body -> 'error') = 'object' then m.body -> 'error'
                             when o.ended_slug is not null then operation_problem(o.ended_slug) end,
               'result', case when jsonb_typeof(m.body -> 'result') = 'object' then m.body -> 'result' end,
               'children', null,
               'generation', 1 + (m.id is not null)::int + (o.ended_at is not null)::int) as body
      from operation o left join mirror_operation m on m.id = o.id
    union all
    select m.id, m.verb, m.target_id, m.asked_by, m.created_at, m.state,
           m.body || jsonb_build_object('id', m.id, 'verb', m.verb, 'state', m.state,
               'target', jsonb_build_object('kind', coalesce(m.body -> 'target' ->> 'kind', 'desktop'),
                   'id', m.target_id, 'name', coalesce(d.name, l.name::text, '-')),
               'percent', coalesce(m.body -> 'percent', '0'::jsonb),
               'stage', coalesce(m.body -> 'stage', 'null'::jsonb),
               'stages', coalesce(m.body -> 'stages', '[]'::jsonb),
               'asked_by', p.username, 'created_at', rfc3339(m.created_at),
               'started_at', coalesce(m.body -> 'started_at', 'null'::jsonb),
               'ended_at', rfc3339(m.ended_at),
               'deadline', coalesce(m.body -> 'deadline', 'null'::jsonb),
               'error', coalesce(m.body -> 'error', 'null'::jsonb),
               'result', coalesce(m.body -> 'result', 'null'::jsonb),
               'children', null,
               'generation', coalesce(m.body -> 'generation', '1'::jsonb))
      from mirror_operation m
      left join mirror_desktop d on d.id = m.target_id
      left join pool l on l.id = m.target_id
      left join person p on p.id = m.asked_by
     where not exists (select from operation o where o.id = m.id)
    union all
    select b.id, b.verb, null, b.asked_by, b.created_at, s.state,
           jsonb_build_object('id', b.id, 'verb', b.verb, 'state', s.state,
               'target', jsonb_build_object('kind', 'desktops', 'id', b.id, 'name', ''),
               'percent', (b.total - c.queued - c.running) * 100 / b.total,
               'stage', null, 'stages', '[]'::jsonb,
               'asked_by', b.asked_by_name, 'created_at', rfc3339(b.created_at),
               'started_at', case when s.state <> 'queued' then rfc3339(b.created_at) end,
               'ended_at', case when s.ended then rfc3339(greatest(c.ended_at, b.created_at)) end,
               'deadline', rfc3339(b.deadline),
               'error', null, 'result', null,
               'children', jsonb_build_object('total', b.total, 'already', b.already, 'refused', b.refused,
                   'queued', c.queued, 'running', c.running, 'succeeded', c.succeeded, 'failed', c.failed,
                   'cancelled', c.cancelled),
               'generation', 1 + c.moved)
      from operation_bulk b
      cross join lateral (
            select count(*) filter (where v.state = 'queued') as queued, count(*) filter (where v.state = 'running') as running,
                   count(*) filter (where v.state = 'succeeded') as succeeded, count(*) filter (where v.state = 'failed') as failed,
                   count(*) filter (where v.state = 'cancelled') as cancelled,
                   count(*) filter (where v.state <> 'queued') + count(*) filter (where v.state not in ('queued', 'running')) as moved,
                   max(v.ended_at) as ended_at
              from (select coalesce(o.ended_state, m.state, 'queued') as state, o.ended_at
                      from operation_child k join operation o on o.id = k.operation_id
                      left join mirror_operation m on m.id = o.id
                     where k.bulk_id = b.id) v) c
      cross join lateral (
            select c.queued + c.running = 0 as ended,
                   case when c.running > 0 or (c.queued > 0 and c.queued < b.total - b.already - b.refused) then 'running'
                        when c.queued > 0 then 'queued'
                        when c.failed > 0 then 'failed'
                        when c.cancelled > 0 then 'cancelled'
                        else 'succeeded' end as state) s;

-- ---- Filters that a person keeps
create table saved_filter (
    id         uuid primary key default gen_random_uuid(),
    person_id  uuid not null references person on delete cascade,
    name       name_text not null,
    filter     jsonb not null check (pg_column_size(filter) <= 2048),
    generation bigint not null default 1,
    created_at timestamptz(3) not null default now(),
    constraint saved_filter_name unique (person_id, name)
);
comment on table saved_filter is 'Filters of the list of desktops under a name, at most 50 a person; they follow her from browser to browser.';

create view api_saved_filter as
    select id, person_id, name::text as name, created_at, generation,
           jsonb_build_object('id', id, 'name', name, 'filter', filter, 'generation', generation,
               'created_at', rfc3339(created_at)) as body
      from saved_filter;

-- ---- The tree, and what is free in it
-- A whole number that a module told; what is none, is 0.
create function told(body jsonb, variadic path text[]) returns bigint language sql immutable parallel safe
return (select case when jsonb_typeof(v) = 'number' then greatest(least(v::numeric, 1e15), 0)::bigint else 0 end
          from (values (body #> path)) t (v));

-- Whether desktops take room in a store of this bServer; a simulated one has none.
create function stores(body jsonb) returns boolean language sql immutable parallel safe
return coalesce(body -> 'capabilities' -> 'formats' ? 'qcow2', false) and body ->> 'kind' is distinct from 'simulated'
   and told(body, 'storage', 'size_gib') > 0;

-- Sums over the desktops and bServers of each module, a module a row.
create view module_sums as
    select m.id, m.block_id, m.name::text as name, u.up, u.heard_at, u.as_of,
           coalesce(s.version, '') as version, coalesce(s.held, 0) as held,
           coalesce(t.desktops, 0) as desktops, coalesce(t.running, 0) as running, coalesce(t.assigned, 0) as assigned,
           coalesce(t.sessions, 0) as sessions,
           coalesce(b.bservers, 0) as bservers, coalesce(b.up, 0) as bservers_up,
           coalesce(b.maintenance, 0) as bservers_maintenance,
           coalesce(b.slots, 0) as slots, coalesce(b.slots_used, 0) as slots_used,
           coalesce(b.memory_mib, 0) as memory_mib, coalesce(b.memory_used_mib, 0) as memory_used_mib,
           coalesce(b.storage_gib, 0) as storage_gib, coalesce(b.storage_free_gib, 0) as storage_free_gib,
           coalesce(b.vfs, 0) as vfs, coalesce(b.vfs_used, 0) as vfs_used
      from module m
      join module_up u on u.id = m.id
      left join mirror_module s on s.module_id = m.id
      left join (select module_id, sum(desktops) as desktops, sum(running) as running, sum(assigned) as assigned,
                        sum(sessions) as sessions from mirror_tally group by 1) t on t.module_id = m.id
      left join (select module_id, count(*) as bservers, count(*) filter (where state = 'up') as up,
                        count(*) filter (where state = 'maintenance') as maintenance,
                        sum(slots) as slots, sum(slots_used) as slots_used,
                        sum(told(body, 'memory_mib')) as memory_mib, sum(told(body, 'memory_used_mib')) as memory_used_mib,
                        sum(told(body, 'storage', 'size_gib')) as storage_gib,
                        sum(told(body, 'storage', 'free_gib')) as storage_free_gib,
                        sum(told(body, 'vfs')) as vfs, sum(told(body, 'vfs_used')) as vfs_used
                   from mirror_bserver group by 1) b on b.module_id = m.id;

create view api_topology as
    select b.id, b.name, b.created_at,
           b.body || jsonb_build_object('modules', coalesce(m.modules, '[]'::jsonb)) as body
      from api_block b
      left join (select s.block_id, jsonb_agg(jsonb_build_object('id', s.id, 'name', s.name,
                            'state', case when s.up then 'up' else 'silent' end, 'last_heard', rfc3339(s.heard_at),
                            'as_of', rfc3339(s.as_of), 'version', s.version, 'held', s.held,
                            'desktops', s.desktops, 'running', s.running, 'sessions', s.sessions,
                            'bservers', s.bservers, 'bservers_up', case when s.up then s.bservers_up else 0 end,
                            'bservers_maintenance', s.bservers_maintenance,
                            'slots', s.slots, 'slots_used', s.slots_used,
                            'memory_mib', s.memory_mib, 'memory_used_mib', s.memory_used_mib,
                            'storage_gib', s.storage_gib, 'storage_free_gib', s.storage_free_gib,
                            'vfs', s.vfs, 'vfs_used', s.vfs_used) order by s.name) as modules
                   from module_sums s group by s.block_id) m on m.block_id = b.id;

-- As in 0008, with the tallies instead of counting the desktops.
create or replace view api_module as
    select m.id, m.name::text as name, m.created_at, m.generation,
           jsonb_build_object('id', m.id, 'name', m.name, 'block_id', m.block_id,
               'state', case when u.up then 'up' else 'silent' end, 'last_heard', rfc3339(u.heard_at),
               'login', coalesce(s.login, ''), 'epoch', coalesce(s.epoch, 0), 'version', coalesce(s.version, ''),
               'held', coalesce(s.held, 0),
               'counts', d.counts || b.counts
                   || (select jsonb_build_object('vfs', count(*), 'vfs_used', count(v.desktop_id))
                         from mirror_vf v where v.module_id = m.id),
               'as_of', rfc3339(coalesce(u.as_of, m.created_at)),
               'generation', m.generation, 'created_at', rfc3339(m.created_at)) as body
      from module m
      join module_up u on u.id = m.id
      left join mirror_module s on s.module_id = m.id
      cross join lateral (select jsonb_build_object('desktops', coalesce(sum(desktops), 0), 'running', coalesce(sum(running), 0),
                                     'sessions', coalesce(sum(sessions), 0)) as counts
                            from mirror_tally where module_id = m.id) d
      cross join lateral (select jsonb_build_object('bservers', count(*), 'slots', coalesce(sum(slots), 0),
                                     'slots_used', coalesce(sum(slots_used), 0)) as counts
                            from mirror_bserver where module_id = m.id) b;

create or replace view api_summary as
    select jsonb_build_object(
               'people', (select count(*) from person),
               'pools', (select count(*) from pool),
               'blocks', (select count(*) from block),
               'modules', (select count(*) from module),
               'modules_up', (select count(*) from module_up where up),
               'bservers', (select count(*) from mirror_bserver),
               'desktops', (select coalesce(sum(desktops), 0) from mirror_tally),
               'running', (select coalesce(sum(running), 0) from mirror_tally),
               'sessions', (select coalesce(sum(sessions), 0) from mirror_tally),
               'operations_open', (select count(*) from operation where ended_at is null)
                   + (select count(*) from mirror_operation m where m.state in ('queued', 'running')
                         and not exists (select from operation o where o.id = m.id)),
               'as_of', rfc3339(coalesce((select min(as_of) from mirror_cursor), now()))) as body;

do $$
begin
    if exists (select from pg_roles where rolname = 'ccc') then
        grant select on mirror_tally, operation_bulk, operation_child, saved_filter, api_saved_filter, module_sums,
            api_topology to ccc;
        grant insert, update, delete on operation_bulk, operation_child, saved_filter to ccc;
    end if;
    revoke execute on function mirror_tally_add from public;
end $$;
