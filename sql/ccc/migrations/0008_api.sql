-- 0008: objects as the REST contract shows them (docs/rest.md): columns to filter and sort by, and body.

create view api_user as
    select id, username as name, created_at, generation,
           jsonb_build_object('id', id, 'username', username, 'display_name', display_name, 'role', role,
               'disabled', disabled, 'locale', locale, 'generation', generation,
               'created_at', rfc3339(created_at)) as body
      from person;

create view api_group as
    select g.id, g.name::text as name, g.created_at, g.generation,
           jsonb_build_object('id', g.id, 'name', g.name, 'description', g.description,
               'member_count', (select count(*) from member m where m.group_id = g.id),
               'generation', g.generation, 'created_at', rfc3339(g.created_at)) as body
      from person_group g;

create view api_image_version as
    select id, image_id, number, created_at, generation,
           jsonb_build_object('id', id, 'image_id', image_id, 'number', number, 'sha256', sha256, 'size', size,
               'virtual_size', virtual_size, 'format', format, 'state', 'ready',
               'generation', generation, 'created_at', rfc3339(created_at)) as body
      from image_version;

create view api_image as
    select i.id, i.name::text as name, i.created_at, i.generation,
           jsonb_build_object('id', i.id, 'name', i.name, 'description', i.description, 'guest', i.guest,
               'latest_version', (select v.body from api_image_version v where v.image_id = i.id
                                   order by v.number desc limit 1),
               'generation', i.generation, 'created_at', rfc3339(i.created_at)) as body
      from image i;

create view api_spec as
    select id, name::text as name, created_at, generation,
           jsonb_build_object('id', id, 'name', name, 'vcpus', vcpus, 'memory_mib', memory_mib,
               'firmware', firmware, 'tpm', tpm, 'disk_bus', disk_bus, 'nic_model', nic_model,
               'video', video, 'disk_gib', disk_gib, 'needs_vf', needs_vf,
               'generation', generation, 'created_at', rfc3339(created_at)) as body
      from spec;

-- A share is acknowledged when the module has as many desktops of the pool as the share asks for.
create view api_pool as
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
               'counts', (select jsonb_build_object('desktops', count(*),
                                 'running', count(*) filter (where d.observed = 'running'),
                                 'ready', count(*) filter (where d.state in ('ready', 'in_use')),
                                 'assigned', count(d.person_id), 'in_use', count(d.session_id))
                            from mirror_desktop d where d.pool_id = p.id),
               'generation', p.generation, 'created_at', rfc3339(p.created_at)) as body
      from pool p;

-- A pool as one of its people sees it.
create view api_my_pool as
    select t.person_id, p.id, p.name::text as name, p.created_at,
           jsonb_build_object('id', p.id, 'name', p.name, 'description', p.description, 'kind', p.kind,
               'image_name', i.name,
               'desktop_id', (select d.id from mirror_desktop d
                               where d.person_id = t.person_id and d.pool_id = p.id
                               order by d.id limit 1)) as body
      from entitled t join pool p on p.id = t.pool_id join image i on i.id = p.image_id;

create view api_entitlement as
    select id, pool_id, created_at, generation,
           jsonb_build_object('id', id, 'pool_id', pool_id, 'user_id', person_id, 'group_id', group_id,
               'generation', generation, 'created_at', rfc3339(created_at)) as body
      from entitlement;

create view module_up as
    select m.id, coalesce(c.heard_at > now() - interval '9 s', false) as up, c.heard_at, c.as_of
      from module m left join mirror_cursor c on c.module_id = m.id;
comment on view module_up is 'Whether a module was heard of in the last 9 s.';

create view api_block as
    select b.id, b.name::text as name, b.created_at, b.generation,
           jsonb_build_object('id', b.id, 'name', b.name,
               'xcenters', (select coalesce(jsonb_agg(jsonb_build_object('id', n.id, 'url', coalesce(h.url, ''),
                                   'state', case when h.heard_at > now() - interval '9 s' then 'up' else 'silent' end,
                                   'last_heard', rfc3339(h.heard_at)) order by n.name), '[]'::jsonb)
                              from node n left join node_heard h on h.node_id = n.id
                             where n.kind = 'xcenter' and n.block_id = b.id and not n.revoked),
               'modules', (select coalesce(jsonb_agg(m.id order by m.name), '[]'::jsonb)
                             from module m where m.block_id = b.id),
               'generation', b.generation, 'created_at', rfc3339(b.created_at)) as body
      from block b;

create view api_module as
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
      cross join lateral (select jsonb_build_object('desktops', count(*),
                                     'running', count(*) filter (where observed = 'running'),
                                     'sessions', count(session_id)) as counts
                            from mirror_desktop where module_id = m.id) d
      cross join lateral (select jsonb_build_object('bservers', count(*), 'slots', coalesce(sum(slots), 0),
                                     'slots_used', coalesce(sum(slots_used), 0)) as counts
                            from mirror_bserver where module_id = m.id) b;

create view api_bserver as
    select b.id, b.module_id, b.name, b.seen_at as created_at,
           case when u.up then b.state else 'silent' end as state,
           b.body || jsonb_build_object('id', b.id, 'module_id', b.module_id, 'name', b.name,
               'state', case when u.up then b.state else 'silent' end,
               'generation', coalesce(b.body -> 'generation', '1'::jsonb),
               'created_at', coalesce(b.body ->> 'created_at', rfc3339(b.seen_at))) as body
      from mirror_bserver b join module_up u on u.id = b.module_id;

create view api_vf as
    select v.id, v.bserver_id, v.address, v.state, v.seen_at as created_at,
           v.body || jsonb_build_object('id', v.id, 'bserver_id', v.bserver_id, 'state', v.state,
               'desktop_id', v.desktop_id, 'generation', coalesce(v.body -> 'generation', '1'::jsonb),
               'created_at', coalesce(v.body ->> 'created_at', rfc3339(v.seen_at))) as body
      from mirror_vf v;

-- Without allowed_actions, which depend on who asks. A silent module's desktops are unknown. as_of is when
-- the state was last known to be so, not when it last changed.
create view api_desktop as
    select d.id, d.module_id, d.pool_id, d.person_id, d.bserver_id, d.name, d.created_at,
           case when u.up then d.state else 'unknown' end as state,
           d.body || jsonb_build_object('id', d.id, 'name', d.name, 'module_id', d.module_id,
               'pool_id', d.pool_id, 'pool_name', coalesce(p.name::text, '-'),
               'kind', coalesce(p.kind, d.body ->> 'kind'),
               'person_id', d.person_id, 'username', n.username,
               'bserver_id', d.bserver_id, 'bserver_name', coalesce(b.name, d.body ->> 'bserver_name'),
               'state', case when u.up then d.state else 'unknown' end,
               'observed', case when u.up then d.observed else 'unknown' end,
               'as_of', case when u.up and d.observed <> 'unknown' then rfc3339(u.as_of)
                             else coalesce(d.body ->> 'as_of', rfc3339(u.as_of)) end,
               'session', case when jsonb_typeof(d.body -> 'session') = 'object'
                               then (d.body -> 'session') - 'person_id' end,
               'generation', coalesce(d.body -> 'generation', '1'::jsonb),
               'created_at', rfc3339(d.created_at)) as body
      from mirror_desktop d
      join module_up u on u.id = d.module_id
      left join pool p on p.id = d.pool_id
      left join person n on n.id = d.person_id
      left join mirror_bserver b on b.id = d.bserver_id;

create view api_connection as
    select c.id, c.since, c.person_id,
           jsonb_build_object('id', c.id, 'desktop_id', c.desktop_id, 'desktop_name', coalesce(d.name, '-'),
               'person_id', c.person_id, 'username', coalesce(p.username, '-'), 'module_id', c.module_id,
               'bserver_id', d.bserver_id, 'since', rfc3339(c.since),
               'screen', coalesce(d.body -> 'session' ->> 'screen', 'closed')) as body
      from connection c
      left join mirror_desktop d on d.id = c.desktop_id
      left join person p on p.id = c.person_id
     where c.ended_at is null;

-- An order of ours with what its module told of it, and the operations born below.
create view api_operation as
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
                             when o.ended_slug is not null
                             then jsonb_build_object('type', '/problems/' || o.ended_slug, 'title', o.ended_slug,
                                  'status', 504, 'detail', 'The module did not report an end before the deadline',
                                  'instance', 'urn:trace:-', 'origin', 'ccc', 'retryable', true) end,
               'result', case when jsonb_typeof(m.body -> 'result') = 'object' then m.body -> 'result' end,
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
               'generation', coalesce(m.body -> 'generation', '1'::jsonb))
      from mirror_operation m
      left join mirror_desktop d on d.id = m.target_id
      left join pool l on l.id = m.target_id
      left join person p on p.id = m.asked_by
     where not exists (select from operation o where o.id = m.id);

create view api_node as
    select n.id, n.kind, n.name::text as name, n.created_at, n.generation,
           jsonb_build_object('id', n.id, 'kind', n.kind, 'name', n.name, 'serial', n.serial,
               'not_after', rfc3339(n.not_after), 'last_heard', rfc3339(coalesce(h.heard_at, u.heard_at, b.heard_at)),
               'block_id', n.block_id, 'module_id', n.module_id,
               'generation', n.generation, 'created_at', rfc3339(n.created_at)) as body
      from node n
      left join node_heard h on h.node_id = n.id
      left join module_up u on u.id = n.module_id and n.kind = 'bcenter'
      left join lateral (select (m.body ->> 'last_heard')::timestamptz as heard_at from mirror_bserver m
                          where m.id = n.id and m.body ->> 'last_heard' is not null) b on n.kind = 'bserver'
     where n.kind <> 'ccc' and not n.revoked and n.not_after is not null;

create view api_audit as
    select a.id, a.at, a.actor_id, a.target_id, a.action,
           jsonb_build_object('id', a.id, 'at', rfc3339(a.at), 'actor_id', a.actor_id, 'actor_name', a.actor_name,
               'action', a.action, 'target_kind', a.target_kind, 'target_id', a.target_id,
               'target_name', a.target_name, 'result', a.result, 'trace_id', a.trace_id,
               'origin', a.origin, 'detail', a.detail) as body
      from audit a;

-- What the portal's start page counts, with the age of the oldest module's word.
create view api_summary as
    select jsonb_build_object(
               'people', (select count(*) from person),
               'pools', (select count(*) from pool),
               'blocks', (select count(*) from block),
               'modules', (select count(*) from module),
               'modules_up', (select count(*) from module_up where up),
               'bservers', (select count(*) from mirror_bserver),
               'desktops', (select count(*) from mirror_desktop),
               'running', (select count(*) from mirror_desktop where observed = 'running'),
               'sessions', (select count(*) from mirror_desktop where session_id is not null),
               'operations_open', (select count(*) from api_operation where state in ('queued', 'running')),
               'as_of', rfc3339(coalesce((select min(as_of) from mirror_cursor), now()))) as body;
