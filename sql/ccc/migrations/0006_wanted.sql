-- 0006: the source of sync (docs/sync.md): table wanted follows the views wanted_now_*, and nobody else writes it.

create table sync_source (
    one               boolean primary key default true check (one),
    history           uuid not null default gen_random_uuid(),
    floor             xid8 not null default pg_current_xact_id(),
    system_identifier bigint not null,
    timeline          text not null,
    database          oid not null,
    renewed_at        timestamptz(3) not null default now()
);
comment on table sync_source is 'The history of this source. Another cluster, timeline or database means restored or promoted: a new history.';

-- Several objects of one transaction share its xid8; no tells them apart, so that a page may end between any two.
create sequence wanted_no;
create function wanted_next_no() returns integer language sql volatile
return (nextval('wanted_no') & 1048575)::integer;

create table wanted (
    scope      text not null check (scope = '' or scope ~ '^[0-9a-f-]{36}$'),
    kind       text not null check (char_length(kind) between 1 and 23),
    id         uuid not null,
    rev        xid8 not null default pg_current_xact_id(),
    no         integer not null default wanted_next_no(),
    body       jsonb,
    deleted    boolean not null default false,
    changed_at timestamptz(3) not null default now(),
    primary key (scope, kind, id),
    check (deleted = (body is null))
);
comment on table wanted is 'What should be, for each module (scope) or for all (scope empty). The revision on the wire is rev * 2^20 + no.';
create index wanted_rev on wanted (rev, no);
create index wanted_object on wanted (kind, id);
create index wanted_tombstone on wanted (changed_at) where deleted;

-- The place of a person among shares: the same as common/wire/place.c, which tests/db compares.
create function place_among(person uuid, pool uuid, modules uuid[], sizes integer[], skip uuid[])
returns uuid language sql immutable parallel safe
return (select s.module
          from unnest(modules, sizes) with ordinality s (module, size, ord),
               generate_series(0, least(100, greatest(1, s.size / 10)) - 1) point
         where s.size > 0 and s.module <> all (skip)
         order by sha256(convert_to(person || '/' || pool || '/' || s.module || '/' || point, 'UTF8')) desc,
                  s.ord
         limit 1);

create function place_module(person uuid, pool uuid, skip uuid[] default '{}')
returns uuid language sql stable parallel safe
return (select case when count(*) filter (where size > 0 and module_id <> all (skip)) = 1
                    then (array_agg(module_id) filter (where size > 0 and module_id <> all (skip)))[1]
                    else place_among(person, pool, array_agg(module_id order by module_id),
                                     array_agg(size order by module_id), skip) end
          from pool_share where pool_id = pool);

create view wanted_now_node as
    select m.id::text as scope, n.id,
           jsonb_build_object('id', n.id, 'kind', n.kind, 'name', n.name, 'block_id', n.block_id,
                              'module_id', n.module_id, 'revoked', n.revoked) as body
      from node n join module m on m.id = n.module_id or (n.kind = 'xcenter' and m.block_id = n.block_id);

create view wanted_now_module as
    select ''::text as scope, m.id,
           jsonb_build_object('id', m.id, 'name', m.name, 'block_id', m.block_id,
                              'login', nullif(s.login, '')) as body
      from module m left join mirror_module s on s.module_id = m.id;

create view wanted_now_image_version as
    select distinct on (s.module_id, v.id) s.module_id::text as scope, v.id,
           jsonb_build_object('id', v.id, 'image_id', v.image_id, 'image_name', i.name,
                              'number', v.number, 'sha256', v.sha256, 'size', v.size,
                              'virtual_size', v.virtual_size, 'format', v.format, 'guest', i.guest) as body
      from image_version v
      join image i on i.id = v.image_id
      join pool p on p.image_version_id = v.id
      join pool_share s on s.pool_id = p.id;

create view wanted_now_pool as
    select s.module_id::text as scope, p.id,
           jsonb_build_object('id', p.id, 'name', p.name, 'description', p.description, 'kind', p.kind,
               'image_version_id', p.image_version_id, 'spares_running', p.spares_running,
               'generation', p.generation,
               'spec', jsonb_build_object('name', c.name, 'vcpus', c.vcpus, 'memory_mib', c.memory_mib,
                   'firmware', c.firmware, 'tpm', c.tpm, 'disk_bus', c.disk_bus, 'nic_model', c.nic_model,
                   'video', c.video, 'disk_gib', c.disk_gib, 'needs_vf', c.needs_vf),
               'shares', (select jsonb_agg(jsonb_build_object('module_id', a.module_id, 'size', a.size)
                                           order by a.module_id)
                            from pool_share a where a.pool_id = p.id)) as body
      from pool p join spec c on c.id = p.spec_id join pool_share s on s.pool_id = p.id;

-- Administrators are not sent; a verifier goes only where one of the person's pools has her place.
create view wanted_now_person as
    select r.module_id::text as scope, p.id,
           jsonb_build_object('id', p.id, 'username', p.username, 'display_name', p.display_name,
               'role', p.role, 'disabled', p.disabled, 'locale', p.locale, 'generation', p.generation,
               'verifier', case when not p.disabled and r.module_id = any (r.places) then p.verifier end,
               'groups', (select coalesce(jsonb_agg(m.group_id order by m.group_id), '[]'::jsonb)
                            from member m where m.person_id = p.id)) as body
      from person p
      cross join lateral (
            select distinct s.module_id,
                   (select array_agg(place_module(p.id, e2.pool_id))
                      from entitled e2 where e2.person_id = p.id) as places
              from entitled e join pool_share s on s.pool_id = e.pool_id
             where e.person_id = p.id) r
     where p.role = 'user';

create view wanted_now_entitlement as
    select s.module_id::text as scope, e.id,
           jsonb_build_object('id', e.id, 'pool_id', e.pool_id, 'person_id', e.person_id,
                              'group_id', e.group_id) as body
      from entitlement e join pool_share s on s.pool_id = e.pool_id;

create view wanted_now_operation as
    select o.module_id::text as scope, o.id,
           jsonb_build_object('id', o.id, 'verb', o.verb, o.target_kind || '_id', o.target_id,
               'asked_by', o.asked_by, 'asked_by_name', o.asked_by_name,
               'created_at', rfc3339(o.created_at), 'deadline', rfc3339(o.deadline),
               'cancel', o.cancel) as body
      from operation o where not o.withdrawn;

create view wanted_now as
    select 'node' as kind, * from wanted_now_node
    union all select 'module', * from wanted_now_module
    union all select 'image_version', * from wanted_now_image_version
    union all select 'pool', * from wanted_now_pool
    union all select 'person', * from wanted_now_person
    union all select 'entitlement', * from wanted_now_entitlement
    union all select 'operation', * from wanted_now_operation;
comment on view wanted_now is 'What table wanted holds without tombstones, computed afresh.';

-- Makes the table equal to the view for these objects. Every writer of a source table is SERIALIZABLE or touches
-- rows that no view joins with another writer's, so what is read here is what will be true after the commit.
create function wanted_refresh(what text, ids uuid[]) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if ids is null or cardinality(ids) = 0 then
        return;
    end if;
    execute format($q$
        with now_ as materialized (select scope, id, body from wanted_now_%1$s where id = any ($1)),
        put as (
            insert into wanted (scope, kind, id, body) select scope, %1$L, id, body from now_
            on conflict (scope, kind, id) do update
               set body = excluded.body, deleted = false, rev = pg_current_xact_id(),
                   no = wanted_next_no(), changed_at = now()
             where wanted.body is distinct from excluded.body)
        update wanted w
           set body = null, deleted = true, rev = pg_current_xact_id(), no = wanted_next_no(),
               changed_at = now()
         where w.kind = %1$L and w.id = any ($1) and not w.deleted
           and not exists (select from now_ n where n.scope = w.scope and n.id = w.id)
        $q$, what) using ids;
end $$;

create function wanted_notify() returns trigger language plpgsql as $$
begin
    perform pg_notify('wanted', '');
    return null;
end $$;
create trigger wanted_notify after insert or update or delete on wanted
    for each statement execute function wanted_notify();

-- Which objects a changed row of each source table touches. gone and came hold the rows before and after.
create function wanted_person_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare ids uuid[];
begin
    if TG_OP = 'DELETE' then select array_agg(id) into ids from gone;
    else select array_agg(id) into ids from came; end if;
    perform wanted_refresh('person', ids);
    return null;
end $$;

create function wanted_member_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare ids uuid[];
begin
    if TG_OP = 'DELETE' then select array_agg(distinct person_id) into ids from gone;
    else select array_agg(distinct person_id) into ids from came; end if;
    perform wanted_refresh('person', ids);
    return null;
end $$;

create function wanted_entitlement_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare ids uuid[]; persons uuid[];
begin
    if TG_OP = 'DELETE' then
        select array_agg(id) into ids from gone;
        select array_agg(person_id) into persons
          from (select person_id from gone where person_id is not null
                union select m.person_id from gone g join member m on m.group_id = g.group_id) t;
    else
        select array_agg(id) into ids from came;
        select array_agg(person_id) into persons
          from (select person_id from came where person_id is not null
                union select m.person_id from came g join member m on m.group_id = g.group_id) t;
    end if;
    perform wanted_refresh('entitlement', ids);
    perform wanted_refresh('person', persons);
    return null;
end $$;

-- A pool or its shares: the pool, its image versions, its entitlements, the people who have them.
create function wanted_refresh_pools(pools uuid[], versions uuid[], shares boolean) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
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

create function wanted_pool_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare ids uuid[]; versions uuid[];
begin
    if TG_OP = 'DELETE' then
        select array_agg(id), array_agg(distinct image_version_id) into ids, versions from gone;
    elsif TG_OP = 'UPDATE' then
        select array_agg(id), array_agg(distinct image_version_id) into ids, versions from gone;
    else
        select array_agg(id), array_agg(distinct image_version_id) into ids, versions from came;
    end if;
    perform wanted_refresh_pools(ids, versions, false);
    return null;
end $$;

create function wanted_share_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare ids uuid[];
begin
    if TG_OP = 'DELETE' then select array_agg(distinct pool_id) into ids from gone;
    else select array_agg(distinct pool_id) into ids from came; end if;
    perform wanted_refresh_pools(ids, '{}', true);
    return null;
end $$;

create function wanted_spec_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    perform wanted_refresh('pool', (select array_agg(p.id) from pool p join came c on c.id = p.spec_id));
    return null;
end $$;

create function wanted_image_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    perform wanted_refresh('image_version',
        (select array_agg(v.id) from image_version v join came c on c.id = v.image_id));
    return null;
end $$;

create function wanted_image_version_gone() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    perform wanted_refresh('image_version', (select array_agg(id) from gone));
    return null;
end $$;

create function wanted_node_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare ids uuid[];
begin
    if TG_OP = 'DELETE' then select array_agg(id) into ids from gone;
    else select array_agg(id) into ids from came; end if;
    perform wanted_refresh('node', ids);
    return null;
end $$;

create function wanted_module_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare ids uuid[];
begin
    if TG_OP = 'DELETE' then select array_agg(id) into ids from gone;
    else select array_agg(id) into ids from came; end if;
    perform wanted_refresh('module', ids);
    perform wanted_refresh('node',
        (select array_agg(n.id) from node n join module m on m.block_id = n.block_id where m.id = any (ids)));
    return null;
end $$;

create function wanted_mirror_module_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare ids uuid[];
begin
    if TG_OP = 'DELETE' then select array_agg(module_id) into ids from gone;
    else select array_agg(module_id) into ids from came; end if;
    perform wanted_refresh('module', ids);
    return null;
end $$;

create function wanted_operation_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare ids uuid[];
begin
    if TG_OP = 'DELETE' then select array_agg(id) into ids from gone;
    else select array_agg(id) into ids from came; end if;
    perform wanted_refresh('operation', ids);
    return null;
end $$;

do $$
declare t record;
begin
    for t in select * from (values
        ('person', 'wanted_person_changed', 'iud'), ('member', 'wanted_member_changed', 'id'),
        ('entitlement', 'wanted_entitlement_changed', 'iud'), ('pool', 'wanted_pool_changed', 'iud'),
        ('pool_share', 'wanted_share_changed', 'iud'), ('spec', 'wanted_spec_changed', 'u'),
        ('image', 'wanted_image_changed', 'u'), ('image_version', 'wanted_image_version_gone', 'd'),
        ('node', 'wanted_node_changed', 'iud'), ('module', 'wanted_module_changed', 'iud'),
        ('mirror_module', 'wanted_mirror_module_changed', 'iud'),
        ('operation', 'wanted_operation_changed', 'iud')) v (source, f, ops)
    loop
        if t.ops like '%i%' then
            execute format('create trigger wanted_insert after insert on %I referencing new table as came
                            for each statement execute function %I()', t.source, t.f);
        end if;
        if t.ops like '%u%' then
            execute format('create trigger wanted_update after update on %I referencing old table as gone
                            new table as came for each statement execute function %I()', t.source, t.f);
        end if;
        if t.ops like '%d%' then
            execute format('create trigger wanted_delete after delete on %I referencing old table as gone
                            for each statement execute function %I()', t.source, t.f);
        end if;
    end loop;
end $$;

-- Who this database is: cluster, timeline (of the WAL that is written now), database.
create function sync_identity(out system_identifier bigint, out timeline text, out database oid)
language sql stable security definer set search_path = public, pg_temp
return (select (c.system_identifier, left(pg_walfile_name(pg_current_wal_lsn()), 8), d.oid)
          from pg_control_system() c, pg_database d where d.datname = current_database());

insert into sync_source (system_identifier, timeline, database)
    select i.system_identifier, i.timeline, i.database from sync_identity() i;

-- A new history: what was said before no longer counts. Revisions are stamped anew, since another cluster's may lie
-- in this one's future.
create function sync_renew(because uuid) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare i record;
begin
    select * into i from sync_identity();
    update sync_source s
       set history = gen_random_uuid(), floor = pg_current_xact_id(), renewed_at = now(),
           system_identifier = i.system_identifier, timeline = i.timeline, database = i.database
     where s.history = because;
    if not found then
        return false;
    end if;
    delete from wanted where deleted;
    update wanted set rev = pg_current_xact_id(), no = wanted_next_no();
    return true;
end $$;

-- At start and now and then. True if the history was renewed.
create function sync_check() returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare old uuid;
begin
    select s.history into old from sync_source s, sync_identity() i
     where (s.system_identifier, s.timeline, s.database)
           is distinct from (i.system_identifier, i.timeline, i.database);
    return coalesce(sync_renew(old), false);
end $$;

-- Forgets tombstones and moves the floor. Live objects below it get a new revision, so that the cursors inside a
-- snapshot, which walk from the oldest on, never lie below the floor.
create function wanted_purge(older interval) returns bigint
language plpgsql security definer set search_path = public, pg_temp as $$
declare top xid8; n bigint;
begin
    with g as (delete from wanted where deleted and changed_at < now() - older returning rev)
    select max(rev), count(*) into top, n from g;
    if n = 0 then
        return 0;
    end if;
    update sync_source set floor = greatest(floor, (top::text::numeric + 1)::text::xid8);
    update wanted w set rev = pg_current_xact_id(), no = wanted_next_no()
      from sync_source s where w.rev < s.floor;
    return n;
end $$;
